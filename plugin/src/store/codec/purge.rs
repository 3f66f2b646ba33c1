//! The stored form of deletions and tombstones.

use super::{Reader, Writer};
use crate::domain::id::ExperimentId;
use crate::error::Result;

/// The deletion of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The run's experiment.
    pub experiment: ExperimentId,
    /// Time of the deletion in milliseconds since the Unix epoch.
    pub time_ms: i64,
}

/// The value of a run's tombstone: the data that the removal of the run's records and files needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TombstoneValue {
    /// The run's experiment.
    pub experiment: ExperimentId,
    /// The location of the run's files.
    pub artifact_uri: String,
}

/// Writes a deletion; the run's id is in the key.
pub fn write_deletion(deletion: Deletion) -> Vec<u8> {
    Writer::new().number(deletion.experiment.0).signed(deletion.time_ms).0
}

/// Reads a deletion.
pub fn read_deletion(bytes: &[u8]) -> Result<Deletion> {
    let mut reader = Reader::new("deletion", bytes)?;
    let deletion = Deletion {
        experiment: ExperimentId(reader.number()?),
        time_ms: reader.signed()?,
    };
    reader.end(deletion)
}

/// Writes the value of a run's tombstone; the run's id is in the key.
pub fn write_note(note: &TombstoneValue) -> Vec<u8> {
    Writer::new().number(note.experiment.0).text(&note.artifact_uri).0
}

/// Reads the value of a run's tombstone.
pub fn read_note(bytes: &[u8]) -> Result<TombstoneValue> {
    let mut reader = Reader::new("tombstone", bytes)?;
    let note = TombstoneValue {
        experiment: ExperimentId(reader.number()?),
        artifact_uri: reader.text()?,
    };
    reader.end(note)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn deletions_and_tombstone_values_read_back(number in any::<u64>(), time_ms in any::<i64>(), artifact_uri in any::<String>()) {
            let experiment = ExperimentId(number);
            let deletion = Deletion { experiment, time_ms };
            prop_assert_eq!(read_deletion(&write_deletion(deletion)), Ok(deletion));
            let note = TombstoneValue { experiment, artifact_uri };
            prop_assert_eq!(read_note(&write_note(&note)), Ok(note));
        }

        #[test]
        fn damaged_bytes_are_an_error_and_no_panic(mut bytes in any::<Vec<u8>>()) {
            if let Some(first) = bytes.first_mut() {
                *first = super::super::VERSION;
            }
            let _ = (read_deletion(&bytes), read_note(&bytes));
        }
    }
}
