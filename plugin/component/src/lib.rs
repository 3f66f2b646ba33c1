//! The mlforge component, compiled from `plugin/` together with this crate, so that it always matches its
//! source.

/// A WebAssembly component that exports `wasi:http/handler@0.3.0`. It is a static: a constant would be copied
/// into the program at each use.
pub static COMPONENT: &[u8] = include_bytes!(env!("MLFORGE_COMPONENT"));

/// A component that stands in for the imports that a host need not lend. It exports the world `optional-imports`.
pub static ABSENT: &[u8] = include_bytes!(env!("MLFORGE_ABSENT"));

/// The interfaces of `ABSENT`, by their names in `mlforge:plugin`.
pub const OPTIONAL_IMPORTS: [&str; 5] = ["blobs", "forge", "upload-tokens", "direct-transfers", "report"];
