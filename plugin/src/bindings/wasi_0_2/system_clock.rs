//! `wasi:clocks/system-clock`, over the clock of WASI 0.2.

use super::generated::wasi::clocks0_2_0::wall_clock;

pub(crate) struct Instant {
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: u32,
}

pub(crate) fn now() -> Instant {
    let now = wall_clock::now();
    Instant {
        seconds: i64::try_from(now.seconds).unwrap_or(i64::MAX),
        nanoseconds: now.nanoseconds,
    }
}
