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
    /// CPU time of the servers. `None`: this program did not start one.
    pub server: Option<u64>,
    /// CPU time of the database with all its processes. `None`: this program did not start one.
    database: Option<u64>,
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
    /// Microseconds of the servers. `None`: this program did not start one.
    pub server: Option<u64>,
    /// Microseconds of the database. `None`: this program did not start one.
    pub database: Option<u64>,
    /// Microseconds of everything but servers, database and this program.
    pub others: u64,
    /// Microseconds that passed, times the number of cores.
    pub total: u64,
}

impl CpuTimes {
    /// Reads the clocks of these servers and of the first process of a database. An unreadable clock stands still.
    pub fn now(servers: &[u32], database: Option<u32>) -> Self {
        let (busy, total) = machine().unwrap_or_default();
        let each = servers.iter().map(|pid| of_process(&pid.to_string()));
        Self {
            server: if servers.is_empty() { None } else { each.sum() },
            database: database.and_then(of_family),
            own: of_process("self").unwrap_or_default(),
            busy,
            total,
        }
    }

    /// CPU time since an earlier reading.
    pub fn since(&self, before: &Self) -> CpuSpent {
        let passed = |now: Option<u64>, then: Option<u64>| Some(now?.saturating_sub(then?));
        let server = passed(self.server, before.server);
        let database = passed(self.database, before.database);
        let known = server.unwrap_or_default().saturating_add(database.unwrap_or_default());
        let own = self.own.saturating_sub(before.own);
        let busy = self.busy.saturating_sub(before.busy);
        CpuSpent {
            server,
            database,
            others: busy.saturating_sub(own).saturating_sub(known),
            total: self.total.saturating_sub(before.total),
        }
    }
}

/// User and system time of all threads of a process, in microseconds.
fn of_process(pid: &str) -> Option<u64> {
    ticks(pid, 2)
}

/// User and system time of a process, its children, and its former children, in microseconds.
fn of_family(pid: u32) -> Option<u64> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    // A child that has just ended counts among the former ones at the next reading.
    let children = children.split_whitespace().filter_map(of_process);
    Some(ticks(&pid.to_string(), 4)? + children.sum::<u64>())
}

/// The sum of this number of times of a process: user and system time, and those of its former children.
fn ticks(pid: &str, times: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program is in parentheses and may hold spaces; user time is the twelfth field after it.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields = fields.split_whitespace().skip(11).take(times);
    let ticks: Option<u64> = fields.map(|field| field.parse::<u64>().ok()).sum();
    Some(ticks? * TICK_MICROS)
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
