//! The keys of the columns of traces: `P` and `Q` of the table in `keys.rs`.

use super::Key;
use super::traces::{read_sort_key, sort_key};
use crate::domain::id::ExperimentId;
use crate::domain::trace::id::TraceId;
use crate::host::records::Span;

/// Largest number of bytes of a key of a tag or metadata, or of a name of an assessment, that has a column.
const COLUMN_KEY_BYTES_MAX: usize = 1_000;

/// A column of traces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TraceColumn {
    /// Starts, in milliseconds since the Unix epoch.
    Start,
    /// Durations in milliseconds.
    Duration,
    /// Names of states.
    State,
    /// Ids that applications gave their requests.
    ClientRequestId,
    /// Values of the tag with this key.
    Tag(String),
    /// Values of the metadata with this key.
    Metadata(String),
    /// Values of the feedback with this name, as JSON.
    Feedback(String),
    /// Values of the expectation with this name, as JSON.
    Expectation(String),
}

impl TraceColumn {
    /// True if the column is stored. A value with a longer key is read from the traces themselves.
    pub fn is_stored(&self) -> bool {
        self.letter_and_key().1.len() <= COLUMN_KEY_BYTES_MAX
    }

    /// True if the values are numbers. Others are texts.
    pub fn is_of_numbers(&self) -> bool {
        matches!(self, TraceColumn::Start | TraceColumn::Duration)
    }

    fn letter_and_key(&self) -> (u8, &str) {
        match self {
            TraceColumn::Start => (b'b', ""),
            TraceColumn::Duration => (b'd', ""),
            TraceColumn::State => (b's', ""),
            TraceColumn::ClientRequestId => (b'c', ""),
            TraceColumn::Tag(key) => (b't', key),
            TraceColumn::Metadata(key) => (b'm', key),
            TraceColumn::Feedback(name) => (b'f', name),
            TraceColumn::Expectation(name) => (b'x', name),
        }
    }
}

/// Key of the directory of an experiment's blocks of traces.
pub fn directory(experiment: ExperimentId) -> Vec<u8> {
    Key::new(b'P').experiment(experiment).byte(b'a').0
}

/// Key of a column of a block.
pub fn column(experiment: ExperimentId, block: u64, column: &TraceColumn) -> Vec<u8> {
    let (letter, key) = column.letter_and_key();
    of_block(experiment, b'c', block).byte(letter).last(key)
}

/// Key of some rows of a block: the starts and ids of its traces.
pub fn rows(experiment: ExperimentId, block: u64, number: u32) -> Vec<u8> {
    let mut key = of_block(experiment, b'w', block).0;
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// Spans of everything that a block has: its columns, and its rows.
pub fn block(experiment: ExperimentId, block: u64) -> [Span; 2] {
    [b'c', b'w'].map(|letter| with_any_end(of_block(experiment, letter, block).0))
}

/// Span of all columns of an experiment's traces.
pub fn of_experiment(experiment: ExperimentId) -> Span {
    with_any_end(Key::new(b'P').experiment(experiment).0)
}

/// Key of the dirty marker of a trace.
pub fn marker(experiment: ExperimentId, start_ms: i64, id: &TraceId) -> Vec<u8> {
    marker_at(experiment, &sort_key(start_ms, id))
}

/// Key of the dirty marker of the trace with a sort key.
pub fn marker_at(experiment: ExperimentId, sort_key: &[u8]) -> Vec<u8> {
    let mut key = Key::new(b'Q').experiment(experiment).0;
    key.extend_from_slice(sort_key);
    key
}

/// Span of the dirty markers of the traces of an experiment with sort keys from one on and below another.
pub fn markers(experiment: ExperimentId, from: &[u8], until: Option<&[u8]>) -> Span {
    let all = with_any_end(Key::new(b'Q').experiment(experiment).0);
    Span {
        start: marker_at(experiment, from),
        end: until.map_or(all.end, |until| marker_at(experiment, until)),
    }
}

/// Span of the dirty markers of the traces of all experiments.
pub fn all_markers() -> Span {
    Span::of_prefix(vec![b'Q'])
}

/// The experiment and the sort key in the key of a dirty marker.
pub fn marked(key: &[u8]) -> Option<(ExperimentId, &[u8])> {
    let (experiment, sort_key) = key.strip_prefix(b"Q")?.split_first_chunk()?;
    read_sort_key(sort_key)?;
    Some((ExperimentId(u64::from_be_bytes(*experiment)), sort_key))
}

fn of_block(experiment: ExperimentId, letter: u8, block: u64) -> Key {
    Key::new(b'P').experiment(experiment).byte(letter).number(block)
}

/// Span of the keys with a prefix, which may end with the byte 255.
fn with_any_end(prefix: Vec<u8>) -> Span {
    // The next byte is that of a letter, or the first one of a time, after which there are more.
    let mut end = prefix.clone();
    end.extend_from_slice(&[255; 9]);
    Span { start: prefix, end }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::trace::id::TRACE_ID_BYTES_MAX;
    use crate::host::records::KEY_BYTES_MAX;
    use proptest::prelude::*;

    fn within(span: &Span, key: &Vec<u8>) -> bool {
        span.start <= *key && *key < span.end
    }

    proptest! {
        #[test]
        fn every_key_of_columns_is_in_the_spans_that_remove_it(experiment in prop_oneof![Just(u64::MAX), any::<u64>()],
            number in any::<u64>(), key in ".{0,9}", start_ms in any::<i64>()) {
            let (experiment, id) = (ExperimentId(experiment), TraceId::stored(&key));
            for column in [TraceColumn::Start, TraceColumn::State, TraceColumn::Tag(key.clone()), TraceColumn::Expectation(key.clone())] {
                let key = super::column(experiment, number, &column);
                prop_assert!(within(&block(experiment, number)[0], &key) && within(&of_experiment(experiment), &key));
            }
            let key = rows(experiment, number, 15);
            prop_assert!(within(&block(experiment, number)[1], &key) && within(&of_experiment(experiment), &key));
            prop_assert!(within(&of_experiment(experiment), &directory(experiment)));
            let key = marker(experiment, start_ms, &id);
            prop_assert!(within(&markers(experiment, &[], None), &key) && within(&all_markers(), &key));
            let sort_key = sort_key(start_ms, &id);
            prop_assert_eq!(marked(&key), Some((experiment, &sort_key[..])));
            prop_assert!(!within(&markers(experiment, &[], Some(&sort_key)), &key) && within(&markers(experiment, &sort_key, None), &key));
        }
    }

    #[test]
    fn the_longest_texts_fit_into_a_key() {
        let tag = TraceColumn::Tag("x".repeat(COLUMN_KEY_BYTES_MAX));
        assert!(tag.is_stored() && column(ExperimentId(1), 1, &tag).len() <= KEY_BYTES_MAX);
        let id = TraceId::stored(&"x".repeat(TRACE_ID_BYTES_MAX));
        assert!(marker(ExperimentId(1), i64::MIN, &id).len() <= KEY_BYTES_MAX);
    }
}
