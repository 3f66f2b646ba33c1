//! Glue made from `wit/`, and nothing else.

#![allow(missing_docs, unreachable_pub, unused, clippy::all)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
// The ABI of components is raw memory; no other file may do this.
#![allow(unsafe_code)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "mlforge:plugin/optional-imports",
    // No function waits for anything, so none needs a task.
    async: ["-all"],
});

use super::Absent;
export!(Absent with_types_in self);
