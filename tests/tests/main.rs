//! All tests through the front door of the host: one binary, a file a feature.

mod access;
mod datasets;
mod engine;
mod experiments;
mod histories;
mod lending;
mod logging;
mod packing;
mod runs;
mod search;
mod server;
mod wire;
