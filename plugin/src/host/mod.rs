//! The component's side of the WIT imports, one file an interface.

pub mod blobs;
pub mod clock;
pub mod http_body;
pub mod parts;
pub mod random;
pub mod records;
pub mod report;
pub mod upload_tokens;
