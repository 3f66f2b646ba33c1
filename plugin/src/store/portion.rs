//! Reads items together, as many as fit into the memory of an instance.
//!
//! An item is a run, a model or a version, with a few spans of its own. Nothing bounds the data that is
//! logged to one, so a number of items bounds no memory. A portion ends between two items once it holds
//! enough, and its reader continues with the rest. An item that is too large for any answer is read in part:
//! the last records in the order of its keys are left out.

use std::ops::ControlFlow;

use crate::error::Result;
use crate::host::records::{Span, scan_until};

/// Bytes after which a portion ends. The item that crosses the limit is still part of it. Counted as answers
/// show them.
pub const PORTION_BYTES: usize = 8 << 20;

/// Largest number of bytes that are read of one item.
pub const ITEM_BYTES_MAX: usize = 24 << 20;

/// Bytes that a record adds to an answer besides its texts.
const RECORD_BYTES: usize = 128;

/// Counts the bytes of items that are read one after the other.
#[derive(Debug)]
pub struct ByteBudget {
    thing_bytes_max: usize,
    /// Bytes of the present item.
    thing: usize,
    /// Bytes of all items.
    all: usize,
}

impl ByteBudget {
    /// Starts a count for items of at most `thing_bytes_max` bytes each, usually `THING_BYTES_MAX`.
    pub fn new(thing_bytes_max: usize) -> Self {
        ByteBudget {
            thing_bytes_max,
            thing: 0,
            all: 0,
        }
    }

    /// Begins the next item.
    pub fn next_item(&mut self) {
        self.thing = 0;
    }

    /// True if so much was read that no other item may begin.
    pub fn is_full(&self) -> bool {
        self.all >= PORTION_BYTES
    }

    /// Counts a record of `bytes` bytes of the present item. Returns false, and counts nothing, when the
    /// record makes the item too large. The caller then leaves the record out. The first record always fits.
    pub fn takes(&mut self, bytes: usize) -> bool {
        let is_first = self.thing == 0;
        let bytes = RECORD_BYTES + bytes;
        if !is_first && self.thing.saturating_add(bytes) > self.thing_bytes_max {
            return false;
        }
        self.thing += bytes;
        self.all += bytes;
        true
    }
}

/// Largest number of bytes of a record in an answer.
pub fn as_shown(key: &[u8], value: &[u8]) -> usize {
    answer_bytes(key) + answer_bytes(value)
}

/// Number of bytes of a record in memory. Used for items whose answers are bounded when they are written.
pub fn as_stored(key: &[u8], value: &[u8]) -> usize {
    key.len() + value.len()
}

/// Largest number of bytes of a text in an answer: an escaped byte counts as two or six.
pub fn answer_bytes(text: &[u8]) -> usize {
    let written = |byte: &u8| match byte {
        b'"' | b'\\' => 2,
        ..0x20 => 6,
        _ => 1,
    };
    text.iter().map(written).sum()
}

/// Reads the first items, at least one if there are any. Fewer than asked are read when they are large. Each
/// item has `N` spans. `add` receives the item's index, its parsed value so far, a key and a value. An item
/// without records is `P::default()`. `weigh` returns the bytes of a record.
pub async fn portion<P: Default, const N: usize>(
    things: &[[Span; N]],
    mut room: ByteBudget,
    weigh: fn(&[u8], &[u8]) -> usize,
    mut add: impl FnMut(usize, &mut P, &[u8], &[u8]) -> Result<()>,
) -> Result<Vec<P>> {
    let mut read: Vec<P> = Vec::new();
    let mut is_cut = false;
    scan_until(things.as_flattened().to_vec(), usize::MAX, |index, key, value| {
        let thing = index / N;
        if read.len() <= thing {
            // Earlier items without records are read, too.
            read.resize_with(thing, P::default);
            if room.is_full() {
                is_cut = true;
                return Ok(ControlFlow::Break(()));
            }
            read.push(P::default());
            room.next_item();
        }
        if !room.takes(weigh(key, value)) {
            is_cut = true;
            return Ok(ControlFlow::Break(()));
        }
        if let Some(parts) = read.last_mut() {
            add(thing, parts, key, value)?;
        }
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    if !is_cut {
        read.resize_with(things.len(), P::default);
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn answer_bytes_is_an_upper_bound(text in any::<String>()) {
            let written = serde_json::to_string(&text).unwrap_or_default();
            prop_assert!(written.len() - 2 <= answer_bytes(text.as_bytes()));
        }

        #[test]
        fn only_the_first_record_of_an_item_may_exceed_its_bound(
            values in prop::collection::vec(0_usize..5_000, 1..40), max in 0_usize..20_000,
        ) {
            let mut room = ByteBudget::new(max);
            let mut taken = 0;
            for (index, bytes) in values.iter().enumerate() {
                let cost = RECORD_BYTES + bytes;
                let takes = room.takes(*bytes);
                prop_assert_eq!(takes, index == 0 || taken + cost <= max);
                taken += if takes { cost } else { 0 };
            }
        }
    }
}
