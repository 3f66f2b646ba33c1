//! The JSON of runs and points, which answers contain by the thousand.
//!
//! The objects are written by hand, and only their values with serde. For each field serde searches the name
//! for characters to escape, which took half of the time.

use super::wire::{Float, InputDataset, ModelInput, ModelOutput, RunInfo};
use super::write_json;
use crate::domain::metric::Point;
use crate::domain::run::{FullRun, TextPair};
use crate::error::Result;
use crate::store::runs::dataset_reader::DatasetReader;

/// The maximum size of a run in an answer, in bytes. Lists are cut at this size, and schemas and profiles
/// that do not fit are omitted. So one run never makes a page too large to be read.
const RUN_BYTES_MAX: usize = 32 << 20;

/// Writes a run with its metrics, params, tags and inputs.
pub async fn write_run(bytes: &mut Vec<u8>, run: &FullRun<'_>, datasets: &DatasetReader) -> Result<()> {
    let end = bytes.len() + RUN_BYTES_MAX;
    push(bytes, b"{\"info\":");
    write_json(bytes, &RunInfo::new(&run.run, run.stage))?;
    push(bytes, b",\"data\":");
    write_object(bytes, |bytes| {
        write_list(bytes, b",\"metrics\":[", end, &run.metrics, |bytes, metric| {
            write_point(bytes, &metric.key, metric.point)
        })?;
        write_list(bytes, b",\"params\":[", end, &run.params, write_pair)?;
        write_list(bytes, b",\"tags\":[", end, &run.tags, write_pair)
    })?;
    push(bytes, b",\"inputs\":");
    let start = bytes.len();
    write_datasets(bytes, end, run, datasets).await?;
    write_list(bytes, b",\"model_inputs\":[", end, &run.model_inputs, |bytes, model| {
        write_json(bytes, &ModelInput { model_id: model })
    })?;
    close_object(bytes, start);
    push(bytes, b",\"outputs\":");
    write_object(bytes, |bytes| {
        write_list(
            bytes,
            b",\"model_outputs\":[",
            end,
            &run.model_outputs,
            |bytes, model| write_json(bytes, &ModelOutput::from(model)),
        )
    })?;
    push(bytes, b"}");
    Ok(())
}

/// Writes the datasets that a run used. If they are large, only one at a time is in memory.
async fn write_datasets(bytes: &mut Vec<u8>, end: usize, run: &FullRun<'_>, datasets: &DatasetReader) -> Result<()> {
    let mut is_first = true;
    for input in run.inputs.iter() {
        let Some(dataset) = datasets.read(run.run.experiment, input).await? else {
            continue;
        };
        let Some(shown) = InputDataset::within(end.saturating_sub(bytes.len()), input, &dataset) else {
            break;
        };
        if is_first {
            push(bytes, b",\"dataset_inputs\":[");
        } else {
            push(bytes, b",");
        }
        is_first = false;
        write_json(bytes, &shown)?;
    }
    if !is_first {
        push(bytes, b"]");
    }
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

/// Writes an object of lists. Each list is written with a comma before it, or not at all.
fn write_object(bytes: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
    let start = bytes.len();
    write(bytes)?;
    close_object(bytes, start);
    Ok(())
}

/// Makes an object of the lists written since `start`.
fn close_object(bytes: &mut Vec<u8>, start: usize) {
    match bytes.get_mut(start) {
        // The comma before the first list, if a list was written.
        Some(comma) => *comma = b'{',
        None => push(bytes, b"{"),
    }
    push(bytes, b"}");
}

/// Writes a list after `before`, unless it is empty. No item begins after `end`.
fn write_list<const N: usize, T>(
    bytes: &mut Vec<u8>,
    before: &[u8; N],
    end: usize,
    items: &[T],
    write: impl Fn(&mut Vec<u8>, &T) -> Result<()>,
) -> Result<()> {
    let Some((first, rest)) = items.split_first().filter(|_| bytes.len() < end) else {
        return Ok(());
    };
    push(bytes, before);
    write(bytes, first)?;
    for item in rest {
        if bytes.len() >= end {
            break;
        }
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

/// Appends bytes whose number is known at compile time. The compiler stores them directly, without a call
/// that copies.
fn push<const N: usize>(bytes: &mut Vec<u8>, literal: &[u8; N]) {
    bytes.extend_from_slice(literal);
}
