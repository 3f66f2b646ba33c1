//! The glue of WASI 0.2. Of `mlforge:plugin` the component uses the types and the synchronous functions.

#![allow(
    missing_docs,
    dead_code,
    unreachable_pub,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]
#![allow(clippy::indexing_slicing)]
// The ABI of components is raw memory; beside `wasi_0_3.rs`, no other file may do this.
#![allow(unsafe_code)]

wit_bindgen::generate!({
    path: ["../wit", "../wit/sync"],
    world: "mlforge:plugin-sync/plugin",
    generate_all,
});

use crate::Plugin;
export!(Plugin with_types_in self);
