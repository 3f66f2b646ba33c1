//! The clock and the random numbers that the component sees. Tests can freeze the clock and seed the random
//! numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

/// Returns the time of day.
pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The source of random bytes.
pub(crate) enum Rng {
    /// The operating system.
    System,
    /// A seeded sequence, the same in every run with this seed.
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
                for chunk in bytes.chunks_mut(32) {
                    let count = drawn.fetch_add(1, Ordering::Relaxed);
                    let block = Sha256::new()
                        .chain_update(seed.to_le_bytes())
                        .chain_update(count.to_le_bytes())
                        .finalize();
                    chunk.iter_mut().zip(block).for_each(|(byte, drawn)| *byte = drawn);
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
