//! Things that are read together: as many as fit into the memory of an instance, whatever each of them holds.
//!
//! A thing is a run, a model, a version: what lies in a few spans of its own. Nothing bounds how much is logged to one, so a
//! number of things bounds no memory. A portion ends between two things once it holds enough, and its reader goes on with the
//! rest. A thing that is too large for any answer is read in part: what lies behind in the order of its keys is left out.

use std::ops::ControlFlow;

use crate::error::Result;
use crate::host::records::{Span, scan_until};

/// A portion ends with the thing that makes it larger, as answers show it.
pub const PORTION_BYTES: usize = 8 << 20;

/// What is read of one thing, at most.
pub const THING_BYTES_MAX: usize = 24 << 20;

/// What a record costs in an answer besides its texts.
const RECORD_BYTES: usize = 128;

/// What was read of things that are read one after the other.
#[derive(Debug)]
pub struct Room {
    thing_bytes_max: usize,
    /// Of the present thing.
    thing: usize,
    /// Of all.
    all: usize,
}

impl Room {
    /// For things of which so many bytes are read at most, mostly `THING_BYTES_MAX`.
    pub fn new(thing_bytes_max: usize) -> Self {
        Room {
            thing_bytes_max,
            thing: 0,
            all: 0,
        }
    }

    /// Another thing begins.
    pub fn next_thing(&mut self) {
        self.thing = 0;
    }

    /// True if so much was read that no other thing shall begin.
    pub fn is_full(&self) -> bool {
        self.all >= PORTION_BYTES
    }

    /// Takes a record of so many bytes of the present thing in; `false`, and it is to be left out, when the thing is too large
    /// with it.
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

/// How much of an answer a record fills.
pub fn as_shown(key: &[u8], value: &[u8]) -> usize {
    answer_bytes(key) + answer_bytes(value)
}

/// How much of the memory it fills: for things whose answers are bounded where they are written.
pub fn as_stored(key: &[u8], value: &[u8]) -> usize {
    key.len() + value.len()
}

/// How many bytes a text has in an answer, at most: those that are escaped two or six.
pub fn answer_bytes(text: &[u8]) -> usize {
    let written = |byte: &u8| match byte {
        b'"' | b'\\' => 2,
        ..0x20 => 6,
        _ => 1,
    };
    text.iter().map(written).sum()
}

/// Reads the first of some things, at least one if there are any: fewer than asked where they are large. Each lies in `N`
/// spans, and `add` takes its records in: the index of the thing, what is known of it, key and value. A thing without records
/// is `P::default()`. `weigh` tells what a record costs.
pub async fn portion<P: Default, const N: usize>(
    things: &[[Span; N]],
    mut room: Room,
    weigh: fn(&[u8], &[u8]) -> usize,
    mut add: impl FnMut(usize, &mut P, &[u8], &[u8]) -> Result<()>,
) -> Result<Vec<P>> {
    let mut read: Vec<P> = Vec::new();
    let mut is_cut = false;
    scan_until(things.as_flattened().to_vec(), usize::MAX, |index, key, value| {
        let thing = index / N;
        if read.len() <= thing {
            // Those before without a record are read, too.
            read.resize_with(thing, P::default);
            if room.is_full() {
                is_cut = true;
                return Ok(ControlFlow::Break(()));
            }
            read.push(P::default());
            room.next_thing();
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
        fn a_text_is_never_longer_in_an_answer(text in any::<String>()) {
            let written = serde_json::to_string(&text).unwrap_or_default();
            prop_assert!(written.len() - 2 <= answer_bytes(text.as_bytes()));
        }

        #[test]
        fn a_thing_is_never_larger_than_its_bound_but_for_its_first_record(
            values in prop::collection::vec(0_usize..5_000, 1..40), max in 0_usize..20_000,
        ) {
            let mut room = Room::new(max);
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
