//! What the runs of one block of an experiment have in one column, by slot.
//!
//! As bytes: how many bytes each value has, which slots have a value (a bit each), then the values one after the other.
//! Texts, of which each has its own length, are said to have 0 bytes; before them come their lengths, a byte each, where
//! `ELSEWHERE` stands for a text that is too long for a block.

use crate::error::{Error, Result};

/// Slots of a block.
pub const SLOTS: usize = 512;
/// Longer texts are not kept in blocks: rewriting one stays cheap.
pub const TEXT_BYTES_MAX: usize = 100;

/// The width of texts.
pub const TEXTS: u8 = 0;
/// The width of numbers.
pub const NUMBERS: u8 = 8;

const BITMAP_BYTES: usize = SLOTS / 8;
const ELSEWHERE: u8 = 255;

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

/// A block as it is read: any slot is found without reading the others.
pub struct Block<'a> {
    bits: &'a [u8],
    /// For each eight slots, how many values lie before.
    before: [u16; BITMAP_BYTES],
    places: Places,
    values: &'a [u8],
}

enum Places {
    /// Every value has so many bytes.
    Equal(usize),
    /// The end of each value, and whether it is elsewhere.
    Texts(Vec<(u32, bool)>),
}

impl<'a> Block<'a> {
    /// Reads a stored block. One that does not exist, which has no bytes, holds nothing.
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        if bytes.is_empty() {
            return Ok(Block {
                bits: &[],
                before: [0; BITMAP_BYTES],
                places: Places::Equal(0),
                values: &[],
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
        let (places, values) = match *kind {
            TEXTS => {
                let (lengths, values) = rest.split_at_checked(usize::from(count)).ok_or_else(damaged)?;
                (Places::Texts(ends(lengths)), values)
            }
            width => (Places::Equal(usize::from(width)), rest),
        };
        Ok(Block {
            bits,
            before,
            places,
            values,
        })
    }

    /// Whether no slot holds anything.
    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|bits| *bits == 0)
    }

    /// The values of all slots up to the last that holds one, where every one of them holds 8 bytes.
    pub fn dense(&self) -> Option<&'a [[u8; 8]]> {
        let (values, rest) = self.values.as_chunks::<8>();
        let is_dense = |(byte, bits): (usize, &u8)| {
            let held = values.len().saturating_sub(8 * byte).min(8);
            usize::try_from(bits.count_ones()) == Ok(held) && usize::try_from(bits.trailing_ones()) == Ok(held)
        };
        let numbers = matches!(self.places, Places::Equal(8)) && rest.is_empty();
        (numbers && self.bits.iter().enumerate().all(is_dense)).then_some(values)
    }

    /// What a slot holds; one that the block does not have holds nothing.
    pub fn get(&self, slot: usize) -> Value<'a> {
        let (byte, bit) = (slot / 8, slot % 8);
        let (Some(bits), Some(before)) = (self.bits.get(byte), self.before.get(byte)) else {
            return Value::Absent;
        };
        if bits >> bit & 1 == 0 {
            return Value::Absent;
        }
        let lower = u32::from(*bits) & ((1 << bit) - 1);
        let rank = usize::from(*before) + usize::try_from(lower.count_ones()).unwrap_or(0);
        let range = match &self.places {
            Places::Equal(width) => width * rank..width * rank + width,
            Places::Texts(ends) => {
                let start = rank
                    .checked_sub(1)
                    .and_then(|last| ends.get(last))
                    .map_or(0, |end| end.0);
                match ends.get(rank) {
                    Some((end, false)) => index(start)..index(*end),
                    _ => return Value::Elsewhere,
                }
            }
        };
        // Missing bytes of a damaged block make the run be read itself.
        self.values.get(range).map_or(Value::Elsewhere, Value::Here)
    }
}

fn index(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

fn ends(lengths: &[u8]) -> Vec<(u32, bool)> {
    let mut end = 0;
    let place = |length: &u8| {
        let elsewhere = *length == ELSEWHERE;
        end += if elsewhere { 0 } else { u32::from(*length) };
        (end, elsewhere)
    };
    lengths.iter().map(place).collect()
}

fn damaged() -> Error {
    Error::Corrupt("stored block is damaged".to_owned())
}

/// A block that is being changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    slots: Vec<Slot>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Slot {
    Absent,
    Here(Vec<u8>),
    Elsewhere,
}

impl Draft {
    /// From a stored block, or from no bytes.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let block = Block::read(bytes)?;
        let slot = |slot| match block.get(slot) {
            Value::Absent => Slot::Absent,
            Value::Here(value) => Slot::Here(value.to_vec()),
            Value::Elsewhere => Slot::Elsewhere,
        };
        Ok(Draft {
            slots: (0..SLOTS).map(slot).collect(),
        })
    }

    /// Sets or clears a slot. A block has either texts or values of one width.
    pub fn set(&mut self, slot: usize, value: Option<&[u8]>) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = match value {
                None => Slot::Absent,
                Some(value) if value.len() > TEXT_BYTES_MAX => Slot::Elsewhere,
                Some(value) => Slot::Here(value.to_vec()),
            };
        }
    }

    /// Whether no slot holds anything: then it need not be stored.
    pub fn is_empty(&self) -> bool {
        self.slots.iter().all(|slot| *slot == Slot::Absent)
    }

    /// As it is stored, as texts or as values of this width.
    pub fn write(&self, width: u8) -> Vec<u8> {
        let mut bits = [0_u8; BITMAP_BYTES];
        let (mut lengths, mut values) = (Vec::new(), Vec::new());
        for (index, slot) in self.slots.iter().enumerate() {
            if let (Some(bits), true) = (bits.get_mut(index / 8), *slot != Slot::Absent) {
                *bits |= 1 << (index % 8);
            }
            match slot {
                Slot::Absent => {}
                Slot::Here(value) => {
                    lengths.push(u8::try_from(value.len()).unwrap_or(ELSEWHERE));
                    values.extend_from_slice(value);
                }
                Slot::Elsewhere => lengths.push(ELSEWHERE),
            }
        }
        let mut bytes = vec![width];
        bytes.extend_from_slice(&bits);
        if width == TEXTS {
            bytes.extend_from_slice(&lengths);
        }
        bytes.extend_from_slice(&values);
        bytes
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_read_back(values in prop::collection::btree_map(0..SLOTS, prop::collection::vec(any::<u8>(), 0..=TEXT_BYTES_MAX), 0..40)) {
            let mut draft = Draft::read(&[]).unwrap();
            for (slot, value) in &values {
                draft.set(*slot, Some(value));
            }
            let bytes = draft.write(TEXTS);
            prop_assert_eq!(&Draft::read(&bytes).unwrap(), &draft);
            let block = Block::read(&bytes).unwrap();
            for slot in 0..SLOTS + 9 {
                let expected = values.get(&slot).map_or(Value::Absent, |value| Value::Here(value));
                prop_assert_eq!(block.get(slot), expected);
            }
        }

        #[test]
        fn numbers_read_back_and_are_cleared(values in prop::collection::btree_map(0..SLOTS, any::<[u8; 8]>(), 1..SLOTS)) {
            let mut draft = Draft::read(&[]).unwrap();
            for (slot, value) in &values {
                draft.set(*slot, Some(value));
            }
            let (first, _) = values.first_key_value().unwrap();
            draft.set(*first, None);
            let bytes = draft.write(NUMBERS);
            let block = Block::read(&bytes).unwrap();
            let left = values.keys().filter(|slot| *slot != first).copied();
            prop_assert_eq!(block.dense().is_some(), left.eq(0..values.len() - 1));
            for (slot, value) in &values {
                prop_assert_eq!(block.get(*slot), if slot == first { Value::Absent } else { Value::Here(value) });
            }
        }

        #[test]
        fn numbers_without_a_gap_are_dense(values in prop::collection::vec(any::<[u8; 8]>(), 1..=SLOTS), gap in any::<prop::sample::Index>()) {
            let mut draft = Draft::read(&[]).unwrap();
            for (slot, value) in values.iter().enumerate() {
                draft.set(slot, Some(value));
            }
            let bytes = draft.write(NUMBERS);
            prop_assert_eq!(Block::read(&bytes).unwrap().dense(), Some(values.as_slice()));
            let gap = gap.index(values.len());
            draft.set(gap, None);
            let bytes = draft.write(NUMBERS);
            let dense = Block::read(&bytes).unwrap().dense().map(<[_]>::len);
            prop_assert_eq!(dense, (gap + 1 == values.len()).then_some(gap));
        }

        #[test]
        fn any_bytes_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..400), kind in 0_u8..40) {
            if let Some(first) = bytes.first_mut() {
                *first = kind;
            }
            if let Ok(block) = Block::read(&bytes) {
                for slot in 0..SLOTS {
                    block.get(slot);
                }
            }
        }
    }

    #[test]
    fn a_long_text_is_elsewhere() {
        let mut draft = Draft::read(&[]).unwrap();
        draft.set(3, Some(&[b'x'; TEXT_BYTES_MAX + 1]));
        draft.set(4, Some(b"y"));
        let bytes = draft.write(TEXTS);
        let block = Block::read(&bytes).unwrap();
        assert_eq!(
            [block.get(2), block.get(3), block.get(4)],
            [Value::Absent, Value::Elsewhere, Value::Here(b"y")]
        );
    }
}
