//! What the component keeps in the records that the host lends it: keys, codec, and the operations on them.
//! An operation reads with versions, decides, and commits with checks; nothing is ever half-written.

pub mod aliases;
pub mod artifacts;
pub mod codec;
pub mod columnar;
pub mod compaction;
pub mod creation;
pub mod experiments;
pub mod keys;
pub mod latest;
pub mod lineage;
pub mod logged_models;
pub mod metrics;
pub mod model_search;
pub mod models;
pub mod portion;
pub mod purge;
pub mod query;
pub mod ruins;
pub mod runs;
pub mod search;
pub mod sources;
pub mod sweep;
pub mod top;
pub mod transition;
pub mod upload_gc;
pub mod uploads;
pub mod version_search;
pub mod versions;
