//! The stored form of models and their versions.

use super::{Reader, Writer};
use crate::domain::actor::Actor;
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
        .last_actor(model.author.as_ref())
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
        author: reader.last_actor()?,
    };
    reader.end(model)
}

/// The byte after the fields of a version whose semantic version was assigned, not chosen by a caller, and that has
/// no author. Without a byte, the semantic version was chosen and there is no author: so are the oldest records.
const NOT_CHOSEN: u8 = 0;
/// The byte before the author of a version whose semantic version was chosen.
const CHOSEN_BY: u8 = 1;
/// The byte before the author of a version whose semantic version was assigned.
const NOT_CHOSEN_BY: u8 = 2;

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
    match (&version.author, version.is_semver_chosen) {
        (None, true) => writer.0,
        (None, false) => writer.byte(NOT_CHOSEN).0,
        (Some(author), true) => writer.byte(CHOSEN_BY).actor(author).0,
        (Some(author), false) => writer.byte(NOT_CHOSEN_BY).actor(author).0,
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
        author: None,
    };
    (version.is_semver_chosen, version.author) = read_end(&mut reader)?;
    reader.end(version)
}

/// Reads what follows the fields of a version: true if its semantic version was chosen, and its author.
fn read_end(reader: &mut Reader<'_>) -> Result<(bool, Option<Actor>)> {
    if reader.is_at_end() {
        return Ok((true, None));
    }
    match reader.byte()? {
        NOT_CHOSEN => Ok((false, None)),
        CHOSEN_BY => Ok((true, Some(reader.actor()?))),
        NOT_CHOSEN_BY => Ok((false, Some(reader.actor()?))),
        _ => Err(reader.corrupt()),
    }
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
    use crate::store::codec::actor::tests::an_author;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_model_reads_back(
            numbers in any::<[u64; 3]>(), times in any::<(i64, i64)>(), texts in any::<(String, String)>(), author in an_author(),
        ) {
            let model = Model {
                id: ModelId(5), experiment: ExperimentId(numbers[0]), name: texts.0, description: texts.1,
                creation_time_ms: times.0, last_update_time_ms: times.1, last_version: numbers[1], prompt_versions: numbers[2], author,
            };
            prop_assert_eq!(read_model(model.id, &write_model(&model)), Ok(model));
        }

        #[test]
        fn a_version_reads_back(
            semver in "(0|[1-9][0-9]?)\\.0\\.7(-[a-z]{1,5})?", run in any::<[u8; 16]>(), stage in 0usize..4, numbers in any::<(u64, i64, i64)>(),
            description in any::<Option<String>>(), texts in any::<[String; 3]>(), is_semver_chosen in any::<bool>(), author in an_author(),
        ) {
            let [source, location, run_link] = texts;
            let version = Version {
                model: ModelId(5), number: 9, semver: SemVer::read(&semver).unwrap(), is_semver_chosen, run: RunId(run), experiment: ExperimentId(numbers.0),
                stage: ModelStage::ALL[stage], creation_time_ms: numbers.1, last_update_time_ms: numbers.2, description, source, location, run_link, author,
            };
            let written = write_version(&version);
            prop_assert_eq!(read_version(version.model, 9, &written), Ok(version.clone()));
            // A version written before the last byte existed reads as chosen, by nobody.
            let before = write_version(&Version { is_semver_chosen: true, author: None, ..version });
            prop_assert!(written.starts_with(&before) && (written.len() > before.len() || is_semver_chosen));
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
