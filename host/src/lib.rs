//! The reference host of mlforge. It provides storage and identity to the component, and serves it over HTTP.
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
mod builder;
mod convert;
pub mod forge;
mod host;
mod http;
mod limits;
mod metrics;
mod runtime;
mod server;
pub mod storage;

pub use crate::host::maintenance::MaintenanceCounts;
pub use crate::host::replay::Replay;
pub use crate::http::client_address::PeerAddress;
pub use crate::http::request_id::current_request_id;
pub use crate::http::response_body::Body;
pub use crate::runtime::component::Plugin;
pub use builder::{HostBuilder, SOURCE_SCHEMES};
pub use host::Host;
pub use limits::Limits;
pub use limits::project_maxima::ProjectMaxima;
pub use limits::rate::Rate;
pub use metrics::DurationCounts;
pub use server::monitoring::MonitoringListener;
