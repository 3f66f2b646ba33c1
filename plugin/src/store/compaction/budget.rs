//! How much one pass of packing takes in.
//!
//! A pass is one commit, and a commit has bounds (`wit/records.wit`): 10,000 writes, 64 MiB, keys of 4,096 bytes. So has the
//! memory of an instance. What a pass reads and writes is bounded before the commit is built, whatever was logged:
//!
//! | | at most | in the commit |
//! |---|---|---|
//! | runs | 64 | two writes each |
//! | records that are moved | 2,000, and 230 of the last run | a deletion each |
//! | bytes of runs | 8 MiB, and the last run: 8 MiB packed and 8 MiB not packed | as many |
//! | blocks | 2,000, or those of one run: 465 | a write each |
//! | bytes of blocks, as if every text was as long as one can be | 24 MiB | as many |
//!
//! That makes 5,000 writes and 52 MiB with all keys. One run alone always fits: of a run with more, a part is moved.
//!
//! How a pass shares its records among runs decides how often blocks are written. A block has a column of 512 runs, and each
//! pass that adds to it writes it whole; each pass that takes a part of a run writes the packed run whole. So of runs with many
//! records a pass takes a share of each, and many of them that have the same columns, as most runs of an experiment do.

use crate::store::columnar::block_builder::ColumnType;

/// Runs that one pass packs.
pub const RUNS_MAX: usize = 64;

/// Records that one pass moves before it takes no other run, so that writers behind it wait for milliseconds.
pub const MOVED_MAX: usize = 2_000;

/// Records of one run that a pass moves at least, if the run has as many: fewer would write the packed run too often.
const SHARE_MIN: usize = 64;

/// A pass that has read so many bytes takes no other run.
pub const READ_BYTES: usize = 8 << 20;

/// Bytes of one run that a pass moves, unless the first record has more.
const MOVED_BYTES_MAX: usize = 8 << 20;

/// Blocks that one pass rewrites, if it packs more than one run.
const BLOCKS_MAX: usize = 2_000;

/// The same in bytes.
const BLOCK_BYTES_MAX: usize = 24 << 20;

/// Records of one run that a pass moves at most. Each may need a block of its own: of texts, so many have 12 MiB.
const SHARE_MAX: usize = 230;

/// Tags that were stored in one record with a new run and become columns at once. More are stored one by one first.
pub const NEW_TAGS_MAX: usize = SHARE_MAX;

/// How many records of each run a pass moves, if so many runs rest.
pub fn share(runs: usize) -> usize {
    (MOVED_MAX / runs.max(1)).clamp(SHARE_MIN, SHARE_MAX)
}

/// What is moved of one run.
#[derive(Debug)]
pub struct RunBudget {
    records_left: usize,
    bytes: usize,
}

impl RunBudget {
    /// For at most so many records.
    pub fn new(share: usize) -> Self {
        RunBudget {
            records_left: share,
            bytes: 0,
        }
    }

    /// Takes in a record of so many bytes; `false`, and it is left for another pass, when there is no room for it.
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
    /// Takes in more blocks, of whose kind and rows each is; `false`, and none of them is taken, when there is no room for
    /// all. The blocks of a first run always fit.
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

    /// Blocks that a run has without anything that is logged to it.
    const OWN_BLOCKS: usize = 5;

    #[test]
    fn one_run_alone_always_fits_into_a_pass() {
        let blocks = OWN_BLOCKS + NEW_TAGS_MAX + SHARE_MAX;
        assert!(blocks <= BLOCKS_MAX && blocks * ColumnType::Texts.block_bytes_max(SLOTS) <= BLOCK_BYTES_MAX);
    }

    #[test]
    fn more_blocks_than_a_pass_rewrites_are_refused_whole() {
        let mut budget = BlockBudget::default();
        assert!(budget.takes((0..1_000).map(|_| (ColumnType::Numbers, SLOTS))));
        assert!(!budget.takes((0..1_001).map(|_| (ColumnType::Numbers, 1))));
        assert!(!budget.takes((0..450).map(|_| (ColumnType::Texts, SLOTS))));
        assert!(budget.takes((0..1_000).map(|_| (ColumnType::Texts, 8))));
    }

    #[test]
    fn runs_that_are_few_give_much_and_many_give_a_share() {
        assert_eq!([0, 1, 10, 64].map(share), [230, 230, 200, 64]);
    }

    proptest! {
        #[test]
        fn what_is_moved_of_a_run_is_bounded_but_for_its_first_record(
            records in prop::collection::vec(1_usize..10_000_000, 1..40), share in 1_usize..50,
        ) {
            let mut budget = RunBudget::new(share);
            let taken: Vec<usize> = records.into_iter().filter(|bytes| budget.takes(*bytes)).collect();
            prop_assert!(!taken.is_empty() && taken.len() <= share);
            prop_assert!(taken.len() == 1 || taken.iter().sum::<usize>() <= MOVED_BYTES_MAX);
        }
    }
}
