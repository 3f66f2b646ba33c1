//! Searches of runs: a filter, an order, and a page.
//!
//! In the default order a search reads from its cursor until the page is full. Another order looks at everything once and keeps
//! no more than a page.

mod block_reader;
mod candidates;
mod filter_cache;
mod filter_mask;
mod projection;
mod run_search;
mod scan_plan;
mod snapshot;
mod threshold;

pub use crate::store::search::run_search::find;

use super::columnar::cache::BlockRevision;
use super::keys;
use crate::domain::id::RunId;
use crate::domain::lifecycle::Stage;
use crate::search::runs::RunOrder;

/// A run that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunHit {
    /// Its id.
    pub id: RunId,
    /// Where it is packed, unless it must be read itself anyway.
    pub location: Option<RowLocation>,
}

/// Where a run is packed that was not changed since, and the stage in which it is shown. While these are the same, so is all
/// that is read of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowLocation {
    /// What is packed of its block.
    pub revision: BlockRevision,
    /// Its row.
    pub row: u64,
    /// The only stage that the search shows.
    pub stage: Stage,
}

/// True if bytes can be the place of a run in this order.
pub fn fits(order: &RunOrder, bytes: &[u8]) -> bool {
    if order.is_listing() {
        bytes.len() == keys::RUN_SORT_KEY_BYTES
    } else {
        order.read_key(bytes).is_some()
    }
}
