//! The mlforge component, compiled from `plugin/` when this crate is: always the one that its source says.

/// A WebAssembly component that exports `wasi:http/handler@0.3.0`. Not a constant, of which a program would hold a copy for
/// each use.
pub static COMPONENT: &[u8] = include_bytes!(env!("MLFORGE_COMPONENT"));
