//! The mlforge component: MLflow tracking for one project of a code forge, over storage that the host provides.
//!
//! `exports` is what the host calls. `http` finds the route of a request, `api` answers it for clients and `pages` for people, and
//! `request` holds the types that all use. `maintenance` is the work between requests. `store` reads and writes records and files,
//! `host` wraps the imports, `search` holds the language of searches, and `domain` the rules. Each uses only those after it in this
//! list. The component keeps no state but caches, so an instance can serve any number of requests.

pub mod api;
mod bindings;
mod convert;
pub mod domain;
pub mod error;
mod exports;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod host;
pub mod http;
#[cfg(not(feature = "wasi-0-2"))]
mod maintenance;
pub mod pages;
pub mod request;
pub mod search;
pub mod store;

/// Implements the exports.
struct Plugin;
