//! The keys of traces: `t` and `i` of the table in `keys.rs`.

use std::collections::BTreeSet;

use super::{Key, descending, read_ascending, read_text};
use crate::domain::id::ExperimentId;
use crate::domain::trace::id::TraceId;
use crate::domain::trace::{MODEL_ID, SESSION, SOURCE_RUN, Trace, TraceState, USER};
use crate::host::records::Span;

/// Largest number of bytes of a value that has a list of its traces. Searches for longer values read all traces.
const LISTED_VALUE_BYTES_MAX: usize = 500;

/// Largest number of bytes of a tag's key that has lists.
const LISTED_KEY_BYTES_MAX: usize = 1_000;

/// The metadata that have lists. Most others differ in every trace.
const LISTED_METADATA: [&str; 3] = [SESSION, USER, MODEL_ID];

/// A list of traces, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum List {
    /// All traces of an experiment.
    Experiment(ExperimentId),
    /// The traces of an experiment that have a value.
    Value(ExperimentId, ListedField, String, String),
}

/// The kind of value by which traces are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListedField {
    /// A metadata.
    Metadata,
    /// A prompt version, as `name/version`.
    Prompt,
    /// A run: the one in which a trace was made, or one that is linked to it.
    Run,
    /// The state.
    State,
    /// A tag.
    Tag,
}

impl ListedField {
    fn letter(self) -> u8 {
        match self {
            ListedField::Metadata => b'm',
            ListedField::Prompt => b'p',
            ListedField::Run => b'r',
            ListedField::State => b's',
            ListedField::Tag => b't',
        }
    }
}

impl List {
    /// The list of the traces that have a value. `None`: there is no such list.
    pub fn of_value(experiment: ExperimentId, field: ListedField, key: &str, value: &str) -> Option<Self> {
        let is_listed = match field {
            ListedField::Metadata => LISTED_METADATA.contains(&key),
            _ => key.len() <= LISTED_KEY_BYTES_MAX,
        };
        let list = || List::Value(experiment, field, key.to_owned(), value.to_owned());
        (is_listed && value.len() <= LISTED_VALUE_BYTES_MAX).then(list)
    }

    fn prefix(&self) -> Key {
        match self {
            List::Experiment(experiment) => Key::new(b'i').experiment(*experiment).byte(b't'),
            List::Value(experiment, field, key, value) => Key::new(b'i')
                .experiment(*experiment)
                .byte(b'v')
                .byte(field.letter())
                .text(key)
                .text(value),
        }
    }

    /// Key of a trace in the list.
    fn at(&self, sort_key: &[u8]) -> Vec<u8> {
        let mut key = self.prefix().0;
        key.extend_from_slice(sort_key);
        key
    }

    /// Span of the part of the list after a sort key; all of it after an empty one.
    pub fn behind(&self, sort_key: &[u8]) -> Span {
        let start = self.prefix().0;
        // A sort key begins with the eight bytes of a time, which may all be 255, and goes on with UTF-8.
        let end = [&start[..], &[255; 9]].concat();
        let span = Span { start, end };
        if sort_key.is_empty() {
            return span;
        }
        span.after(&self.at(sort_key))
    }

    /// Span of the part of the list from a sort key on and below another. An empty one is before all.
    pub fn between(&self, from: &[u8], until: Option<&[u8]>) -> Span {
        Span {
            start: self.at(from),
            end: until.map_or_else(|| self.behind(&[]).end, |until| self.at(until)),
        }
    }
}

/// The sort key of a trace in the default order: newest start first, then its id.
pub fn sort_key(start_ms: i64, id: &TraceId) -> Vec<u8> {
    Key(Vec::new()).number(descending(start_ms)).last(id.as_str())
}

/// The sort key before those of all traces that began at a time or before it.
pub fn before(until_ms: i64) -> Vec<u8> {
    Key(Vec::new()).number(descending(until_ms)).0
}

/// The start and the id in a sort key.
pub fn read_sort_key(sort_key: &[u8]) -> Option<(i64, TraceId)> {
    let (time, id) = sort_key.split_first_chunk()?;
    let start_ms = !read_ascending(*time);
    Some((start_ms, TraceId::stored(std::str::from_utf8(id).ok()?)))
}

/// The sort key in a list's key.
pub fn sort_key_in(key: &[u8]) -> Option<&[u8]> {
    let (kind, rest) = key.get(9..)?.split_first()?;
    match kind {
        b't' => Some(rest),
        b'v' => {
            let (_, rest) = read_text(rest.get(1..)?)?;
            read_text(rest).map(|(_, rest)| rest)
        }
        _ => None,
    }
}

/// Key of a trace.
pub fn trace(id: &TraceId) -> Vec<u8> {
    Key::new(b't').text(id.as_str()).byte(b'a').0
}

/// Key of a batch of a trace's spans.
pub fn batch(id: &TraceId, number: u64) -> Vec<u8> {
    Key::new(b't').text(id.as_str()).byte(b's').number(number).0
}

/// Span of the batches of a trace's spans, in the order in which they came.
pub fn batches(id: &TraceId) -> Span {
    Span::of_prefix(Key::new(b't').text(id.as_str()).byte(b's').0)
}

/// Span of everything that belongs to a trace but its places in lists.
pub fn parts(id: &TraceId) -> Span {
    let start = Key::new(b't').text(id.as_str()).0;
    Span {
        end: Key(start.clone()).byte(255).0,
        start,
    }
}

/// Span of the traces of a session with assessments that count for all of it.
pub fn judged_in_session(experiment: ExperimentId, session: &str) -> Span {
    let start = Key::new(b'i').experiment(experiment).byte(b'f').text(session).0;
    Span {
        end: Key(start.clone()).byte(255).0,
        start,
    }
}

/// Span of the traces of all sessions of an experiment with such assessments.
pub fn all_judged(experiment: ExperimentId) -> Span {
    let start = Key::new(b'i').experiment(experiment).byte(b'f').0;
    Span {
        end: Key::new(b'i').experiment(experiment).byte(b'f' + 1).0,
        start,
    }
}

/// The session in a key of `judged_in_session`.
pub fn judged_session_of(key: &[u8]) -> Option<String> {
    read_text(key.get(10..)?).map(|(session, _)| session)
}

/// The trace in a key of `judged_in_session`.
pub fn judged_trace_of(key: &[u8]) -> Option<TraceId> {
    let (_, id) = read_text(key.get(10..)?)?;
    Some(TraceId::stored(std::str::from_utf8(id).ok()?))
}

/// Span of all lists of an experiment's traces.
pub fn of_experiment(experiment: ExperimentId) -> Span {
    let start = Key::new(b'i').experiment(experiment).0;
    Span {
        end: Key(start.clone()).byte(255).0,
        start,
    }
}

/// All places of a trace in lists.
pub fn places(trace: &Trace) -> BTreeSet<Vec<u8>> {
    let experiment = trace.experiment;
    let sort_key = sort_key(trace.start_ms, &trace.id);
    let mut places = BTreeSet::from([List::Experiment(experiment).at(&sort_key)]);
    let mut list = |field, key: &str, value: &str| {
        places.extend(List::of_value(experiment, field, key, value).map(|list| list.at(&sort_key)));
    };
    if trace.state != TraceState::Unspecified {
        list(ListedField::State, "", trace.state.name());
    }
    for (key, value) in &trace.tags {
        list(ListedField::Tag, key, value);
    }
    for (key, value) in &trace.metadata {
        list(ListedField::Metadata, key, value);
    }
    for run in trace.metadata.get(SOURCE_RUN).into_iter().chain(&trace.runs) {
        list(ListedField::Run, "", run);
    }
    for prompt in &trace.prompts {
        list(ListedField::Prompt, "", prompt);
    }
    let sessions = trace.assessments.iter().filter_map(|assessment| assessment.session());
    for session in sessions.filter(|session| session.len() <= LISTED_KEY_BYTES_MAX) {
        places.insert(judged(experiment, session, &trace.id));
    }
    places
}

/// Key of a trace with assessments that count for all of its session.
fn judged(experiment: ExperimentId, session: &str, id: &TraceId) -> Vec<u8> {
    let key = Key::new(b'i').experiment(experiment).byte(b'f').text(session);
    key.last(id.as_str())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::trace::id::TRACE_ID_BYTES_MAX;
    use crate::domain::trace::tests::a_trace;
    use crate::host::records::KEY_BYTES_MAX;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn newer_traces_sort_first_and_then_lower_ids(times in any::<(i64, i64)>(), ids in ("[a-c]{1,3}", "[a-c]{1,3}")) {
            let [one, other] = [(times.0, &ids.0), (times.1, &ids.1)];
            let key = |(time, id): (i64, &str)| sort_key(time, &TraceId::stored(id));
            prop_assert_eq!(key((one.0, one.1)) < key((other.0, other.1)), (!one.0, one.1) < (!other.0, other.1));
            prop_assert_eq!(read_sort_key(&key((one.0, one.1))), Some((one.0, TraceId::stored(one.1))));
        }

        #[test]
        fn every_place_is_in_its_list(trace in a_trace()) {
            let sort_key = sort_key(trace.start_ms, &trace.id);
            let all = of_experiment(trace.experiment);
            for place in places(&trace) {
                prop_assert!(all.start <= place && place < all.end);
                match place.get(9) {
                    Some(b'f') => prop_assert_eq!(judged_trace_of(&place), Some(trace.id.clone())),
                    _ => prop_assert_eq!(sort_key_in(&place), Some(&sort_key[..])),
                }
            }
            for (key, value) in &trace.tags {
                let list = List::of_value(trace.experiment, ListedField::Tag, key, value).unwrap();
                let span = list.behind(&[]);
                let place = list.at(&sort_key);
                prop_assert!(span.start <= place && place < span.end);
                prop_assert!(list.behind(&sort_key).start > place);
            }
        }

        #[test]
        fn the_longest_texts_fit_into_a_key(letter in prop_oneof![Just('\0'), Just('x'), Just('\u{10000}')]) {
            let experiment = ExperimentId(u64::MAX);
            let id = TraceId::stored(&"x".repeat(TRACE_ID_BYTES_MAX));
            // The longest key of a tag is one of 250 characters.
            let key = letter.to_string().repeat(250);
            let list = List::of_value(experiment, ListedField::Tag, &key, &"\0".repeat(LISTED_VALUE_BYTES_MAX)).unwrap();
            prop_assert!(list.at(&sort_key(i64::MIN, &id)).len() <= KEY_BYTES_MAX);
            prop_assert!(judged(experiment, &"\0".repeat(LISTED_KEY_BYTES_MAX), &id).len() <= KEY_BYTES_MAX);
            prop_assert!(batch(&id, u64::MAX).len() <= KEY_BYTES_MAX);
        }

        #[test]
        fn any_bytes_read_without_a_panic(key in any::<Vec<u8>>()) {
            let _ = (sort_key_in(&key).and_then(read_sort_key), judged_trace_of(&key));
        }
    }
}
