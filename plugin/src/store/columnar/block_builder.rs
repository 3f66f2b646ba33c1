//! Builds a new version of a column block.

use std::collections::BTreeMap;

use super::block::{BITMAP_BYTES, Block, NUMBERS, OVERSIZED, TEXT_BYTES_MAX, TEXTS, Value, WORDS};
use super::slot_bitmap::SLOTS;
use crate::error::Result;

/// The type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Texts of at most `TEXT_BYTES_MAX` bytes. Longer ones are only in the run's own records.
    Texts,
    /// Numbers of 8 bytes.
    Numbers,
}

impl ColumnType {
    /// Largest number of bytes of a stored block in which `slots` slots have a value.
    pub fn block_bytes_max(self, slots: usize) -> usize {
        let value = match self {
            ColumnType::Texts => 1 + TEXT_BYTES_MAX,
            ColumnType::Numbers => 8,
        };
        1 + BITMAP_BYTES + slots * value
    }
}

/// A block that is being changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockBuilder {
    slots: Vec<Slot>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Slot {
    Absent,
    Here(Vec<u8>),
    Oversized,
}

impl BlockBuilder {
    /// Begins with a stored block, or with no bytes.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let block = Block::read(bytes)?;
        let slot = |slot| match block.get(slot) {
            Value::Absent => Slot::Absent,
            Value::Text(text) => Slot::Here(text.as_bytes().to_vec()),
            Value::Bytes(bytes) => Slot::Here(bytes.to_vec()),
            Value::Oversized => Slot::Oversized,
        };
        Ok(BlockBuilder {
            slots: (0..).take(SLOTS).map(slot).collect(),
        })
    }

    /// Sets or clears a slot. All values of a block have one type.
    pub fn set(&mut self, slot: usize, value: Option<&[u8]>) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = match value {
                None => Slot::Absent,
                Some(value) if value.len() > TEXT_BYTES_MAX => Slot::Oversized,
                Some(value) => Slot::Here(value.to_vec()),
            };
        }
    }

    /// True if no slot has a value. Then the block need not be stored.
    pub fn is_empty(&self) -> bool {
        self.slots.iter().all(|slot| *slot == Slot::Absent)
    }

    /// Writes the block. Texts are written with a dictionary where that is shorter.
    pub fn write(&self, kind: ColumnType) -> Vec<u8> {
        let mut bits = [0_u8; BITMAP_BYTES];
        let mut values: Vec<Option<&[u8]>> = Vec::new();
        for (index, slot) in self.slots.iter().enumerate() {
            match slot {
                Slot::Absent => continue,
                Slot::Here(value) => values.push(Some(value)),
                Slot::Oversized => values.push(None),
            }
            if let Some(bits) = bits.get_mut(index / 8) {
                *bits |= 1 << (index % 8);
            }
        }
        let (kind, values) = match kind {
            ColumnType::Numbers => (NUMBERS, values.into_iter().flatten().flatten().copied().collect()),
            ColumnType::Texts => {
                let texts = write_texts(&values);
                match write_words(&values).filter(|words| words.len() < texts.len()) {
                    Some(words) => (WORDS, words),
                    None => (TEXTS, texts),
                }
            }
        };
        [&[kind][..], &bits, &values].concat()
    }
}

/// Writes texts. `None`: only the run's own records have the text.
fn write_texts(texts: &[Option<&[u8]>]) -> Vec<u8> {
    let length = |text: &Option<&[u8]>| text.and_then(|text| u8::try_from(text.len()).ok()).unwrap_or(OVERSIZED);
    let mut bytes: Vec<u8> = texts.iter().map(length).collect();
    texts.iter().flatten().for_each(|text| bytes.extend_from_slice(text));
    bytes
}

/// Writes texts with a dictionary. `None`: there are too many different texts.
fn write_words(texts: &[Option<&[u8]>]) -> Option<Vec<u8>> {
    let mut codes: BTreeMap<Option<&[u8]>, u8> = texts.iter().map(|text| (*text, 0)).collect();
    let count = u8::try_from(codes.len()).ok()?;
    codes.values_mut().zip(0..).for_each(|(code, number)| *code = number);
    let words: Vec<Option<&[u8]>> = codes.keys().copied().collect();
    let mut bytes = vec![count];
    bytes.extend(write_texts(&words));
    bytes.extend(texts.iter().filter_map(|text| codes.get(text)));
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use proptest::prelude::*;

    use super::*;

    fn number(slot: usize) -> u16 {
        u16::try_from(slot).unwrap()
    }

    /// Makes values comparable, with bytes that are text or not.
    fn raw(value: Value<'_>) -> Value<'_> {
        value.bytes().map_or(value, Value::Bytes)
    }

    /// Few texts, or many equal ones.
    fn texts() -> impl Strategy<Value = BTreeMap<usize, Vec<u8>>> {
        let text = prop_oneof![
            prop::collection::vec(0_u8..2, 0..=1),
            prop::collection::vec(any::<u8>(), 0..=TEXT_BYTES_MAX + 1)
        ];
        prop_oneof![
            prop::collection::btree_map(0..SLOTS, text, 0..40),
            prop::collection::btree_map(0..SLOTS, prop::collection::vec(0_u8..6, 3), 300..SLOTS),
            prop::collection::vec(prop::collection::vec(0_u8..6, 2), 1..=SLOTS)
                .prop_map(|texts| texts.into_iter().enumerate().collect()),
        ]
    }

    proptest! {
        #[test]
        fn texts_read_back(values in texts()) {
            let mut draft = BlockBuilder::read(&[]).unwrap();
            for (slot, value) in &values {
                draft.set(*slot, Some(value));
            }
            let bytes = draft.write(ColumnType::Texts);
            prop_assert!(bytes.len() <= ColumnType::Texts.block_bytes_max(values.len()));
            prop_assert_eq!(&BlockBuilder::read(&bytes).unwrap(), &draft);
            let block = Block::read(&bytes).unwrap();
            let words = block.dense_dictionary().map(|(codes, words)| (codes, words.collect::<Vec<_>>()));
            for slot in 0..SLOTS + 9 {
                let value = block.get(number(slot));
                let expected = match values.get(&slot) {
                    None => Value::Absent,
                    Some(text) if text.len() > TEXT_BYTES_MAX => Value::Oversized,
                    Some(text) => Value::Bytes(text),
                };
                prop_assert_eq!(raw(value), expected);
                if let Some((codes, words)) = &words {
                    let word = codes.get(slot).map(|code| words[usize::from(*code)]);
                    prop_assert_eq!(word.unwrap_or(Value::Absent), value);
                }
            }
        }

        #[test]
        fn numbers_read_back_and_are_cleared(values in prop::collection::btree_map(0..SLOTS, any::<[u8; 8]>(), 1..SLOTS)) {
            let mut draft = BlockBuilder::read(&[]).unwrap();
            for (slot, value) in &values {
                draft.set(*slot, Some(value));
            }
            let (first, _) = values.first_key_value().unwrap();
            draft.set(*first, None);
            let bytes = draft.write(ColumnType::Numbers);
            prop_assert_eq!(bytes.len(), ColumnType::Numbers.block_bytes_max(values.len() - 1));
            let block = Block::read(&bytes).unwrap();
            let left = values.keys().filter(|slot| *slot != first).copied();
            prop_assert_eq!(block.dense().is_some(), left.eq(0..values.len() - 1));
            for (slot, value) in &values {
                let expected = (slot != first).then_some(*value);
                prop_assert_eq!(block.number(number(*slot)), expected);
                prop_assert_eq!(block.get(number(*slot)), expected.map_or(Value::Absent, |_| Value::Bytes(value)));
            }
        }

        #[test]
        fn numbers_without_an_absent_slot_are_dense(values in prop::collection::vec(any::<[u8; 8]>(), 1..=SLOTS), gap in any::<prop::sample::Index>()) {
            let mut draft = BlockBuilder::read(&[]).unwrap();
            for (slot, value) in values.iter().enumerate() {
                draft.set(slot, Some(value));
            }
            let bytes = draft.write(ColumnType::Numbers);
            let block = Block::read(&bytes).unwrap();
            prop_assert_eq!(block.dense(), Some(values.as_slice()));
            let gap = gap.index(values.len());
            draft.set(gap, None);
            let bytes = draft.write(ColumnType::Numbers);
            let dense = Block::read(&bytes).unwrap().dense().map(<[_]>::len);
            prop_assert_eq!(dense, (gap + 1 == values.len()).then_some(gap));
        }
    }

    #[test]
    fn a_long_text_is_oversized() {
        let mut draft = BlockBuilder::read(&[]).unwrap();
        draft.set(3, Some(&[b'x'; TEXT_BYTES_MAX + 1]));
        draft.set(4, Some(b"y"));
        let bytes = draft.write(ColumnType::Texts);
        let block = Block::read(&bytes).unwrap();
        assert_eq!(
            [block.get(2), block.get(3), block.get(4)],
            [Value::Absent, Value::Oversized, Value::Text("y")]
        );
    }

    #[test]
    fn equal_texts_are_stored_once() {
        let mut draft = BlockBuilder::read(&[]).unwrap();
        for slot in 0..SLOTS {
            draft.set(slot, Some(if slot % 2 == 0 { b"resnet" } else { b"vgg-19" }));
        }
        assert_eq!(
            draft.write(ColumnType::Texts).len(),
            1 + BITMAP_BYTES + 1 + 2 * 7 + SLOTS
        );
    }
}
