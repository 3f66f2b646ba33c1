//! Runs and points as JSON: what answers have by the thousand.
//!
//! Their objects are put together here and only the values are left to serde, which looks for characters to escape in the name
//! of every field: that took half of the time.

use super::wire::{Float, RunInfo, RunInputs, RunOutputs};
use super::write_json;
use crate::domain::metric::Point;
use crate::domain::run::{FullRun, TextPair};
use crate::error::Result;

/// Writes a run with everything that is read with it.
pub fn write_run(bytes: &mut Vec<u8>, run: &FullRun<'_>) -> Result<()> {
    push(bytes, b"{\"info\":");
    write_json(bytes, &RunInfo::new(&run.run, run.stage))?;
    push(bytes, b",\"data\":");
    write_data(bytes, run)?;
    push(bytes, b",\"inputs\":");
    write_json(bytes, &RunInputs::from(run))?;
    push(bytes, b",\"outputs\":");
    write_json(bytes, &RunOutputs::from(run))?;
    push(bytes, b"}");
    Ok(())
}

/// Writes a point of a metric.
pub fn write_point(bytes: &mut Vec<u8>, metric: &str, point: Point) -> Result<()> {
    push(bytes, b"{\"key\":");
    write_json(bytes, metric)?;
    push(bytes, b",\"value\":");
    write_json(bytes, &Float(point.value))?;
    push(bytes, b",\"timestamp\":");
    write_json(bytes, &point.timestamp_ms)?;
    push(bytes, b",\"step\":");
    write_json(bytes, &point.step)?;
    push(bytes, b"}");
    Ok(())
}

/// What is logged to a run; lists that are empty are left out.
fn write_data(bytes: &mut Vec<u8>, run: &FullRun<'_>) -> Result<()> {
    let start = bytes.len();
    write_list(bytes, b",\"metrics\":[", &run.metrics, |bytes, metric| {
        write_point(bytes, &metric.key, metric.point)
    })?;
    write_list(bytes, b",\"params\":[", &run.params, write_pair)?;
    write_list(bytes, b",\"tags\":[", &run.tags, write_pair)?;
    match bytes.get_mut(start) {
        // Where the comma before the first list stands, or nothing at all.
        Some(comma) => *comma = b'{',
        None => push(bytes, b"{"),
    }
    push(bytes, b"}");
    Ok(())
}

/// A list, unless it is empty, with what comes before it.
fn write_list<const N: usize, T>(
    bytes: &mut Vec<u8>,
    before: &[u8; N],
    items: &[T],
    write: impl Fn(&mut Vec<u8>, &T) -> Result<()>,
) -> Result<()> {
    let Some((first, rest)) = items.split_first() else {
        return Ok(());
    };
    push(bytes, before);
    write(bytes, first)?;
    for item in rest {
        push(bytes, b",");
        write(bytes, item)?;
    }
    push(bytes, b"]");
    Ok(())
}

fn write_pair(bytes: &mut Vec<u8>, (key, value): &TextPair<'_>) -> Result<()> {
    push(bytes, b"{\"key\":");
    write_json(bytes, key.as_ref())?;
    push(bytes, b",\"value\":");
    write_json(bytes, value.as_ref())?;
    push(bytes, b"}");
    Ok(())
}

/// Of bytes whose number is known when this is compiled: they are stored as numbers, where others are copied by a call.
fn push<const N: usize>(bytes: &mut Vec<u8>, literal: &[u8; N]) {
    bytes.extend_from_slice(literal);
}
