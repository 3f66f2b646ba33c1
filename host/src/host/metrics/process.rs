//! Facts about the process, under the names that Prometheus' own clients give them.

use std::fmt;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Families, to_f64, u64_to_f64};

/// The time at which the host was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Started(SystemTime);

impl Started {
    pub(crate) fn now() -> Self {
        Self(SystemTime::now())
    }
}

/// Writes the facts. Those that the system does not tell are left out.
pub(super) fn write(families: &mut Families<'_>, started: Started) -> fmt::Result {
    let since = started.0.duration_since(UNIX_EPOCH).unwrap_or_default();
    let alone = |value: Option<f64>| value.map(|value| ([], value));
    families.plain_gauges(
        "process_start_time_seconds",
        "Start of the host, in seconds since the Unix epoch.",
        [([], since.as_secs_f64())],
    )?;
    families.plain_gauges(
        "process_resident_memory_bytes",
        "Memory of the process that is in use, in bytes.",
        alone(resident_bytes()),
    )?;
    families.plain_gauges(
        "process_open_fds",
        "Number of open files and sockets.",
        alone(open_files()),
    )
}

/// Resident memory in bytes. `None`: the system does not tell it.
fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(u64_to_f64(kib.saturating_mul(1024)))
}

fn open_files() -> Option<f64> {
    Some(to_f64(fs::read_dir("/proc/self/fd").ok()?.count()))
}
