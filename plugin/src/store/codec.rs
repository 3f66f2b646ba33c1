//! The stored form of records.
//!
//! A record is a version byte, then fields in a fixed order. Integers are 8 bytes, big-endian. A text or a
//! list begins with its length in 4 bytes. An optional value begins with 0 or 1. A change of form gets a new
//! version byte, and the old form stays readable.

use crate::convert::to_u64;
use crate::domain::experiment::Experiment;
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::lifecycle::{Lifecycle, Stage};
use crate::domain::run::{Run, Status};
use crate::error::{Error, Result};

mod actor;
mod attempts;
pub mod audit;
mod chunk;
pub mod commit_status;
mod dataset;
pub mod job;
pub mod link;
pub mod logged_models;
pub mod purge;
pub mod registry;
pub mod spans;
pub mod trace_columns;
pub mod traces;
pub mod upload;

pub use chunk::{points_of_chunk, read_chunk, write_chunk};
pub use dataset::{read_dataset, write_dataset};

const VERSION: u8 = 1;

/// Writes a record.
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn new() -> Self {
        Writer(vec![VERSION])
    }

    /// Appends a number that is usually small: 7 bits a byte, the lowest first.
    pub(super) fn compact(mut self, mut number: u64) -> Self {
        while number > 0x7f {
            self.0.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
            number >>= 7;
        }
        self.0.push(u8::try_from(number).unwrap_or(0));
        self
    }

    /// Appends a signed number that is usually near zero.
    pub(super) fn compact_signed(self, number: i64) -> Self {
        self.compact(((number << 1) ^ (number >> 63)).cast_unsigned())
    }

    /// Appends a text that is usually short.
    pub(super) fn compact_text(self, text: &str) -> Self {
        let mut longer = self.compact(to_u64(text.len()));
        longer.0.extend_from_slice(text.as_bytes());
        longer
    }

    pub(super) fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    pub(super) fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub(super) fn signed(self, number: i64) -> Self {
        self.number(number.cast_unsigned())
    }

    fn length(mut self, length: usize) -> Self {
        // No text comes near the limit: a request's body is far smaller.
        self.0
            .extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        self
    }

    fn text(self, text: &str) -> Self {
        let mut longer = self.length(text.len());
        longer.0.extend_from_slice(text.as_bytes());
        longer
    }

    fn optional<T>(self, value: Option<T>, write: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            None => self.byte(0),
            Some(value) => write(self.byte(1), value),
        }
    }

    pub(super) fn lifecycle(self, lifecycle: Lifecycle) -> Self {
        self.byte(u8::from(lifecycle.stage == Stage::Deleted))
            .number(lifecycle.epoch)
    }
}

/// Reads a record. Every step fails on bytes that `Writer` does not write.
pub(super) struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(what: &'static str, bytes: &'a [u8]) -> Result<Self> {
        let mut reader = Reader { what, rest: bytes };
        match reader.byte()? {
            VERSION => Ok(reader),
            version => Err(Error::Corrupt(format!(
                "stored {what} has the unknown version {version}"
            ))),
        }
    }

    /// Begins a record that has no version byte.
    fn bare(what: &'static str, bytes: &'a [u8]) -> Self {
        Reader { what, rest: bytes }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn corrupt(&self) -> Error {
        Error::Corrupt(format!(
            "stored {} is damaged, {} bytes before its end",
            self.what,
            self.rest.len()
        ))
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.corrupt())?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(|| self.corrupt())?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn number(&mut self) -> Result<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn signed(&mut self) -> Result<i64> {
        self.number().map(u64::cast_signed)
    }

    fn length(&mut self) -> Result<usize> {
        let length = u32::from_be_bytes(self.array()?);
        usize::try_from(length).map_err(|_| self.corrupt())
    }

    fn text(&mut self) -> Result<String> {
        let length = self.length()?;
        let bytes = self.take(length)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| self.corrupt())
    }

    fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<Option<T>> {
        match self.byte()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(self.corrupt()),
        }
    }

    /// Reads a number that `Writer::compact` wrote.
    pub(super) fn compact(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.corrupt())
    }

    /// Reads a number that `Writer::compact_signed` wrote.
    pub(super) fn compact_signed(&mut self) -> Result<i64> {
        let number = self.compact()?;
        Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    /// Reads a text that `Writer::compact_text` wrote.
    pub(super) fn compact_str(&mut self) -> Result<&'a str> {
        let length = usize::try_from(self.compact()?).map_err(|_| self.corrupt())?;
        std::str::from_utf8(self.take(length)?).map_err(|_| self.corrupt())
    }

    pub(super) fn lifecycle(&mut self) -> Result<Lifecycle> {
        let stage = match self.byte()? {
            0 => Stage::Active,
            1 => Stage::Deleted,
            _ => return Err(self.corrupt()),
        };
        Ok(Lifecycle {
            stage,
            epoch: self.number()?,
        })
    }

    pub(super) fn end<T>(self, value: T) -> Result<T> {
        if self.rest.is_empty() {
            Ok(value)
        } else {
            Err(self.corrupt())
        }
    }
}

/// Writes an experiment; its number is in the key.
pub fn write_experiment(experiment: &Experiment) -> Vec<u8> {
    Writer::new()
        .lifecycle(experiment.lifecycle)
        .signed(experiment.creation_time_ms)
        .signed(experiment.last_update_time_ms)
        .text(&experiment.name)
        .text(&experiment.artifact_location)
        .0
}

/// Reads an experiment.
pub fn read_experiment(id: ExperimentId, bytes: &[u8]) -> Result<Experiment> {
    let mut reader = Reader::new("experiment", bytes)?;
    let experiment = Experiment {
        id,
        lifecycle: reader.lifecycle()?,
        creation_time_ms: reader.signed()?,
        last_update_time_ms: reader.signed()?,
        name: reader.text()?,
        artifact_location: reader.text()?,
    };
    reader.end(experiment)
}

/// Writes a run; its id is in the key.
pub fn write_run(run: &Run) -> Vec<u8> {
    Writer::new()
        .number(run.experiment.0)
        .lifecycle(run.lifecycle)
        .byte(status_byte(run.status))
        .signed(run.start_time_ms)
        .optional(run.end_time_ms, Writer::signed)
        .text(&run.name)
        .text(&run.user_id)
        .text(&run.artifact_uri)
        .last_actor(run.author.as_ref())
        .0
}

/// Reads a run.
pub fn read_run(id: RunId, bytes: &[u8]) -> Result<Run> {
    let mut reader = Reader::new("run", bytes)?;
    let run = Run {
        id,
        experiment: ExperimentId(reader.number()?),
        lifecycle: reader.lifecycle()?,
        status: read_status(&mut reader)?,
        start_time_ms: reader.signed()?,
        end_time_ms: reader.optional(Reader::signed)?,
        name: reader.text()?,
        user_id: reader.text()?,
        artifact_uri: reader.text()?,
        author: reader.last_actor()?,
    };
    reader.end(run)
}

fn status_byte(status: Status) -> u8 {
    match status {
        Status::Running => 1,
        Status::Scheduled => 2,
        Status::Finished => 3,
        Status::Failed => 4,
        Status::Killed => 5,
    }
}

fn read_status(reader: &mut Reader<'_>) -> Result<Status> {
    let byte = i64::from(reader.byte()?);
    Status::ALL
        .iter()
        .find(|(number, _, _)| *number == byte)
        .map(|(_, _, status)| *status)
        .ok_or_else(|| reader.corrupt())
}

/// Writes a number: a counter, an id or an epoch.
pub fn write_number(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// Reads a number.
pub fn read_number(bytes: &[u8]) -> Result<u64> {
    bytes
        .try_into()
        .map(u64::from_be_bytes)
        .map_err(|_| Error::Corrupt("stored number is not 8 bytes".to_owned()))
}

/// Reads a text that is a whole value.
pub fn read_text(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Error::Corrupt("stored text is not UTF-8".to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::dataset::Dataset;
    use proptest::prelude::*;

    fn a_lifecycle() -> impl Strategy<Value = Lifecycle> {
        (any::<bool>(), any::<u64>()).prop_map(|(deleted, epoch)| Lifecycle {
            stage: if deleted { Stage::Deleted } else { Stage::Active },
            epoch,
        })
    }

    proptest! {
        #[test]
        fn an_experiment_reads_back(lifecycle in a_lifecycle(), texts in any::<(String, String)>(), times in any::<(i64, i64)>()) {
            let experiment = Experiment {
                id: ExperimentId(5), name: texts.0, artifact_location: texts.1, lifecycle,
                creation_time_ms: times.0, last_update_time_ms: times.1,
            };
            prop_assert_eq!(read_experiment(experiment.id, &write_experiment(&experiment)), Ok(experiment));
        }

        #[test]
        fn a_run_reads_back(
            lifecycle in a_lifecycle(), author in actor::tests::an_author(), texts in any::<(String, String, String)>(),
            times in any::<(i64, Option<i64>)>(), status in 0usize..5, experiment in any::<u64>(),
        ) {
            let run = Run {
                id: RunId([3; 16]), experiment: ExperimentId(experiment), name: texts.0, user_id: texts.1,
                status: Status::ALL[status].2, start_time_ms: times.0, end_time_ms: times.1, lifecycle, artifact_uri: texts.2, author,
            };
            prop_assert_eq!(read_run(run.id, &write_run(&run)), Ok(run));
        }

        #[test]
        fn a_dataset_reads_back(texts in any::<[String; 4]>(), more in any::<[Option<String>; 2]>()) {
            let [name, digest, source_type, source] = texts;
            let [schema, profile] = more;
            let dataset = Dataset { name, digest, source_type, source, schema, profile };
            prop_assert_eq!(read_dataset(&write_dataset(&dataset)), Ok(dataset));
        }

        #[test]
        fn damaged_bytes_are_an_error_and_no_panic(mut bytes in any::<Vec<u8>>()) {
            for version in [0, VERSION] {
                if let Some(first) = bytes.first_mut() {
                    *first = version;
                }
                let _ = (read_run(RunId([0; 16]), &bytes), read_dataset(&bytes));
                let _ = (read_experiment(ExperimentId(0), &bytes), read_number(&bytes), read_text(&bytes));
            }
        }
    }
}
