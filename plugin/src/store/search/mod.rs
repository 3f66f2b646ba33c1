//! Searches of runs: a filter, an order, and a page.
//!
//! In the default order a search reads from its cursor until the page is full. Another order looks at
//! everything once and keeps no more than a page. A search near some start times looks at a bounded number of runs.

mod block_reader;
mod candidates;
mod filter_cache;
mod filter_mask;
mod projection;
mod run_search;
mod scan_plan;
mod snapshot;
mod sort_terms;
mod threshold;

pub use crate::store::search::run_search::{find, find_near};

use super::columnar::cache::BlockRevision;
use super::keys;
use crate::domain::id::RunId;
use crate::domain::lifecycle::Stage;
use crate::search::runs::RunOrder;

/// A run that a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunHit {
    /// Its id.
    pub id: RunId,
    /// The row of the run. `None`: the run must be read from its own records anyway.
    pub location: Option<RowLocation>,
}

/// The row of an unchanged packed run, and the stage in which it is shown. While these are the same,
/// everything that is read of the run is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowLocation {
    /// The revision of its block.
    pub revision: BlockRevision,
    /// The row.
    pub row: u64,
    /// The only stage that the search shows.
    pub stage: Stage,
}

/// True if bytes can be the cursor of a run in this order.
pub fn fits(order: &RunOrder, bytes: &[u8]) -> bool {
    if order.is_listing() {
        bytes.len() == keys::RUN_SORT_KEY_BYTES
    } else {
        order.read_key(bytes).is_some()
    }
}
