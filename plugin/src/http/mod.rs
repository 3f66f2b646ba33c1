//! Requests in, answers out: the one place that knows HTTP.

pub mod error;
pub mod message;
pub mod params;
pub mod route;
