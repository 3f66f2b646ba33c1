//! Concurrent requests to one shared value: begin and end of each, and the values that may be read
//! afterwards.

use std::fmt;

/// Maximum number of requests in a message.
const SHOWN: usize = 6;

/// A moment: the number of requests that began or ended before it.
pub(crate) type Moment = u64;

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The request was acknowledged.
    Done,
    /// The request was refused: it did not happen.
    Refused,
    /// The outcome is unknown, or the request has not ended yet.
    Unknown,
}

/// A request with its begin and end.
#[derive(Clone, Debug)]
pub(crate) struct Event<T> {
    /// The effect of the request.
    pub(crate) what: T,
    /// The moment when it was sent.
    pub(crate) begin: Moment,
    /// The moment when its answer came. From then on it cannot happen any more. `Moment::MAX` until then.
    pub(crate) end: Moment,
    /// The outcome.
    pub(crate) fate: Fate,
}

/// Requests of one kind, in the order in which they were sent.
#[derive(Clone)]
pub(crate) struct Events<T>(pub(crate) Vec<Event<T>>);

// Not derived: that would require `T: Default`.
impl<T> Default for Events<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: fmt::Debug> fmt::Debug for Events<T> {
    /// Shows the last requests only; the earlier ones were replaced long ago.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.0.len().saturating_sub(SHOWN);
        f.debug_list().entries(self.0.iter().skip(first)).finish()
    }
}

impl<T> Events<T> {
    /// Records that a request is sent; returns its index.
    pub(crate) fn begin(&mut self, what: T, now: Moment) -> usize {
        self.0.push(Event {
            what,
            begin: now,
            end: Moment::MAX,
            fate: Fate::Unknown,
        });
        self.0.len() - 1
    }

    /// Records that a request ended.
    pub(crate) fn end(&mut self, index: usize, fate: Fate, now: Moment) {
        if let Some(event) = self.0.get_mut(index) {
            event.fate = fate;
            event.end = now;
        }
    }

    /// Records that the server has stopped: unanswered requests will not happen any more.
    pub(crate) fn settle(&mut self, now: Moment) {
        for event in &mut self.0 {
            event.end = event.end.min(now);
        }
    }

    /// The acknowledged requests.
    pub(crate) fn done(&self) -> impl Iterator<Item = &Event<T>> {
        self.0.iter().filter(|event| event.fate == Fate::Done)
    }

    /// The requests that were not refused.
    pub(crate) fn possible(&self) -> impl Iterator<Item = &Event<T>> {
        self.0.iter().filter(|event| event.fate != Fate::Refused)
    }
}

/// One value that several callers set.
#[derive(Clone, Debug)]
pub(crate) struct Register<V> {
    /// The value before the first write.
    initial: V,
    /// The requests that set a value.
    pub(crate) writes: Events<V>,
}

impl<V: PartialEq> Register<V> {
    /// A register with this initial value.
    pub(crate) fn new(initial: V) -> Self {
        Self {
            initial,
            writes: Events::default(),
        }
    }

    /// True if the register may have had this value at a moment between `begin` and `end`. So the value was
    /// set before `end`, and no other value was certainly set between that and `begin`.
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

    /// A register with these writes: value, begin, end, fate.
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
