//! The cache of one instance, in its own memory: five parts, each with a budget of its own.
//!
//! | part | holds | bytes at most | enough for |
//! |---|---|---|---|
//! | `blocks` | column blocks, decoded | 6 MiB | the numbers of 100,000 runs in seven columns |
//! | `row_keys` | sort keys of runs, as stored | 1 MiB | 40,000 rows |
//! | `filter_results` | bitmaps of the rows that match a filter | 512 KiB | 16 filters on 100,000 runs |
//! | `trace_blocks` | column blocks of traces, decoded | 4 MiB | 100,000 traces in ten columns |
//! | `run_json` | runs as JSON | 1 MiB | the pages that people look at |

use std::cell::RefCell;

use super::block::Block;
use super::cache::RevisionCache;
use super::slot_bitmap::SlotBitmap;
use crate::store::keys::Column;
use crate::store::keys::trace_columns::TraceColumn;

const BLOCKS_BYTES_MAX: usize = 6 << 20;
const TRACE_BLOCKS_BYTES_MAX: usize = 4 << 20;
const ROW_KEYS_BYTES_MAX: usize = 1 << 20;
const FILTER_RESULTS_BYTES_MAX: usize = 512 << 10;
/// Bytes of JSON that are cached; a larger run is not.
pub const RUN_JSON_BYTES_MAX: usize = 1 << 20;

/// The rows of a block for which a filter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterResult {
    /// The rows that match.
    pub matched: SlotBitmap,
    /// The rows that only their full record can decide.
    pub undecided: SlotBitmap,
}

/// A segment of `run_json`: consecutive rows, shown in one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunJsonSegment {
    /// The segment's number.
    pub number: u64,
    /// True if the runs' experiment is active.
    pub is_active: bool,
}

/// The five parts of the cache.
pub struct InstanceCache {
    /// Decoded blocks, by column and block number.
    pub blocks: RevisionCache<Column, Block>,
    /// Decoded blocks of traces, by column and the number of the part of the default order, counted from its end.
    pub trace_blocks: RevisionCache<TraceColumn, Block>,
    /// Records of row keys, by segment and number.
    pub row_keys: RevisionCache<u32, Vec<u8>>,
    /// Results of filters, by the filter's number and block number.
    pub filter_results: RevisionCache<u32, FilterResult>,
    /// Runs as JSON, by segment and row.
    pub run_json: RevisionCache<RunJsonSegment, Vec<u8>>,
}

thread_local! {
    static CACHE: RefCell<InstanceCache> = const {
        RefCell::new(InstanceCache {
            blocks: RevisionCache::new(BLOCKS_BYTES_MAX),
            trace_blocks: RevisionCache::new(TRACE_BLOCKS_BYTES_MAX),
            row_keys: RevisionCache::new(ROW_KEYS_BYTES_MAX),
            filter_results: RevisionCache::new(FILTER_RESULTS_BYTES_MAX),
            run_json: RevisionCache::new(RUN_JSON_BYTES_MAX),
        })
    };
}

/// Uses the cache. `body` must not use it again.
pub fn with<T>(body: impl FnOnce(&mut InstanceCache) -> T) -> T {
    CACHE.with_borrow_mut(body)
}
