//! A block: the values of one column for 512 runs of an experiment, by slot, as it is read.
//! `block_builder.rs` writes it.
//!
//! The stored form begins with the kind of the values and a bit for each slot, which is set when the slot has
//! a value. The values follow:
//!
//! - Numbers have 8 bytes each, little-endian, as WebAssembly has them in memory.
//! - Texts follow each other. Their lengths come first, a byte each. The length `ELSEWHERE` means that the
//!   text is too long for a block.
//! - A dictionary holds texts of which many are equal. It is the number of its words, the words as texts,
//!   then each value's word number, a byte each.

use std::cell::OnceCell;
use std::ops::RangeInclusive;

use super::slot_bitmap::{SLOTS, SlotBitmap, WORD_SLOTS};
use crate::convert::to_usize;
use crate::error::{Error, Result};

/// Largest number of bytes of a text in a block. Longer texts are left out, so that rewriting a block stays
/// cheap.
pub const TEXT_BYTES_MAX: usize = 100;

/// Kind of a block of texts.
pub(crate) const TEXTS: u8 = 0;
/// Kind of a block with a dictionary of words.
pub(crate) const WORDS: u8 = 1;
/// Kind of a block of numbers.
pub(crate) const NUMBERS: u8 = 8;

/// Bytes of a bitmap with a bit for each slot.
pub(crate) const BITMAP_BYTES: usize = SLOTS / 8;
const LOTS: usize = SLOTS / WORD_SLOTS;
/// The length that means that only the run's own records have the text.
pub(crate) const OVERSIZED: u8 = 255;

/// The value of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// The run has no such value.
    Absent,
    /// A text.
    Text(&'a str),
    /// Other bytes.
    Bytes(&'a [u8]),
    /// A value that only the run's own records have.
    Oversized,
}

impl<'a> Value<'a> {
    /// Returns the stored bytes. `None`: the block does not have them.
    pub fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Value::Text(text) => Some(text.as_bytes()),
            Value::Bytes(bytes) => Some(bytes),
            Value::Absent | Value::Oversized => None,
        }
    }
}

/// A block. Any slot is found without reading the others.
#[derive(Debug)]
pub struct Block {
    held: SlotBitmap,
    /// True if the slots with a value are the first ones, without a slot missing between them.
    is_dense: bool,
    values: BlockValues,
    /// Computed on first use.
    ranges: OnceCell<Vec<RangeInclusive<f64>>>,
}

/// One value for each slot that has one.
#[derive(Debug)]
enum BlockValues {
    Numbers(Vec<[u8; 8]>),
    Texts(Texts),
    Dictionary {
        words: Texts,
        /// Number of the word of each value.
        codes: Vec<u8>,
    },
}

impl Block {
    /// An empty block, which is also the value of one that does not exist.
    pub fn empty() -> Self {
        Block {
            held: SlotBitmap::default(),
            is_dense: true,
            values: BlockValues::Numbers(Vec::new()),
            ranges: OnceCell::new(),
        }
    }

    /// Reads a stored block. Without bytes it is empty: the block does not exist.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let Some((kind, rest)) = bytes.split_first() else {
            return Ok(Block::empty());
        };
        let (bits, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let held = SlotBitmap::of_bytes(bits);
        let count = held.count();
        let values = match *kind {
            NUMBERS => BlockValues::Numbers(rest.as_chunks().0.to_vec()),
            TEXTS => BlockValues::Texts(Texts::read(count, rest)?.0),
            WORDS => {
                let (words, rest) = rest.split_first().ok_or_else(damaged)?;
                let (words, codes) = Texts::read(usize::from(*words), rest)?;
                let codes = codes.to_vec();
                BlockValues::Dictionary { words, codes }
            }
            _ => return Err(damaged()),
        };
        let is_dense =
            u16::try_from(count).is_ok_and(|count| held == SlotBitmap::prefix(count)) && values.count() == count;
        Ok(Block {
            held,
            is_dense,
            values,
            ranges: OnceCell::new(),
        })
    }

    /// True if no slot has a value.
    pub fn is_empty(&self) -> bool {
        self.held == SlotBitmap::default()
    }

    /// The slots with a value.
    pub fn held(&self) -> SlotBitmap {
        self.held
    }

    /// Number of bytes of memory.
    pub fn size(&self) -> usize {
        let values = match &self.values {
            BlockValues::Numbers(numbers) => size_of_val(numbers.as_slice()) + LOTS * size_of::<RangeInclusive<f64>>(),
            BlockValues::Texts(texts) => texts.size(),
            BlockValues::Dictionary { words, codes } => words.size() + codes.len(),
        };
        size_of::<Self>() + values
    }

    /// Returns the numbers of all slots up to the last with a number. `None`: some slot before it has none.
    pub fn dense(&self) -> Option<&[[u8; 8]]> {
        match &self.values {
            BlockValues::Numbers(numbers) => self.is_dense.then_some(numbers),
            _ => None,
        }
    }

    /// Returns the minimum and maximum of the floats of each word of slots. A word with a NaN has an infinite
    /// range. `None`: the numbers are not dense.
    pub fn float_ranges(&self) -> Option<&[RangeInclusive<f64>]> {
        let numbers = self.dense()?;
        Some(
            self.ranges
                .get_or_init(|| numbers.chunks(WORD_SLOTS).map(range_of).collect()),
        )
    }

    /// Returns the number of each slot's word, and the words by number. `None`: the block has no dictionary,
    /// or is not dense.
    pub fn dense_dictionary(&self) -> Option<(&[u8], impl Iterator<Item = Value<'_>>)> {
        let BlockValues::Dictionary { words, codes } = &self.values else {
            return None;
        };
        let all = (0..words.ends.len()).map(|code| words.get(code));
        self.is_dense.then_some((codes.as_slice(), all))
    }

    /// Returns the number in a slot. `None`: it has none.
    pub fn number(&self, slot: u16) -> Option<[u8; 8]> {
        match &self.values {
            BlockValues::Numbers(numbers) => numbers.get(self.rank(slot)?).copied(),
            _ => None,
        }
    }

    /// Returns the value of a slot. A slot that the block does not have is absent.
    pub fn get(&self, slot: u16) -> Value<'_> {
        let Some(rank) = self.rank(slot) else {
            return Value::Absent;
        };
        // If bytes of a damaged block are missing, the run is read from its own records.
        match &self.values {
            BlockValues::Numbers(numbers) => numbers.get(rank).map_or(Value::Oversized, |value| Value::Bytes(value)),
            BlockValues::Texts(texts) => texts.get(rank),
            BlockValues::Dictionary { words, codes } => codes
                .get(rank)
                .map_or(Value::Oversized, |code| words.get(usize::from(*code))),
        }
    }

    /// Number of values before that of a slot. `None`: the slot has no value.
    fn rank(&self, slot: u16) -> Option<usize> {
        if self.is_dense {
            let rank = usize::from(slot);
            return (rank < self.values.count()).then_some(rank);
        }
        self.held.rank(slot)
    }
}

impl BlockValues {
    fn count(&self) -> usize {
        match self {
            BlockValues::Numbers(numbers) => numbers.len(),
            BlockValues::Texts(texts) => texts.ends.len(),
            BlockValues::Dictionary { codes, .. } => codes.len(),
        }
    }
}

/// Texts that follow each other.
#[derive(Debug)]
struct Texts {
    /// End of each text. The bit `AWAY` is set for a text that is not in the block.
    ends: Vec<u32>,
    all: Joined,
}

/// The bytes of all texts. They usually are UTF-8 as a whole, and then no single text is checked.
#[derive(Debug)]
enum Joined {
    Text(String),
    Bytes(Vec<u8>),
}

/// A bit above any end of a text in a block.
const AWAY: u32 = 1 << 31;

impl Texts {
    /// Reads the lengths of some texts, then the texts. Also returns the bytes after them.
    fn read(count: usize, bytes: &[u8]) -> Result<(Self, &[u8])> {
        let (lengths, rest) = bytes.split_at_checked(count).ok_or_else(damaged)?;
        let mut end = 0;
        let place = |length: &u8| {
            if *length == OVERSIZED {
                return end | AWAY;
            }
            end += u32::from(*length);
            end
        };
        let ends = lengths.iter().map(place).collect();
        let (bytes, rest) = rest.split_at_checked(to_usize(end)).ok_or_else(damaged)?;
        let all = match std::str::from_utf8(bytes) {
            Ok(text) => Joined::Text(text.to_owned()),
            Err(_) => Joined::Bytes(bytes.to_vec()),
        };
        Ok((Texts { ends, all }, rest))
    }

    fn get(&self, rank: usize) -> Value<'_> {
        let before = rank.checked_sub(1).and_then(|last| self.ends.get(last));
        let start = before.map_or(0, |end| end & !AWAY);
        let Some(end) = self.ends.get(rank).filter(|end| *end & AWAY == 0) else {
            return Value::Oversized;
        };
        let place = to_usize(start)..to_usize(*end);
        match &self.all {
            Joined::Text(all) => match all.get(place.clone()) {
                Some(text) => Value::Text(text),
                None => all.as_bytes().get(place).map_or(Value::Oversized, Value::Bytes),
            },
            Joined::Bytes(all) => all.get(place).map_or(Value::Oversized, Value::Bytes),
        }
    }

    fn size(&self) -> usize {
        let bytes = match &self.all {
            Joined::Text(all) => all.len(),
            Joined::Bytes(all) => all.len(),
        };
        size_of_val(self.ends.as_slice()) + bytes
    }
}

fn range_of(floats: &[[u8; 8]]) -> RangeInclusive<f64> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for float in floats.iter().map(|bits| f64::from_le_bytes(*bits)) {
        if float.is_nan() {
            return f64::NEG_INFINITY..=f64::INFINITY;
        }
        (low, high) = (low.min(float), high.max(float));
    }
    low..=high
}

fn damaged() -> Error {
    Error::Corrupt("stored block is damaged".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..400), kind in 0_u8..10) {
            if let Some(first) = bytes.first_mut() {
                *first = kind;
            }
            if let Ok(block) = Block::read(&bytes) {
                for slot in 0..600 {
                    let _ = (block.get(slot), block.number(slot));
                }
                let _ = block.float_ranges();
                let _ = (block.dense(), block.dense_dictionary().map(|(codes, words)| codes.len() + words.count()));
            }
        }
    }
}
