//! The host's clock, which tests can freeze.

use crate::bindings::wasi::clocks::system_clock;

/// The current time in nanoseconds since the Unix epoch.
pub fn now_ns() -> i64 {
    let now = system_clock::now();
    now.seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(i64::from(now.nanoseconds))
}

/// The current time in milliseconds since the Unix epoch.
pub fn now_ms() -> i64 {
    let now = system_clock::now();
    now.seconds
        .saturating_mul(1_000)
        .saturating_add(i64::from(now.nanoseconds / 1_000_000))
}
