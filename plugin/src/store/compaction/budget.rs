//! Budgets of one compaction pass.
//!
//! A pass is one commit, and a commit has limits (`wit/records.wit`): 10,000 writes, 64 MiB, keys of 2,560
//! bytes. The memory of an instance is limited, too. So the reads and writes of a pass are bounded before the
//! commit is built, whatever was logged:
//!
//! | | at most | in the commit |
//! |---|---|---|
//! | runs | 64 | two writes each |
//! | records that are moved | 2,000, and 230 of the last run | a deletion each |
//! | bytes of runs | 8 MiB, and the last run: 8 MiB packed and 8 MiB not packed | as many |
//! | blocks | 2,000, or those of one run: 465 | a write each |
//! | bytes of blocks, as if every text was as long as one can be | 24 MiB | as many |
//!
//! That makes 5,000 writes and 52 MiB with all keys. One run alone always fits: of a larger run only a part
//! is moved.
//!
//! The way a pass divides its records among runs decides how often blocks are written. A block is one column
//! of 512 runs, and each pass that adds to it rewrites it whole. A pass that takes a part of a run rewrites
//! the packed run whole, too. So of runs with many records a pass takes a share of each. It takes many runs
//! with the same columns, which most runs of an experiment have.

use crate::store::columnar::block_builder::ColumnType;

/// Largest number of runs that one pass compacts.
pub const RUNS_MAX: usize = 64;

/// Number of moved records after which a pass takes no other run. Commits that wait for the pass then wait
/// for milliseconds.
pub const MOVED_MAX: usize = 2_000;

/// Smallest number of records of one run that a pass moves, if the run has as many. Fewer would rewrite the
/// packed run too often.
const SHARE_MIN: usize = 64;

/// Bytes read after which a pass takes no other run.
pub const READ_BYTES: usize = 8 << 20;

/// Largest number of bytes of one run that a pass moves, unless the first record is larger.
const MOVED_BYTES_MAX: usize = 8 << 20;

/// Largest number of blocks that one pass rewrites, if it compacts more than one run.
const BLOCKS_MAX: usize = 2_000;

/// Largest number of bytes of those blocks.
const BLOCK_BYTES_MAX: usize = 24 << 20;

/// Largest number of records of one run that a pass moves. Each may need a block of its own; as blocks of
/// texts these have 12 MiB.
const SHARE_MAX: usize = 230;

/// Largest number of tags stored in one record with a new run that become columns at once. With more, the
/// rest are first stored one by one.
pub const NEW_TAGS_MAX: usize = SHARE_MAX;

/// Number of records of each run that a pass moves, if `runs` runs are at rest.
pub fn share(runs: usize) -> usize {
    (MOVED_MAX / runs.max(1)).clamp(SHARE_MIN, SHARE_MAX)
}

/// The records of one run that a pass still may move.
#[derive(Debug)]
pub struct RunBudget {
    records_left: usize,
    bytes: usize,
}

impl RunBudget {
    /// Starts a budget of `share` records.
    pub fn new(share: usize) -> Self {
        RunBudget {
            records_left: share,
            bytes: 0,
        }
    }

    /// Counts a record of `bytes` bytes. Returns false, and leaves the record for another pass, when the
    /// budget has no room.
    pub fn takes(&mut self, bytes: usize) -> bool {
        let fits = self.bytes == 0 || self.bytes + bytes <= MOVED_BYTES_MAX;
        let Some(records_left) = self.records_left.checked_sub(1).filter(|_| fits) else {
            return false;
        };
        let bytes = self.bytes + bytes;
        *self = RunBudget { records_left, bytes };
        true
    }
}

/// The blocks that a pass rewrites.
#[derive(Debug, Default)]
pub struct BlockBudget {
    blocks: usize,
    bytes: usize,
}

impl BlockBudget {
    /// Counts more blocks, given as the type and the number of rows of each. Returns false, and counts none
    /// of them, when the budget has no room for all. The blocks of a first run always fit.
    pub fn takes(&mut self, blocks: impl Iterator<Item = (ColumnType, usize)>) -> bool {
        let (mut count, mut bytes) = (self.blocks, self.bytes);
        for (kind, rows) in blocks {
            count += 1;
            bytes += kind.block_bytes_max(rows);
        }
        if self.blocks > 0 && (count > BLOCKS_MAX || bytes > BLOCK_BYTES_MAX) {
            return false;
        }
        (self.blocks, self.bytes) = (count, bytes);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::columnar::slot_bitmap::SLOTS;
    use proptest::prelude::*;

    /// Number of blocks of a run to which nothing is logged.
    const OWN_BLOCKS: usize = 5;

    #[test]
    fn one_run_alone_always_fits_into_a_pass() {
        let blocks = OWN_BLOCKS + NEW_TAGS_MAX + SHARE_MAX;
        assert!(blocks <= BLOCKS_MAX && blocks * ColumnType::Texts.block_bytes_max(SLOTS) <= BLOCK_BYTES_MAX);
    }

    #[test]
    fn blocks_beyond_the_budget_are_refused_together() {
        let mut budget = BlockBudget::default();
        assert!(budget.takes((0..1_000).map(|_| (ColumnType::Numbers, SLOTS))));
        assert!(!budget.takes((0..1_001).map(|_| (ColumnType::Numbers, 1))));
        assert!(!budget.takes((0..450).map(|_| (ColumnType::Texts, SLOTS))));
        assert!(budget.takes((0..1_000).map(|_| (ColumnType::Texts, 8))));
    }

    #[test]
    fn the_share_of_a_run_shrinks_with_the_number_of_runs() {
        assert_eq!([0, 1, 10, 64].map(share), [230, 230, 200, 64]);
    }

    proptest! {
        #[test]
        fn only_the_first_record_of_a_run_may_exceed_its_budget(
            records in prop::collection::vec(1_usize..10_000_000, 1..40), share in 1_usize..50,
        ) {
            let mut budget = RunBudget::new(share);
            let taken: Vec<usize> = records.into_iter().filter(|bytes| budget.takes(*bytes)).collect();
            prop_assert!(!taken.is_empty() && taken.len() <= share);
            prop_assert!(taken.len() == 1 || taken.iter().sum::<usize>() <= MOVED_BYTES_MAX);
        }
    }
}
