//! The HTTP side of the component: routes, rights, and the conversion of requests and answers. No other room
//! knows HTTP.

pub mod error;
pub mod file_route;
pub mod path;
pub mod rights;
pub mod route;
pub mod wasi;
