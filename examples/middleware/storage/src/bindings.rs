//! Glue made from `wit/`, and nothing else.

#![allow(missing_docs, unreachable_pub, unused, clippy::all)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
// The ABI of components is raw memory; no other file may do this.
#![allow(unsafe_code)]

wit_bindgen::generate!({
    path: "../../../wit",
    inline: "
        package mlforge:example-storage;

        world storage {
            import wasi:filesystem/types@0.3.0;
            import wasi:filesystem/preopens@0.3.0;
            import wasi:random/random@0.3.0;
            export mlforge:plugin/records@0.1.0;
            export mlforge:plugin/blobs@0.1.0;
        }
    ",
    world: "mlforge:example-storage/storage",
    generate_all,
});

use super::Storage;
export!(Storage with_types_in self);
