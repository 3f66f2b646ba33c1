//! All tests through the front door of the host: one binary, a file a feature.

mod access;
mod aliases;
mod artifacts;
mod datasets;
mod defects;
mod engine;
mod experiments;
mod histories;
mod lending;
mod lineage;
mod logged_models;
mod logging;
mod models;
mod packing;
mod replacing;
mod runs;
mod search;
mod server;
mod sources;
mod stages;
mod transfers;
mod uploads;
mod values;
mod version_search;
mod versions;
mod wire;
