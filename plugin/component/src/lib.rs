//! The mlforge component, compiled from `plugin/` when this crate is: always the one that its source says.

/// A WebAssembly component that exports `wasi:http/handler@0.3.0`.
pub const COMPONENT: &[u8] = include_bytes!(env!("MLFORGE_COMPONENT"));
