//! Runs and points as JSON: what answers have by the thousand.
//!
//! Their objects are put together here and only the values are left to serde, which looks for characters to escape in the name
//! of every field: that took half of the time.

use serde::Serialize;

use super::wire::{Float, RunInfo, RunInputs, RunOutputs};
use super::write_json;
use crate::domain::metric::Point;
use crate::domain::run::{FullRun, TextPair};
use crate::error::Result;

/// Writes a run with everything that is read with it.
pub fn write_run(bytes: &mut Vec<u8>, run: &FullRun<'_>) -> Result<()> {
    let mut object = Object::begin(bytes);
    object.field("info", &RunInfo::new(&run.run, run.stage))?;
    write_data(object.name("data"), run)?;
    object.field("inputs", &RunInputs::from(run))?;
    object.field("outputs", &RunOutputs::from(run))?;
    object.end();
    Ok(())
}

/// Writes a point of a metric.
pub fn write_point(bytes: &mut Vec<u8>, metric: &str, point: Point) -> Result<()> {
    let mut object = Object::begin(bytes);
    object.field("key", metric)?;
    object.field("value", &Float(point.value))?;
    object.field("timestamp", &point.timestamp_ms)?;
    object.field("step", &point.step)?;
    object.end();
    Ok(())
}

/// What is logged to a run; lists that are empty are left out.
fn write_data(bytes: &mut Vec<u8>, run: &FullRun<'_>) -> Result<()> {
    let mut object = Object::begin(bytes);
    object.list("metrics", &run.metrics, |bytes, metric| {
        write_point(bytes, &metric.key, metric.point)
    })?;
    object.list("params", &run.params, write_pair)?;
    object.list("tags", &run.tags, write_pair)?;
    object.end();
    Ok(())
}

fn write_pair(bytes: &mut Vec<u8>, (key, value): &TextPair<'_>) -> Result<()> {
    let mut object = Object::begin(bytes);
    object.field("key", key.as_ref())?;
    object.field("value", value.as_ref())?;
    object.end();
    Ok(())
}

/// An object while it is written.
struct Object<'b> {
    bytes: &'b mut Vec<u8>,
    is_empty: bool,
}

impl<'b> Object<'b> {
    fn begin(bytes: &'b mut Vec<u8>) -> Self {
        bytes.push(b'{');
        Object { bytes, is_empty: true }
    }

    /// Begins a field, whose value is to be written next. Its name needs no escapes.
    fn name(&mut self, name: &'static str) -> &mut Vec<u8> {
        self.bytes.extend_from_slice(if self.is_empty { b"\"" } else { b",\"" });
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b"\":");
        self.is_empty = false;
        self.bytes
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        write_json(self.name(name), value)
    }

    /// A list, unless it is empty.
    fn list<T>(
        &mut self,
        name: &'static str,
        items: &[T],
        write: impl Fn(&mut Vec<u8>, &T) -> Result<()>,
    ) -> Result<()> {
        let Some((first, rest)) = items.split_first() else {
            return Ok(());
        };
        let bytes = self.name(name);
        bytes.push(b'[');
        write(bytes, first)?;
        for item in rest {
            bytes.push(b',');
            write(bytes, item)?;
        }
        bytes.push(b']');
        Ok(())
    }

    fn end(self) {
        self.bytes.push(b'}');
    }
}
