//! The limits of this machine, measured in the same run: disk and JSON. The baseline servers are in
//! `baseline.rs`.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;

use crate::numbers::{float, nanos, percentile, whole};

/// Number of bytes that are written before each flush.
const FLUSH_BYTES: usize = 4096;
/// The time for which JSON is written repeatedly.
const JSON_TIME: Duration = Duration::from_millis(200);

/// Durations of single flushes (`fdatasync`) of 4 KiB, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flush {
    /// Flushes of appended bytes: the file's length has to be flushed too.
    pub(crate) appended: Vec<u64>,
    /// Flushes of overwritten bytes, as in a circular log.
    pub(crate) in_place: Vec<u64>,
}

impl Flush {
    /// Takes this many more samples of each kind, alternately, with files in a directory. The disk of a
    /// shared machine changes from second to second, so samples are taken next to the measurement that they
    /// are compared with.
    pub(crate) fn sample(&mut self, dir: &Path, samples: usize) -> Result<()> {
        let (long_path, short_path) = (dir.join("appended"), dir.join("in-place"));
        let (mut long, mut short) = (File::create(&long_path)?, File::create(&short_path)?);
        flush(&mut short)?;
        for _ in 0..samples {
            self.appended.push(flush(&mut long)?);
            short.rewind()?;
            self.in_place.push(flush(&mut short)?);
        }
        std::fs::remove_file(&long_path)?;
        std::fs::remove_file(&short_path)?;
        self.appended.sort_unstable();
        self.in_place.sort_unstable();
        Ok(())
    }
}

/// Writes 4 KiB and flushes them. Returns the nanoseconds that this took.
fn flush(file: &mut File) -> Result<u64> {
    let started = Instant::now();
    file.write_all(&[0x5a; FLUSH_BYTES])?;
    file.sync_data()?;
    Ok(nanos(started.elapsed()))
}

/// Requests a second if this many connections always wait and share each flush of median length.
pub(crate) fn shared_rate(flushes: &[u64], connections: usize) -> Option<f64> {
    let median = percentile(flushes, 50)?;
    Some(float(whole(connections)) * 1e9 / float(median.max(1)))
}

/// The number of times a second that `serde_json` writes an answer on one core. `None`: the answer is no
/// JSON.
pub(crate) fn json_rate(answer: &[u8]) -> Option<f64> {
    let value: Value = serde_json::from_slice(answer).ok()?;
    let started = Instant::now();
    let mut written = 0_u64;
    while started.elapsed() < JSON_TIME {
        std::hint::black_box(serde_json::to_vec(&value).ok()?);
        written += 1;
    }
    Some(float(written) / started.elapsed().as_secs_f64())
}
