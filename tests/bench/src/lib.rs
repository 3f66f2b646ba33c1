//! Tools that drive a server from outside, for the benchmark and the soak tests: its process, an HTTP client,
//! and kernel statistics of both. They must not know the requests.

pub mod client;
pub mod numbers;
pub mod process;
pub mod server;
