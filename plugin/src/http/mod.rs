//! Requests in, answers out: the one place that knows HTTP.

pub mod error;
pub mod file;
pub mod file_route;
pub mod json;
pub mod message;
pub mod params;
pub mod path;
pub mod route;
