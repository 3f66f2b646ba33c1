//! The order in which a search reads blocks and dirty runs.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use super::RunHit;
use super::snapshot::{BlockRef, DirtyRun, SearchSnapshot};
use crate::domain::id::RunId;
use crate::search::runs::RunAttribute;
use crate::store::keys::{self, RUN_SORT_KEY_BYTES};
use crate::store::query::SearchQuery;
use crate::store::top_k::TopK;

/// Largest number of runs that are read from their own records together.
pub(super) const RUNS_AT_ONCE: usize = 500;
/// Largest number of blocks that are read together. In default order the first read is one block. Later reads
/// are as many as the page seems to need, at most twice as many each time.
const BLOCKS_AT_ONCE: usize = 32;
/// Largest number of blocks, and of dirty runs, at which a search looks near some start times.
const BLOCKS_NEAR_MAX: usize = 4;
const RUNS_NEAR_MAX: usize = 500;
/// Largest number of columns of blocks that are read together, unless one block has more. Each has up to 52
/// KB where texts are long.
const CELLS_AT_ONCE: usize = 1_024;

/// The next step of a search.
pub(super) enum ScanStep<'a> {
    /// Runs that must be read from their own records.
    Runs(&'a [DirtyRun]),
    /// Blocks of packed runs.
    Blocks(Vec<BlockRef>),
}

/// The blocks and dirty runs that are not read yet.
pub(super) struct ScanPlan<'a> {
    dirty: &'a [DirtyRun],
    blocks: VecDeque<BlockRef>,
    blocks_at_once: usize,
    blocks_max: usize,
    blocks_seen: usize,
    runs_at_once: usize,
    in_default_order: bool,
}

impl<'a> ScanPlan<'a> {
    /// Begins with everything after the page's cursor. `columns` is the number of columns that are read.
    pub(super) fn new(snapshot: &'a SearchSnapshot, query: &SearchQuery<RunAttribute>, columns: usize) -> Self {
        let in_default_order = query.order.is_listing();
        let blocks_max = blocks_at_once(columns);
        let mut plan = ScanPlan {
            dirty: &snapshot.dirty,
            blocks: snapshot.blocks().into(),
            blocks_at_once: if in_default_order { 1 } else { blocks_max },
            blocks_max,
            blocks_seen: 0,
            runs_at_once: RUNS_AT_ONCE,
            in_default_order,
        };
        if in_default_order {
            plan.runs_at_once = (2 * query.count).min(RUNS_AT_ONCE);
            plan.begin_after(query.after.as_ref().map(|sort_key| sort_key.bytes()));
        }
        plan
    }

    /// Removes everything before a cursor, and sorts the rest.
    fn begin_after(&mut self, after: Option<&[u8]>) {
        if let Some(after) = after {
            let begin = self.dirty.partition_point(|run| run.sort_key.as_slice() <= after);
            self.dirty = self.dirty.get(begin..).unwrap_or_default();
            let last = |block: &BlockRef| keys::run_sort_key(block.zone.oldest_ms, RunId([255; 16]));
            self.blocks.retain(|block| last(block).as_slice() > after);
        }
        self.blocks.make_contiguous().sort_unstable_by_key(first_sort_key);
    }

    /// Leaves so many blocks and dirty runs that the search has a bounded cost. If there are more, those stay that may have started
    /// in a period, and the oldest of them. Returns true if others of the period are left out. For the default order only.
    pub(super) fn narrow(&mut self, started_ms: &RangeInclusive<i64>) -> bool {
        if self.blocks.len() <= BLOCKS_NEAR_MAX && self.dirty.len() <= RUNS_NEAR_MAX {
            return false;
        }
        let (first_ms, last_ms) = (*started_ms.start(), *started_ms.end());
        self.blocks
            .retain(|block| block.zone.newest_ms >= first_ms && block.zone.oldest_ms <= last_ms);
        let start_of = |run: &DirtyRun| keys::run_of_sort_key(&run.sort_key).0;
        let begin = self.dirty.partition_point(|run| start_of(run) > last_ms);
        let end = self.dirty.partition_point(|run| start_of(run) >= first_ms);
        self.dirty = self.dirty.get(begin..end).unwrap_or_default();
        // The newest come first.
        let blocks = self.blocks.len().saturating_sub(BLOCKS_NEAR_MAX);
        self.blocks.drain(..blocks);
        let runs = self.dirty.len().saturating_sub(RUNS_NEAR_MAX);
        self.dirty = self.dirty.get(runs..).unwrap_or_default();
        blocks + runs > 0
    }

    /// Returns the step that comes first. `None`: nothing can change the page any more.
    pub(super) fn next(&mut self, best: &TopK<RunHit>) -> Option<ScanStep<'a>> {
        let next_block = self.blocks.front().map(first_sort_key);
        let next_run = self.dirty.first().map(|run| run.sort_key);
        let runs_first = match (next_run, next_block) {
            (Some(run), Some(block)) => !self.in_default_order || run < block,
            (run, _) => run.is_some(),
        };
        let next = if runs_first { next_run } else { next_block }?;
        if self.in_default_order && best.is_after(&next) {
            return None;
        }
        if runs_first {
            let (some, rest) = self.dirty.split_at(self.runs_at_once.min(self.dirty.len()));
            self.dirty = rest;
            return Some(ScanStep::Runs(some));
        }
        let count = self.blocks_at_once.min(self.needed(best)).min(self.blocks.len());
        let some = self.blocks.drain(..count).collect();
        self.blocks_seen += count;
        self.blocks_at_once = (2 * self.blocks_at_once).min(self.blocks_max);
        Some(ScanStep::Blocks(some))
    }

    /// Number of blocks that fill the page if they match as often as those before.
    fn needed(&self, best: &TopK<RunHit>) -> usize {
        match best.found() {
            _ if !self.in_default_order => self.blocks_max,
            0 => self.blocks_max,
            found => (best.missing() * self.blocks_seen).div_ceil(found).max(1),
        }
    }
}

/// Largest number of blocks that are read together with this number of columns.
fn blocks_at_once(columns: usize) -> usize {
    (CELLS_AT_ONCE / columns.max(1)).clamp(1, BLOCKS_AT_ONCE)
}

/// Returns a lower bound: no run of the block comes before it.
fn first_sort_key(block: &BlockRef) -> [u8; RUN_SORT_KEY_BYTES] {
    keys::run_sort_key(block.zone.newest_ms, RunId([0; 16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_columns_mean_fewer_blocks_at_once() {
        assert_eq!([0, 3, 32, 64, 512].map(blocks_at_once), [32, 32, 32, 16, 2]);
        assert_eq!(blocks_at_once(10_000), 1);
    }
}
