//! The component's data layer on the host's key-value records: keys, codecs and operations. An operation
//! reads records with their versions, decides, and commits with version checks. So nothing is ever
//! half-written.

pub mod artifacts;
pub mod audit;
pub mod codec;
pub mod columnar;
pub mod commit_statuses;
pub mod compaction;
pub mod contiguous;
pub mod experiments;
pub mod forge_calls;
pub mod inspection;
pub mod job_lookups;
pub mod job_tags;
pub mod keys;
pub mod list_merge;
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
pub mod traces;
