//! The host's random numbers, which tests can seed.

use crate::bindings::wasi::random::random;

/// A random number.
pub fn random_u64() -> u64 {
    random::get_random_u64()
}

/// 16 random bytes.
pub fn random_id() -> [u8; 16] {
    (u128::from(random_u64()) << 64 | u128::from(random_u64())).to_be_bytes()
}
