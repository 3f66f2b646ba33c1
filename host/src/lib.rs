//! The reference host of mlforge: it lends the component storage and identity, and serves it over HTTP.
//!
//! ```no_run
//! # async fn run(component: Vec<u8>, forge: impl mlforge::forge::Forge) -> anyhow::Result<()> {
//! use std::sync::Arc;
//! use mlforge::storage::memory::{MemoryBlobs, MemoryRecords};
//!
//! let host = mlforge::Host::builder()
//!     .component(component)
//!     .records(Arc::new(MemoryRecords::new()))
//!     .blobs(Arc::new(MemoryBlobs::new()))
//!     .forge(Arc::new(forge))
//!     .build()?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:5000").await?;
//! host.serve(listener, async { _ = tokio::signal::ctrl_c().await }).await
//! # }
//! ```

mod auth;
mod bindings;
mod builder;
mod call;
mod connections;
mod fair_queue;
pub mod forge;
mod heads;
mod host;
mod http;
mod imports;
mod ingress;
mod instance;
mod lane;
mod limits;
mod log_limit;
mod maintenance_schedule;
mod patience;
mod plugin;
mod pool;
mod purge;
mod server;
pub mod storage;
mod surroundings;
mod transfer;
mod turns;
mod upkeep;
mod upload_gc;

pub use crate::http::response_body::Body;
pub use builder::{HostBuilder, SOURCE_SCHEMES};
pub use host::Host;
pub use limits::Limits;
pub use plugin::Plugin;
pub use upkeep::UpkeepCounts;
