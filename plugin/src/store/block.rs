//! What the runs of one block of an experiment have in one column, by slot, as it is read. `draft.rs` writes it.
//!
//! As bytes: what kind of values it has, which slots have a value (a bit each), then the values:
//!
//! - numbers have 8 bytes each, the lowest first, as WebAssembly has them in memory;
//! - texts lie one after the other; before them come their lengths, a byte each, where `ELSEWHERE` stands for a text that is too
//!   long for a block;
//! - words are texts of which many are equal: how many words there are, the words as texts, then for each slot the number of
//!   its word, a byte each.

use crate::error::{Error, Result};

/// Slots of a block.
pub const SLOTS: usize = 512;
/// Longer texts are not kept in blocks: rewriting one stays cheap.
pub const TEXT_BYTES_MAX: usize = 100;

/// Blocks of texts.
pub(super) const TEXTS: u8 = 0;
/// Blocks of words.
pub(super) const WORDS: u8 = 1;
/// Blocks of numbers.
pub(super) const NUMBERS: u8 = 8;

/// A bit for each slot.
pub(super) const BITMAP_BYTES: usize = SLOTS / 8;
/// The length of a text that only the run itself has.
pub(super) const ELSEWHERE: u8 = 255;

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Nothing: the run has no such value.
    Absent,
    /// These bytes.
    Here(&'a [u8]),
    /// A value that only the run itself has.
    Elsewhere,
}

/// A block: any slot is found without reading the others.
pub struct Block<'a> {
    bits: &'a [u8],
    /// For each eight slots, how many values lie before.
    before: [u16; BITMAP_BYTES],
    values: Values<'a>,
}

enum Values<'a> {
    Numbers(&'a [[u8; 8]]),
    Texts(Texts<'a>),
    Words {
        words: Texts<'a>,
        /// For each value its word.
        codes: &'a [u8],
    },
}

impl<'a> Block<'a> {
    /// Reads a stored block. One that does not exist, which has no bytes, holds nothing.
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        if bytes.is_empty() {
            return Ok(Block {
                bits: &[],
                before: [0; BITMAP_BYTES],
                values: Values::Numbers(&[]),
            });
        }
        let (kind, rest) = bytes.split_first().ok_or_else(damaged)?;
        let (bits, rest) = rest.split_at_checked(BITMAP_BYTES).ok_or_else(damaged)?;
        let mut before = [0; BITMAP_BYTES];
        let mut count: u16 = 0;
        for (before, bits) in before.iter_mut().zip(bits) {
            *before = count;
            count += u16::try_from(bits.count_ones()).unwrap_or(0);
        }
        let values = match *kind {
            NUMBERS => Values::Numbers(rest.as_chunks().0),
            TEXTS => Values::Texts(Texts::read(usize::from(count), rest)?.0),
            WORDS => {
                let (words, rest) = rest.split_first().ok_or_else(damaged)?;
                let (words, codes) = Texts::read(usize::from(*words), rest)?;
                Values::Words { words, codes }
            }
            _ => return Err(damaged()),
        };
        Ok(Block { bits, before, values })
    }

    /// Whether no slot holds anything.
    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|bits| *bits == 0)
    }

    /// The numbers of all slots up to the last that holds one, where every one of them holds one.
    pub fn dense(&self) -> Option<&'a [[u8; 8]]> {
        let Values::Numbers(numbers) = self.values else {
            return None;
        };
        self.holds_first(numbers.len()).then_some(numbers)
    }

    /// Likewise the numbers of the words of all slots, where there are words; and each word, by its number.
    pub fn dense_words(&self) -> Option<(&'a [u8], impl Iterator<Item = Value<'a>>)> {
        let Values::Words { words, codes } = &self.values else {
            return None;
        };
        let all = (0..words.ends.len()).map(|code| words.get(code));
        self.holds_first(codes.len()).then_some((*codes, all))
    }

    /// Whether it is the first slots that hold something, so many of them.
    fn holds_first(&self, count: usize) -> bool {
        let is_dense = |(byte, bits): (usize, &u8)| {
            let held = count.saturating_sub(8 * byte).min(8);
            usize::try_from(bits.count_ones()) == Ok(held) && usize::try_from(bits.trailing_ones()) == Ok(held)
        };
        self.bits.iter().enumerate().all(is_dense)
    }

    /// The number in a slot; none when it holds none.
    pub fn number(&self, slot: u16) -> Option<[u8; 8]> {
        match self.values {
            Values::Numbers(numbers) => numbers.get(self.rank(slot)?).copied(),
            _ => None,
        }
    }

    /// What a slot holds; one that the block does not have holds nothing.
    pub fn get(&self, slot: u16) -> Value<'a> {
        let Some(rank) = self.rank(slot) else {
            return Value::Absent;
        };
        // Missing bytes of a damaged block make the run be read itself.
        match &self.values {
            Values::Numbers(numbers) => numbers.get(rank).map_or(Value::Elsewhere, |value| Value::Here(value)),
            Values::Texts(texts) => texts.get(rank),
            Values::Words { words, codes } => codes
                .get(rank)
                .map_or(Value::Elsewhere, |code| words.get(usize::from(*code))),
        }
    }

    /// How many values lie before that of a slot that holds one.
    fn rank(&self, slot: u16) -> Option<usize> {
        let (byte, bit) = (usize::from(slot / 8), slot % 8);
        let (bits, before) = (self.bits.get(byte)?, self.before.get(byte)?);
        let lower = u32::from(*bits) & ((1 << bit) - 1);
        let is_set = bits >> bit & 1 == 1;
        is_set.then(|| usize::from(*before) + usize::try_from(lower.count_ones()).unwrap_or(0))
    }
}

/// Texts one after the other.
struct Texts<'a> {
    /// Where each ends, and whether it is elsewhere.
    ends: Vec<(u32, bool)>,
    bytes: &'a [u8],
}

impl<'a> Texts<'a> {
    /// Reads the lengths of some texts, then the texts; answers what comes behind them, too.
    fn read(count: usize, bytes: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let (lengths, rest) = bytes.split_at_checked(count).ok_or_else(damaged)?;
        let mut end = 0;
        let place = |length: &u8| {
            let elsewhere = *length == ELSEWHERE;
            end += if elsewhere { 0 } else { u32::from(*length) };
            (end, elsewhere)
        };
        let ends = lengths.iter().map(place).collect();
        let (bytes, rest) = rest.split_at_checked(index(end)).ok_or_else(damaged)?;
        Ok((Texts { ends, bytes }, rest))
    }

    fn get(&self, rank: usize) -> Value<'a> {
        let before = rank.checked_sub(1).and_then(|last| self.ends.get(last));
        let start = before.map_or(0, |end| end.0);
        match self.ends.get(rank) {
            Some((end, false)) => self
                .bytes
                .get(index(start)..index(*end))
                .map_or(Value::Elsewhere, Value::Here),
            _ => Value::Elsewhere,
        }
    }
}

fn index(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
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
                let _ = (block.dense(), block.dense_words().map(|(codes, words)| codes.len() + words.count()));
            }
        }
    }
}
