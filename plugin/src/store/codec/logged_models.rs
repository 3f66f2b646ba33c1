//! The stored form of logged models.

use super::{Reader, Writer};
use crate::domain::id::ExperimentId;
use crate::domain::logged_model::{LoggedModel, LoggedModelId, LoggedStatus};
use crate::error::Result;

/// Writes a logged model; its id is in the key.
pub fn write_logged_model(model: &LoggedModel) -> Vec<u8> {
    Writer::new()
        .number(model.experiment.0)
        .byte(u8::from(model.is_deleted))
        .signed(model.status.number())
        .signed(model.creation_time_ms)
        .signed(model.last_update_time_ms)
        .text(&model.name)
        .text(&model.kind)
        .text(&model.source_run)
        .text(&model.artifact_uri)
        .0
}

/// Reads a logged model.
pub fn read_logged_model(id: LoggedModelId, bytes: &[u8]) -> Result<LoggedModel> {
    let mut reader = Reader::new("logged model", bytes)?;
    let model = LoggedModel {
        id,
        experiment: ExperimentId(reader.number()?),
        is_deleted: match reader.byte()? {
            0 => false,
            1 => true,
            _ => return Err(reader.corrupt()),
        },
        status: read_status(&mut reader)?,
        creation_time_ms: reader.signed()?,
        last_update_time_ms: reader.signed()?,
        name: reader.text()?,
        kind: reader.text()?,
        source_run: reader.text()?,
        artifact_uri: reader.text()?,
    };
    reader.end(model)
}

fn read_status(reader: &mut Reader<'_>) -> Result<LoggedStatus> {
    let number = reader.signed()?;
    let found = LoggedStatus::ALL.iter().find(|(other, _, _)| *other == number);
    found.map(|(_, _, status)| *status).ok_or_else(|| reader.corrupt())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_logged_model_reads_back(
            texts in any::<[String; 4]>(), times in any::<(i64, i64)>(), status in 0usize..4, experiment in any::<u64>(), is_deleted in any::<bool>(),
        ) {
            let [name, kind, source_run, artifact_uri] = texts;
            let model = LoggedModel {
                id: LoggedModelId([3; 16]), experiment: ExperimentId(experiment), name, kind, source_run, artifact_uri, is_deleted,
                status: LoggedStatus::ALL[status].2, creation_time_ms: times.0, last_update_time_ms: times.1,
            };
            prop_assert_eq!(read_logged_model(model.id, &write_logged_model(&model)), Ok(model));
        }

        #[test]
        fn damaged_bytes_are_an_error_and_no_panic(mut bytes in any::<Vec<u8>>()) {
            if let Some(first) = bytes.first_mut() {
                *first = crate::store::codec::VERSION;
            }
            let _ = read_logged_model(LoggedModelId([0; 16]), &bytes);
        }
    }
}
