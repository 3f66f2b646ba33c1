//! The runtime of the component: what wasmtime needs, and nothing of HTTP routing or forges.

pub(crate) mod bindings;
pub(crate) mod commit_statuses;
pub(crate) mod component;
pub(crate) mod environment;
pub(crate) mod forge_rest;
mod imports;
pub(crate) mod instance;
pub(crate) mod instance_counts;
pub(crate) mod instance_pool;
mod low_priority;
pub(crate) mod resources;
pub(crate) mod retry_locks;
pub(crate) mod services;
pub(crate) mod store_data;
pub(crate) mod threads;
mod turns;
