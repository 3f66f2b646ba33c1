//! Points of metrics: chunks, and the histories read from them.

pub mod bulk;
pub mod chunk;
pub mod history;
pub mod history_merge;
pub mod summary;
