//! Time and randomness, lent by the host: a test freezes the one and seeds the other.

use crate::bindings::wasi::clocks::system_clock;
use crate::bindings::wasi::random::random;

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

/// A random number.
pub fn random_u64() -> u64 {
    random::get_random_u64()
}

/// 16 random bytes.
pub fn random_id() -> [u8; 16] {
    (u128::from(random_u64()) << 64 | u128::from(random_u64())).to_be_bytes()
}
