//! Conversions of numbers between `usize` and types of a fixed size.
//!
//! The host runs on 64-bit machines, where a `usize` has 64 bits.
//! So the conversions lose nothing, and their other branch is never taken.

/// The number with 64 bits.
pub(crate) fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// The number as a size in memory.
pub(crate) fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
