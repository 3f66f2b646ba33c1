//! Counts of a storage of records, which the host shows as metrics.

use crate::metrics::DurationCounts;

/// Counts since the storage was opened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordsCounts {
    /// Commits that were decided: applied, or refused after a conflict.
    pub commits: u64,
    /// Commits of these whose checks did not hold.
    pub conflicts: u64,
    /// Transactions that held the commits. Several commits share one, and its sync.
    pub groups: u64,
    /// Commits that wait at this moment.
    pub queued: usize,
    /// Time of making each transaction durable.
    pub syncs: DurationCounts,
    /// Size of the database at this moment with its log, in bytes. `None`: unknown.
    pub bytes: Option<u64>,
}
