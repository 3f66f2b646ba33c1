//! What drives a server from outside, for the benchmark and the soak tests: its process, an HTTP client, and what the kernel
//! says of both. It must not know what is asked.

pub mod client;
pub mod numbers;
pub mod process;
pub mod server;
