//! Glue made from `wit/`, and nothing else.

#![allow(missing_docs, unreachable_pub, unused, clippy::all)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
// The ABI of components is raw memory; no other file may do this.
#![allow(unsafe_code)]

wit_bindgen::generate!({
    path: "../../../wit",
    inline: "
        package mlforge:example-gate;

        world gate {
            import wasi:cli/environment@0.3.0;
            import wasi:http/handler@0.3.0;
            export wasi:http/handler@0.3.0;
        }
    ",
    world: "mlforge:example-gate/gate",
    generate_all,
});

use super::Gate;
export!(Gate with_types_in self);
