//! What the component keeps in the records that the host lends it: keys, codec, and the operations on them.
//! An operation reads with versions, decides, and commits with checks; nothing is ever half-written.

pub mod aliases;
pub mod artifacts;
pub mod block;
pub mod codec;
pub mod creation;
pub mod datasets;
pub mod experiments;
pub mod files;
pub mod full_logged;
pub mod full_runs;
pub mod histories;
pub mod history;
pub mod inputs;
pub mod keys;
pub mod latest;
pub mod lineage;
pub mod listing;
pub mod logged;
pub mod logged_search;
pub mod marks;
pub mod model_search;
pub mod models;
pub mod outputs;
pub mod pack;
pub mod packed;
pub mod records;
pub mod runs;
pub mod search;
pub mod sources;
pub mod sweep;
pub mod top;
pub mod transition;
pub mod version_search;
pub mod versions;
pub mod zones;
