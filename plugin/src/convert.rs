//! Conversions of numbers.
//!
//! A `usize` has 32 bits in the component, which is 32-bit WebAssembly, and 64 bits in native tests.
//! So conversions between it and types of a fixed size lose nothing, and their other branch is never taken.

/// The number with 64 bits.
pub(crate) fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// The number as a size in memory.
pub(crate) fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// An integer as a float, for charts and averages. Beyond 2^53 it is not exact.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn to_f64(number: i64) -> f64 {
    number as f64
}
