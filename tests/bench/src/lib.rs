//! Tools that drive a server from outside, for the benchmark and the soak tests: its process, an HTTP client,
//! kernel statistics of both, and reproducible random numbers. They must not know the requests.

pub mod client;
pub mod dice;
pub mod numbers;
pub mod process;
pub mod server;
