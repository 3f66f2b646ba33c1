//! The parts of WASI that the component gets: the time of day and random bytes.

use std::time::{Duration, UNIX_EPOCH};

use crate::runtime::bindings::clocks::{system_clock, types};
use crate::runtime::bindings::random::random;
use crate::runtime::store_data::StoreData;

/// Maximum number of random bytes in one call. The interface allows fewer than requested.
const RANDOM_BYTES_MAX: usize = 64 << 10;

impl types::Host for &mut StoreData {}

impl system_clock::Host for &mut StoreData {
    fn now(&mut self) -> system_clock::Instant {
        let since = since_epoch(self);
        system_clock::Instant {
            seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: since.subsec_nanos(),
        }
    }

    fn get_resolution(&mut self) -> types::Duration {
        1
    }
}

/// The time of the running request. A clock before 1970 is wrong: the epoch replaces its time.
pub(super) fn since_epoch(call: &StoreData) -> Duration {
    call.now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl random::Host for &mut StoreData {
    fn get_random_bytes(&mut self, max_len: u64) -> wasmtime::Result<Vec<u8>> {
        random_bytes(self, max_len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        random_u64(self)
    }
}

pub(super) fn random_bytes(call: &StoreData, max_len: u64) -> wasmtime::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(max_len).unwrap_or(usize::MAX).min(RANDOM_BYTES_MAX)];
    draw(call, &mut bytes)?;
    Ok(bytes)
}

pub(super) fn random_u64(call: &StoreData) -> wasmtime::Result<u64> {
    let mut bytes = [0; 8];
    draw(call, &mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn draw(call: &StoreData, bytes: &mut [u8]) -> wasmtime::Result<()> {
    let drawn = call.services().randomness.fill(bytes);
    drawn.map_err(|error| wasmtime::format_err!("no random bytes: {error}"))
}
