//! The HTTP side of the component: routes, rights, and the conversion of requests and answers. No other room
//! knows HTTP.

/// The action of a route in the audit log: its path, unless another name follows.
macro_rules! action {
    ($path:literal) => {
        $path
    };
    ($path:literal $action:literal) => {
        $action
    };
}

pub mod answer;
#[cfg(not(feature = "wasi-0-2"))]
pub(crate) mod direct;
pub mod error;
pub mod file_route;
mod form;
pub mod incoming;
pub mod openapi;
pub mod pages_or_api;
pub mod path;
pub mod rights;
pub mod route;
pub mod route_names;
pub(crate) mod wasi;
