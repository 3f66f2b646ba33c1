//! The WIT imports of the component, one file for each interface.

pub mod blobs;
pub mod clock;
pub mod direct_transfers;
pub mod forge;
pub mod parts;
pub mod random;
pub mod records;
pub mod report;
pub mod span_blobs;
pub mod streams;
pub mod upload_tokens;
