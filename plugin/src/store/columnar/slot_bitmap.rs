//! A bitmap over the slots of a block.

use std::ops::{BitAnd, BitOr, BitOrAssign, Sub};

use crate::convert::to_usize;

/// Number of slots of a block.
pub const SLOTS: usize = 512;
/// Number of slots in one word of the bitmap. They are evaluated together where that is faster.
pub const WORD_SLOTS: usize = 64;
const WORDS: usize = SLOTS / WORD_SLOTS;
/// Number of set bits in a word below which they are visited one by one.
const FEW: u32 = 16;

/// A set of slots of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlotBitmap([u64; WORDS]);

impl SlotBitmap {
    /// The slots below a number.
    pub fn prefix(count: u16) -> Self {
        let mut slots = SlotBitmap::default();
        for (word, start) in slots.0.iter_mut().zip((0_u32..).step_by(WORD_SLOTS)) {
            let bits = u32::from(count).saturating_sub(start);
            *word = 1_u64.checked_shl(bits).map_or(u64::MAX, |bit| bit - 1);
        }
        slots
    }

    /// Reads a set whose bits begin at the lowest bit of the first byte.
    pub fn of_bytes(bytes: &[u8; SLOTS / 8]) -> Self {
        let mut slots = SlotBitmap::default();
        let (words, _) = bytes.as_chunks();
        slots
            .0
            .iter_mut()
            .zip(words)
            .for_each(|(word, bytes)| *word = u64::from_le_bytes(*bytes));
        slots
    }

    /// Number of slots in the set.
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| count_ones(*word)).sum()
    }

    /// Number of slots in the set before this one. `None`: the slot is not in the set.
    pub fn rank(&self, slot: u16) -> Option<usize> {
        let (word, bit) = (usize::from(slot) / WORD_SLOTS, slot % 64);
        let (before, rest) = self.0.split_at_checked(word)?;
        let of_its_word = rest.first()?;
        let is_one = of_its_word >> bit & 1 == 1;
        is_one.then(|| {
            let lower = of_its_word & ((1 << bit) - 1);
            before.iter().map(|word| count_ones(*word)).sum::<usize>() + count_ones(lower)
        })
    }

    /// Adds a slot. A number that is no slot of a block is ignored.
    pub fn insert(&mut self, slot: u16) {
        let slot = usize::from(slot);
        if let Some(word) = self.0.get_mut(slot / WORD_SLOTS) {
            *word |= 1 << (slot % WORD_SLOTS);
        }
    }

    /// Keeps or removes all slots of each word, by the word's number.
    pub fn retain_words(&mut self, mut keep: impl FnMut(usize) -> bool) {
        for (number, word) in self.0.iter_mut().enumerate() {
            if *word != 0 && !keep(number) {
                *word = 0;
            }
        }
    }

    /// Returns the slots in order.
    pub fn iter(&self) -> impl Iterator<Item = u16> + use<> {
        (0_u16..)
            .step_by(WORD_SLOTS)
            .zip(self.0)
            .flat_map(|(start, word)| ones(word).map(move |bit| start + bit))
    }

    /// Keeps the slots for which `keep` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(u16) -> bool) {
        for (start, word) in (0_u16..).step_by(WORD_SLOTS).zip(&mut self.0) {
            for bit in ones(*word) {
                if !keep(start + bit) {
                    *word &= !(1 << bit);
                }
            }
        }
    }

    /// Keeps the slots whose value passes `keep`. The first value is that of slot 0, and `absent` is the
    /// result after the last. Where many slots of a word are in the set, all of the word are evaluated: that
    /// is faster than visiting them one by one.
    pub fn retain_by<T>(&mut self, values: &[T], keep: impl Fn(&T) -> bool, absent: bool) {
        let mut chunks = values.chunks(WORD_SLOTS);
        for word in &mut self.0 {
            let chunk = chunks.next().unwrap_or_default();
            let mut kept = 0;
            if word.count_ones() < FEW {
                for bit in ones(*word) {
                    let is_kept = chunk.get(usize::from(bit)).map_or(absent, &keep);
                    kept |= u64::from(is_kept) << bit;
                }
            } else {
                let after_last = u32::try_from(chunk.len()).map_or(0, |count| u64::MAX.checked_shl(count).unwrap_or(0));
                kept = if absent { after_last } else { 0 };
                // The loop takes eight at a time: a loop of known length is unrolled.
                let (eights, rest) = chunk.as_chunks::<8>();
                for (shift, eight) in (0_u32..).step_by(8).zip(eights) {
                    kept |= bits_of(eight, &keep) << shift;
                }
                kept |= bits_of(rest, &keep)
                    .checked_shl(u32::try_from(chunk.len() - rest.len()).unwrap_or(0))
                    .unwrap_or(0);
            }
            *word &= kept;
        }
    }
}

impl BitAnd for SlotBitmap {
    type Output = SlotBitmap;

    fn bitand(mut self, other: SlotBitmap) -> SlotBitmap {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word &= other);
        self
    }
}

impl BitOr for SlotBitmap {
    type Output = SlotBitmap;

    fn bitor(mut self, other: SlotBitmap) -> SlotBitmap {
        self |= other;
        self
    }
}

impl BitOrAssign for SlotBitmap {
    fn bitor_assign(&mut self, other: SlotBitmap) {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
    }
}

impl Sub for SlotBitmap {
    type Output = SlotBitmap;

    /// Returns the slots that are not in the other set.
    fn sub(mut self, others: SlotBitmap) -> SlotBitmap {
        self.0
            .iter_mut()
            .zip(others.0)
            .for_each(|(word, others)| *word &= !others);
        self
    }
}

/// Returns a bit for each value, set where `keep` is true.
fn bits_of<T>(values: &[T], keep: impl Fn(&T) -> bool) -> u64 {
    values
        .iter()
        .rev()
        .fold(0, |bits, value| bits << 1 | u64::from(keep(value)))
}

fn count_ones(word: u64) -> usize {
    to_usize(word.count_ones())
}

/// Returns the numbers of the set bits in order.
fn ones(mut word: u64) -> impl Iterator<Item = u16> {
    std::iter::from_fn(move || {
        let bit = u16::try_from(word.trailing_zeros()).ok().filter(|_| word != 0)?;
        word &= word - 1;
        Some(bit)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn slots() -> impl Strategy<Value = BTreeSet<u16>> {
        prop::collection::btree_set(0..512_u16, 0..600)
    }

    fn of(set: &BTreeSet<u16>) -> SlotBitmap {
        let mut slots = SlotBitmap::default();
        set.iter().for_each(|slot| slots.insert(*slot));
        slots
    }

    proptest! {
        #[test]
        fn a_slot_bitmap_is_a_set(set in slots(), count in 0..600_u16, odd in any::<bool>()) {
            prop_assert!(of(&set).iter().eq(set.iter().copied()));
            prop_assert_eq!(of(&set).count(), set.iter().filter(|slot| **slot < 512).count());
            for slot in 0..600 {
                let rank = set.contains(&slot).then(|| set.range(..slot).count());
                prop_assert_eq!(of(&set).rank(slot), rank);
            }
            prop_assert!(SlotBitmap::prefix(count).iter().eq(0..count.min(512)));
            let mut slots = of(&set);
            slots.retain(|slot| (slot % 2 == 1) == odd);
            prop_assert!(slots.iter().eq(set.into_iter().filter(|slot| (slot % 2 == 1) == odd)));
        }

        #[test]
        fn slot_bitmaps_intersect_unite_and_subtract(a in slots(), b in slots(), lots in prop::collection::btree_set(0..8_usize, 0..8)) {
            prop_assert_eq!(of(&a) & of(&b), of(&(&a & &b)));
            prop_assert_eq!(of(&a) - of(&b), of(&(&a - &b)));
            let mut either = of(&a);
            either |= of(&b);
            prop_assert_eq!(either, of(&(&a | &b)));
            let mut kept = of(&a);
            kept.retain_words(|lot| lots.contains(&lot));
            prop_assert!(kept.iter().eq(a.into_iter().filter(|slot| lots.contains(&(usize::from(*slot) / WORD_SLOTS)))));
        }

        #[test]
        fn retain_by_uses_the_value_of_a_slot_or_the_result_for_absent_ones(set in slots(), values in prop::collection::vec(any::<bool>(), 0..=512), absent in any::<bool>()) {
            let mut slots = of(&set);
            slots.retain_by(&values, |value| *value, absent);
            let keep = |slot: &u16| values.get(usize::from(*slot)).copied().unwrap_or(absent);
            prop_assert!(slots.iter().eq(set.into_iter().filter(keep)));
        }
    }

    #[test]
    fn a_number_that_is_no_slot_is_ignored() {
        let mut slots = SlotBitmap::default();
        slots.insert(512);
        assert_eq!(slots, SlotBitmap::default());
    }
}
