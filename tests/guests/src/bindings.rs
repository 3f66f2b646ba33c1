//! Glue generated from `wit/`, and nothing else.

#![allow(missing_docs, unreachable_pub, clippy::all)]
// The component ABI is raw memory; no other file may do this.
#![allow(unsafe_code)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "mlforge:plugin/plugin",
    generate_all,
});

use super::TestGuest;
export!(TestGuest with_types_in self);
