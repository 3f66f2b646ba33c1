//! Tests of `mlforge --database`, as a user starts it. `cargo xtask test postgres` sets the server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod on_postgres;
mod support;
