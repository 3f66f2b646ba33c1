//! Columns of traces. Compaction divides the default order of an experiment's traces into parts of at most 512 traces, and writes a
//! block of columns for each. A search evaluates its filter on them and reads only the traces that may be on its page.
//!
//! The columns follow from the traces, and each trace keeps its own record. Every change of a trace writes its dirty marker in the
//! same commit, and a search reads dirty traces whatever the columns say. A part that changed is built again from its traces, under a
//! new number. So a block never changes, and the directory of parts tells the blocks that are valid.

pub mod columns;
pub mod compact;
mod filter;
mod listing;
mod measured;
mod place;
mod ranking;
mod snapshot;

pub use filter::ColumnFilter;
pub use listing::{Listing, RETRIES_MAX, judged_sessions};
pub use measured::{Measurable, Visited, visit_all};
pub use place::Place;
pub use ranking::Ranking;
pub(in crate::store::traces) use ranking::{Visitor, ranked};
