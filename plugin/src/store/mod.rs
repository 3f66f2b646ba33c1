//! What the component keeps in the records that the host lends it: keys, codec, and the operations on them.
//! An operation reads with versions, decides, and commits with checks; nothing is ever half-written.

pub mod artifacts;
pub mod codec;
pub mod columnar;
pub mod compaction;
pub mod contiguous;
pub mod experiments;
pub mod keys;
pub mod logged_models;
pub mod metrics;
pub mod portion;
pub mod purge;
pub mod query;
pub mod references;
pub mod registry;
pub mod runs;
pub mod search;
pub mod tombstone;
pub mod top_k;
