//! The clock and the random numbers that the component sees. A test freezes the one and seeds the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

/// Tells the time of day.
pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Where random bytes come from.
pub(crate) enum Rng {
    /// The operating system.
    System,
    /// The same bytes in every run that begins with the same seed.
    Seeded { seed: u64, drawn: AtomicU64 },
}

impl Rng {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self::Seeded {
            seed,
            drawn: AtomicU64::new(0),
        }
    }

    pub(crate) fn fill(&self, bytes: &mut [u8]) -> Result<(), getrandom::Error> {
        match self {
            Self::System => getrandom::fill(bytes),
            Self::Seeded { seed, drawn } => {
                for piece in bytes.chunks_mut(32) {
                    let count = drawn.fetch_add(1, Ordering::Relaxed);
                    let block = Sha256::new()
                        .chain_update(seed.to_le_bytes())
                        .chain_update(count.to_le_bytes())
                        .finalize();
                    piece.iter_mut().zip(block).for_each(|(byte, drawn)| *byte = drawn);
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(randomness: &Rng) -> [u8; 40] {
        let mut bytes = [0; 40];
        randomness.fill(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn one_seed_gives_one_sequence_without_repetition() {
        let (one, same, other) = (Rng::seeded(1), Rng::seeded(1), Rng::seeded(2));
        let first = draw(&one);
        assert_eq!(first, draw(&same));
        assert_ne!(first, draw(&one));
        assert_ne!(first, draw(&other));
    }
}
