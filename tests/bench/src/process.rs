//! Statistics of the kernel about processes, the machine, and the size of directories.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};

/// Microseconds of a tick of `/proc/*/stat`: Linux shows 100 a second to programs, at any rate of its own
/// clock.
const TICK_MICROS: u64 = 10_000;
/// Bytes of a block in `st_blocks`.
const BLOCK_BYTES: u64 = 512;
/// Maximum number of entries that are counted in a directory and all below.
const ENTRIES_MAX: usize = 1_000_000;

/// CPU time since a fixed start, in microseconds over all cores.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuTimes {
    /// CPU time of the server. `None`: this program did not start it.
    pub server: Option<u64>,
    /// CPU time of this program.
    own: u64,
    /// CPU time of everything on the machine.
    busy: u64,
    /// Time that passed, busy or not.
    total: u64,
}

/// CPU time between two readings.
#[derive(Clone, Copy, Debug)]
pub struct CpuSpent {
    /// Microseconds of the server. `None`: this program did not start it.
    pub server: Option<u64>,
    /// Microseconds of everything but the server and this program.
    pub others: u64,
    /// Microseconds that passed, times the number of cores.
    pub total: u64,
}

impl CpuTimes {
    /// Reads the clocks. An unreadable clock stands still.
    pub fn now(server: Option<u32>) -> Self {
        let (busy, total) = machine().unwrap_or_default();
        Self {
            server: server.and_then(|pid| of_process(&pid.to_string())),
            own: of_process("self").unwrap_or_default(),
            busy,
            total,
        }
    }

    /// CPU time since an earlier reading.
    pub fn since(&self, before: &Self) -> CpuSpent {
        let server = self
            .server
            .zip(before.server)
            .map(|(now, then)| now.saturating_sub(then));
        let own = self.own.saturating_sub(before.own);
        let busy = self.busy.saturating_sub(before.busy);
        CpuSpent {
            server,
            others: busy.saturating_sub(own).saturating_sub(server.unwrap_or_default()),
            total: self.total.saturating_sub(before.total),
        }
    }
}

/// User and system time of all threads of a process, in microseconds.
fn of_process(pid: &str) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program is in parentheses and may hold spaces; user time is the twelfth field after it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields
        .split_whitespace()
        .skip(11)
        .map(|field| field.parse::<u64>().ok());
    Some((ticks.next()?? + ticks.next()??) * TICK_MICROS)
}

/// Busy and total time of the machine, in microseconds over all cores.
fn machine() -> Option<(u64, u64)> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let fields: Vec<u64> = stat
        .lines()
        .next()?
        .split_whitespace()
        .filter_map(|field| field.parse().ok())
        .collect();
    // The last two fields, guests, are counted among the first ones.
    let total: u64 = fields.iter().take(8).sum();
    let idle: u64 = fields.iter().skip(3).take(2).sum();
    Some(((total - idle) * TICK_MICROS, total * TICK_MICROS))
}

/// Resident memory of a process in bytes.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    memory(pid, "VmRSS:")
}

/// The maximum resident memory of a process since `forget_peak`, in bytes.
pub fn peak_bytes(pid: u32) -> Result<u64> {
    memory(pid, "VmHWM:")
}

/// Resets the peak memory of a process.
pub fn forget_peak(pid: u32) -> Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").context("the peak of the memory cannot be reset")
}

/// The targets of a process's open descriptors: paths, `socket:[…]`, `pipe:[…]`.
pub fn descriptors(pid: u32) -> Result<Vec<String>> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).context("the server is gone")?;
    // A descriptor that was closed in the meantime has no target.
    let targets = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    Ok(targets.map(|target| target.to_string_lossy().into_owned()).collect())
}

fn memory(pid: u32, what: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the server is gone")?;
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kilobytes.with_context(|| format!("/proc has no {what}"))? * 1024)
}

/// Number of bytes that a directory and all below take on disk.
pub fn disk_bytes(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    let mut dirs = vec![dir.to_owned()];
    let mut entries = 0;
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))? {
            let entry = entry?;
            entries += 1;
            anyhow::ensure!(
                entries <= ENTRIES_MAX,
                "more than {ENTRIES_MAX} files in the data directory"
            );
            // A file that the server has just removed takes nothing.
            let Ok(metadata) = entry.metadata() else { continue };
            bytes += metadata.blocks() * BLOCK_BYTES;
            if metadata.is_dir() {
                dirs.push(entry.path());
            }
        }
    }
    Ok(bytes)
}
