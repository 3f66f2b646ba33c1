//! The read set of a transaction's attempt: the records that it read, with their versions. A decision without
//! writes, such as a refusal, is checked against it.

use std::cell::RefCell;

/// The reads since `start`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReadSet {
    /// The keys and versions of the records, in the order in which they were read.
    pub records: Vec<(Vec<u8>, u64)>,
    /// Number of calls of the host. All results of one call are of one moment.
    pub calls: usize,
}

thread_local! {
    /// `None` outside of an attempt. An instance handles one request at a time.
    static CURRENT: RefCell<Option<ReadSet>> = const { RefCell::new(None) };
}

impl ReadSet {
    /// Begins to record reads.
    pub(crate) fn start() {
        CURRENT.set(Some(ReadSet::default()));
    }

    /// Stops recording and returns the reads.
    pub(crate) fn stop() -> ReadSet {
        CURRENT.take().unwrap_or_default()
    }

    /// True while reads are recorded.
    pub(crate) fn is_wanted() -> bool {
        CURRENT.with_borrow(Option::is_some)
    }

    /// Records the records that one call read.
    pub(crate) fn note_records(records: impl Iterator<Item = (Vec<u8>, u64)>) {
        CURRENT.with_borrow_mut(|read| {
            if let Some(read) = read {
                read.calls += 1;
                read.records.extend(records);
            }
        });
    }

    /// Records a call that read ranges. Entries of ranges have no versions here. A decision on a range
    /// therefore also reads its high-water mark.
    pub(crate) fn note_scan() {
        Self::note_records(std::iter::empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reads_within_an_attempt_are_recorded() {
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
