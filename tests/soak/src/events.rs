//! What several callers did to one thing at the same time: when each request began and ended, and what may be read then.

use std::fmt;

/// Requests that a message shows.
const SHOWN: usize = 6;

/// A moment: the number of beginnings and ends before it.
pub(crate) type Moment = u64;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was acknowledged.
    Done,
    /// It was refused: it did not happen.
    Refused,
    /// Nobody knows, or it has not ended yet.
    Unknown,
}

/// A request and its time.
#[derive(Clone, Debug)]
pub(crate) struct Event<T> {
    /// What it does.
    pub(crate) what: T,
    /// When it was sent.
    pub(crate) begin: Moment,
    /// When its answer came; from then on it cannot happen any more. `Moment::MAX` until then.
    pub(crate) end: Moment,
    /// How it ended.
    pub(crate) fate: Fate,
}

/// Requests of one kind, in the order in which they were sent.
#[derive(Clone)]
pub(crate) struct Events<T>(pub(crate) Vec<Event<T>>);

// Not derived: that would ask for it of `T`.
impl<T> Default for Events<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: fmt::Debug> fmt::Debug for Events<T> {
    /// The last ones: the others were replaced long ago.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.0.len().saturating_sub(SHOWN);
        f.debug_list().entries(self.0.iter().skip(first)).finish()
    }
}

impl<T> Events<T> {
    /// A request is sent; what is answered names it.
    pub(crate) fn begin(&mut self, what: T, now: Moment) -> usize {
        self.0.push(Event {
            what,
            begin: now,
            end: Moment::MAX,
            fate: Fate::Unknown,
        });
        self.0.len() - 1
    }

    /// A request ended.
    pub(crate) fn end(&mut self, index: usize, fate: Fate, now: Moment) {
        if let Some(event) = self.0.get_mut(index) {
            event.fate = fate;
            event.end = now;
        }
    }

    /// The server is gone: what had no answer yet will not happen any more.
    pub(crate) fn settle(&mut self, now: Moment) {
        for event in &mut self.0 {
            event.end = event.end.min(now);
        }
    }

    /// Those that were acknowledged.
    pub(crate) fn done(&self) -> impl Iterator<Item = &Event<T>> {
        self.0.iter().filter(|event| event.fate == Fate::Done)
    }

    /// Those that were not refused.
    pub(crate) fn possible(&self) -> impl Iterator<Item = &Event<T>> {
        self.0.iter().filter(|event| event.fate != Fate::Refused)
    }
}

/// One value that several callers set.
#[derive(Clone, Debug)]
pub(crate) struct Register<V> {
    /// Before anybody set one.
    initial: V,
    /// Who set what.
    pub(crate) writes: Events<V>,
}

impl<V: PartialEq> Register<V> {
    /// One with this value.
    pub(crate) fn new(initial: V) -> Self {
        Self {
            initial,
            writes: Events::default(),
        }
    }

    /// Whether it may have had this value at some time between two moments: it was set to it before the later one, and
    /// not surely set to another one between that and the earlier one.
    pub(crate) fn may_be(&self, value: &V, begin: Moment, end: Moment) -> bool {
        let stays = |set: Moment| {
            let mut others = self.writes.done().filter(|other| other.what != *value);
            !others.any(|other| other.begin > set && other.end < begin)
        };
        let mut writes = self.writes.possible().filter(|write| write.what == *value);
        writes.any(|write| write.begin < end && stays(write.end)) || (self.initial == *value && stays(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A register with writes: value, begin, end, fate.
    fn register(writes: &[(u8, Moment, Moment, Fate)]) -> Register<u8> {
        let mut register = Register::new(0);
        for (value, begin, end, fate) in writes {
            let index = register.writes.begin(*value, *begin);
            register.writes.end(index, *fate, *end);
        }
        register
    }

    fn possible(register: &Register<u8>, begin: Moment, end: Moment) -> Vec<u8> {
        (0..5).filter(|value| register.may_be(value, begin, end)).collect()
    }

    #[test]
    fn the_last_of_consecutive_writes_counts() {
        let register = register(&[(1, 1, 2, Fate::Done), (2, 3, 4, Fate::Done)]);
        assert_eq!(possible(&register, 9, 9), [2]);
    }

    #[test]
    fn either_of_two_concurrent_writes_may_be_the_last() {
        let register = register(&[(1, 1, 4, Fate::Done), (2, 2, 3, Fate::Done)]);
        assert_eq!(possible(&register, 9, 9), [1, 2]);
    }

    #[test]
    fn an_unanswered_write_may_have_happened_and_a_refused_one_did_not() {
        let register = register(&[
            (1, 1, 2, Fate::Done),
            (2, 3, 4, Fate::Unknown),
            (3, 5, 6, Fate::Refused),
        ]);
        assert_eq!(possible(&register, 9, 9), [1, 2]);
    }

    #[test]
    fn a_later_write_replaces_an_unanswered_one() {
        let mut register = register(&[(1, 1, 2, Fate::Done)]);
        register.writes.begin(2, 3);
        register.writes.settle(4);
        let last = register.writes.begin(3, 5);
        register.writes.end(last, Fate::Done, 6);
        assert_eq!(possible(&register, 9, 9), [3]);
    }

    #[test]
    fn a_read_returns_a_value_set_before_or_during_it() {
        let register = register(&[(1, 2, 3, Fate::Done), (2, 5, 8, Fate::Done), (3, 20, 21, Fate::Done)]);
        assert_eq!(possible(&register, 1, 1), [0]);
        assert_eq!(possible(&register, 6, 7), [1, 2]);
        assert_eq!(possible(&register, 10, 11), [2]);
    }
}
