//! Requests in, answers out: the one place that knows HTTP.

pub mod error;
pub mod file_route;
pub mod path;
pub mod rights;
pub mod route;
pub mod wasi;
