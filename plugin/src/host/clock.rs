//! The time, lent by the host: a test freezes it.

use crate::bindings::wasi::clocks::system_clock;

/// Nanoseconds since the Unix epoch.
pub fn now_ns() -> i64 {
    let now = system_clock::now();
    now.seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(i64::from(now.nanoseconds))
}

/// Milliseconds since the Unix epoch.
pub fn now_ms() -> i64 {
    let now = system_clock::now();
    now.seconds
        .saturating_mul(1_000)
        .saturating_add(i64::from(now.nanoseconds / 1_000_000))
}
