//! The contents of a file, as a few numbers instead of its bytes.

use bytes::Bytes;
use mlforge_bench::numbers::mix;

/// The contents of a file. The bytes are generated from a seed when they are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    /// The seed; another seed gives other bytes.
    pub(crate) seed: u64,
    /// Number of bytes.
    pub(crate) length: usize,
}

impl Contents {
    /// The bytes.
    pub(crate) fn bytes(self) -> Bytes {
        self.stream().collect()
    }

    /// True if these are the bytes.
    pub(crate) fn are(self, bytes: &[u8]) -> bool {
        bytes.len() == self.length && self.stream().eq(bytes.iter().copied())
    }

    fn stream(self) -> impl Iterator<Item = u8> {
        let word = move |index: u64| mix(self.seed.wrapping_add(index)).to_le_bytes();
        (0..).flat_map(word).take(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_have_their_length_and_repeat() {
        let contents = Contents { seed: 5, length: 13 };
        assert_eq!(contents.bytes().len(), 13);
        assert!(contents.are(&contents.bytes()) && !contents.are(&contents.bytes().slice(1..)));
        assert_ne!(contents.bytes(), Contents { seed: 6, length: 13 }.bytes());
        assert_ne!(contents.bytes().slice(8..), contents.bytes().slice(..5));
    }
}
