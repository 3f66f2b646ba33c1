//! The read set of an attempt to decide: the records that it read, with their versions. A decision that writes nothing, such
//! as a refusal, is checked by it.

use std::cell::RefCell;

/// What was read since `start`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReadSet {
    /// Keys and the versions of their records, in the order in which they were read.
    pub records: Vec<(Vec<u8>, u64)>,
    /// Calls of the host: what one of them answers is of one moment.
    pub calls: usize,
}

thread_local! {
    /// None outside of an attempt. An instance does one thing at a time.
    static CURRENT: RefCell<Option<ReadSet>> = const { RefCell::new(None) };
}

impl ReadSet {
    /// Begins to take notes.
    pub(crate) fn start() {
        CURRENT.set(Some(ReadSet::default()));
    }

    /// Ends that, and hands out what was noted.
    pub(crate) fn stop() -> ReadSet {
        CURRENT.take().unwrap_or_default()
    }

    /// True if notes are taken.
    pub(crate) fn is_wanted() -> bool {
        CURRENT.with_borrow(Option::is_some)
    }

    /// Notes records that were read by one call.
    pub(crate) fn note_records(records: impl Iterator<Item = (Vec<u8>, u64)>) {
        CURRENT.with_borrow_mut(|read| {
            if let Some(read) = read {
                read.calls += 1;
                read.records.extend(records);
            }
        });
    }

    /// Notes a call that read ranges. What lies in them has no versions: who decides on a range reads its guard, too.
    pub(crate) fn note_scan() {
        Self::note_records(std::iter::empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_within_an_attempt_is_noted_and_nothing_else() {
        let record = || std::iter::once((b"k".to_vec(), 7));
        ReadSet::note_records(record());
        assert!(!ReadSet::is_wanted());
        ReadSet::start();
        assert!(ReadSet::is_wanted());
        ReadSet::note_records(record());
        ReadSet::note_scan();
        let read = ReadSet::stop();
        assert_eq!((read.records, read.calls), (record().collect(), 2));
        ReadSet::note_scan();
        assert_eq!(ReadSet::stop(), ReadSet::default());
    }
}
