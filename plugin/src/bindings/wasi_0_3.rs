//! The glue of WASI 0.3.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]
#![allow(clippy::indexing_slicing)]
// The ABI of components is raw memory; no other file may do this.
#![allow(unsafe_code)]

wit_bindgen::generate!({
    path: "../wit",
    world: "mlforge:plugin/full-plugin",
    generate_all,
});

use crate::Plugin;
export!(Plugin with_types_in self);
