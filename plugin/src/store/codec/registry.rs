//! The stored form of models and their versions.

use super::{Reader, Writer};
use crate::domain::id::{ExperimentId, ModelId, RunId};
use crate::domain::model::Model;
use crate::domain::semver::SemVer;
use crate::domain::stage::ModelStage;
use crate::domain::version::Version;
use crate::error::Result;

/// Writes a model; its number is in the key.
pub fn write_model(model: &Model) -> Vec<u8> {
    Writer::new()
        .number(model.experiment.0)
        .signed(model.creation_time_ms)
        .signed(model.last_update_time_ms)
        .number(model.last_version)
        .number(model.prompt_versions)
        .text(&model.name)
        .text(&model.description)
        .0
}

/// Reads a model.
pub fn read_model(id: ModelId, bytes: &[u8]) -> Result<Model> {
    let mut reader = Reader::new("model", bytes)?;
    let model = Model {
        id,
        experiment: ExperimentId(reader.number()?),
        creation_time_ms: reader.signed()?,
        last_update_time_ms: reader.signed()?,
        last_version: reader.number()?,
        prompt_versions: reader.number()?,
        name: reader.text()?,
        description: reader.text()?,
    };
    reader.end(model)
}

/// Ends the record of a version whose semantic version was assigned, not chosen by a caller. The records of
/// other versions have no such byte, nor do those written before it existed.
const NOT_CHOSEN: u8 = 0;

/// Writes a version; its model and number are in the key.
pub fn write_version(version: &Version) -> Vec<u8> {
    let mut writer = Writer::new().text(&version.semver.to_string());
    writer.0.extend_from_slice(&version.run.0);
    let writer = writer
        .number(version.experiment.0)
        .byte(stage_byte(version.stage))
        .signed(version.creation_time_ms)
        .signed(version.last_update_time_ms)
        .optional(version.description.as_deref(), Writer::text)
        .text(&version.source)
        .text(&version.location)
        .text(&version.run_link);
    if version.is_semver_chosen {
        writer.0
    } else {
        writer.byte(NOT_CHOSEN).0
    }
}

/// Reads a version.
pub fn read_version(model: ModelId, number: u64, bytes: &[u8]) -> Result<Version> {
    let mut reader = Reader::new("model version", bytes)?;
    let semver = SemVer::read(&reader.text()?).ok_or_else(|| reader.corrupt())?;
    let mut version = Version {
        model,
        number,
        semver,
        is_semver_chosen: true,
        run: RunId(reader.array()?),
        experiment: ExperimentId(reader.number()?),
        stage: read_stage(&mut reader)?,
        creation_time_ms: reader.signed()?,
        last_update_time_ms: reader.signed()?,
        description: reader.optional(Reader::text)?,
        source: reader.text()?,
        location: reader.text()?,
        run_link: reader.text()?,
    };
    if !reader.is_at_end() {
        version.is_semver_chosen = reader.byte()? != NOT_CHOSEN;
        if version.is_semver_chosen {
            return Err(reader.corrupt());
        }
    }
    reader.end(version)
}

fn stage_byte(stage: ModelStage) -> u8 {
    match stage {
        ModelStage::None => 0,
        ModelStage::Staging => 1,
        ModelStage::Production => 2,
        ModelStage::Archived => 3,
    }
}

fn read_stage(reader: &mut Reader<'_>) -> Result<ModelStage> {
    let byte = usize::from(reader.byte()?);
    ModelStage::ALL.get(byte).copied().ok_or_else(|| reader.corrupt())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_model_reads_back(numbers in any::<[u64; 3]>(), times in any::<(i64, i64)>(), texts in any::<(String, String)>()) {
            let model = Model {
                id: ModelId(5), experiment: ExperimentId(numbers[0]), name: texts.0, description: texts.1,
                creation_time_ms: times.0, last_update_time_ms: times.1, last_version: numbers[1], prompt_versions: numbers[2],
            };
            prop_assert_eq!(read_model(model.id, &write_model(&model)), Ok(model));
        }

        #[test]
        fn a_version_reads_back(
            semver in "(0|[1-9][0-9]?)\\.0\\.7(-[a-z]{1,5})?", run in any::<[u8; 16]>(), stage in 0usize..4, numbers in any::<(u64, i64, i64)>(),
            description in any::<Option<String>>(), texts in any::<[String; 3]>(), is_semver_chosen in any::<bool>(),
        ) {
            let [source, location, run_link] = texts;
            let version = Version {
                model: ModelId(5), number: 9, semver: SemVer::read(&semver).unwrap(), is_semver_chosen, run: RunId(run), experiment: ExperimentId(numbers.0),
                stage: ModelStage::ALL[stage], creation_time_ms: numbers.1, last_update_time_ms: numbers.2, description, source, location, run_link,
            };
            let written = write_version(&version);
            prop_assert_eq!(read_version(version.model, 9, &written), Ok(version.clone()));
            // A version written before the byte existed reads as chosen.
            let before = written.strip_suffix(&[NOT_CHOSEN]).filter(|_| !is_semver_chosen).unwrap_or(&written);
            let chosen = Version { is_semver_chosen: true, ..version };
            prop_assert_eq!(read_version(chosen.model, 9, before), Ok(chosen));
        }

        #[test]
        fn damaged_bytes_are_an_error_and_no_panic(mut bytes in any::<Vec<u8>>()) {
            if let Some(first) = bytes.first_mut() {
                *first = super::super::VERSION;
            }
            let _ = (read_model(ModelId(1), &bytes), read_version(ModelId(1), 1, &bytes));
        }
    }
}
