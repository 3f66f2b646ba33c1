//! Tests of `mlforge serve --files`, as a user starts it. `cargo xtask test s3` sets the store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod on_s3;
mod support;
