//! The id of an object or of a composition of objects: the time at which it was made, and 128 random bits. Nobody can guess
//! it, and ids in their order are objects in the order of their age.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::storage::StorageError;

/// Number of bytes of an id.
pub(super) const ID_BYTES: usize = 24;

/// An id. It is never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ObjectId {
    /// Milliseconds since the Unix epoch, by the clock of the host that made it.
    pub(super) made_ms: u64,
    random: u128,
}

impl ObjectId {
    /// A new id.
    pub(super) fn fresh() -> Result<Self, StorageError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| StorageError::Unavailable(format!("no randomness: {error}")))?;
        Ok(Self {
            made_ms: now_ms(),
            random: u128::from_be_bytes(random),
        })
    }

    /// The least id of this time.
    pub(super) fn first_of(made_ms: u64) -> Self {
        Self { made_ms, random: 0 }
    }

    /// The id in 48 hex digits, which sort as ids do.
    pub(super) fn text(&self) -> String {
        format!("{:016x}{:032x}", self.made_ms, self.random)
    }

    /// Reads what `text` writes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (made, random) = text.split_at_checked(16)?;
        let id = Self {
            made_ms: u64::from_str_radix(made, 16).ok()?,
            random: u128::from_str_radix(random, 16).ok()?,
        };
        (id.text() == text).then_some(id)
    }

    /// The id in bytes, which sort as ids do.
    pub(super) fn bytes(&self) -> [u8; ID_BYTES] {
        let mut bytes = [0; ID_BYTES];
        let all = self.made_ms.to_be_bytes().into_iter().chain(self.random.to_be_bytes());
        bytes.iter_mut().zip(all).for_each(|(to, from)| *to = from);
        bytes
    }

    /// Splits the bytes of an id off.
    pub(super) fn split_from(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (made, rest) = bytes.split_first_chunk::<8>()?;
        let (random, rest) = rest.split_first_chunk::<16>()?;
        let id = Self {
            made_ms: u64::from_be_bytes(*made),
            random: u128::from_be_bytes(*random),
        };
        Some((id, rest))
    }
}

/// The time of day, in milliseconds since the Unix epoch.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn an_id_is_read_as_written_and_sorts_by_its_time() {
        let (first, second) = (ObjectId::first_of(255), ObjectId::fresh().unwrap());
        for id in [first, second] {
            assert_eq!(ObjectId::parse(&id.text()), Some(id));
            assert_eq!(ObjectId::split_from(&id.bytes()), Some((id, &[][..])));
        }
        assert!(first.text() < second.text() && first.bytes() < second.bytes());
        for other in ["", "7", "+00000000000000f00000000000000000000000000000000", "owner"] {
            assert_eq!(ObjectId::parse(other), None, "{other}");
        }
    }
}
