//! The component's side of the WIT imports, one file an interface.

pub mod blobs;
pub mod parts;
pub mod records;
pub mod wasi;
