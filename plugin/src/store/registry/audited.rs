//! The objects of audit records that exist now. A record has the name that a model had, and a name can change or be given again.

use super::model_name;
use crate::domain::audit::AuditRecord;
use crate::domain::id::{ExperimentId, ModelId, RunId};
use crate::domain::logged_model::LoggedModelId;
use crate::domain::trace::id::TraceId;
use crate::error::Result;
use crate::host::records::{ABSENT, Record, get_all};
use crate::store::{codec, keys};

/// An object that exists, by the ids that its page has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Existing {
    /// An experiment.
    Experiment(ExperimentId),
    /// A run.
    Run(RunId),
    /// A logged model that is not deleted.
    LoggedModel(LoggedModelId),
    /// The model that now has the name.
    Model(ModelId),
    /// A version of the model that now has the name.
    Version(ModelId, u64),
    /// The artifacts of a run.
    RunArtifacts(RunId),
    /// The artifacts of a logged model that is not deleted.
    LoggedModelArtifacts(LoggedModelId),
    /// A trace.
    Trace(TraceId),
}

/// The object of a record, as it names it.
enum Named<'a> {
    /// An object that is named by its id.
    Id(Existing),
    /// A model, and the number of its version if the record is of one.
    Model(&'a str, Option<u64>),
    /// An object of another kind, or none that can be.
    Other,
}

impl<'a> Named<'a> {
    fn of(record: &'a AuditRecord) -> Self {
        let object = record.object.as_str();
        let id = |id: Option<Existing>| id.map_or(Named::Other, Named::Id);
        match record.object_type.as_str() {
            "experiment" => id(ExperimentId::parse(object).ok().map(Existing::Experiment)),
            "run" => id(RunId::parse(object).ok().map(Existing::Run)),
            "logged_model" => id(LoggedModelId::parse(object).ok().map(Existing::LoggedModel)),
            "artifact" => id(owner_of(object)),
            "trace" => id(TraceId::parse(object).ok().map(Existing::Trace)),
            "registered_model" => Named::Model(object, None),
            "model_version" => match object.rsplit_once('/') {
                Some((name, number)) => number
                    .parse()
                    .map_or(Named::Other, |number| Named::Model(name, Some(number))),
                None => Named::Other,
            },
            _ => Named::Other,
        }
    }

    /// The key of the record that exists if the object does, or that tells the model's number. `None`: there is none.
    fn key(&self) -> Option<Vec<u8>> {
        match self {
            Named::Id(Existing::Experiment(id)) => Some(keys::experiment(*id)),
            Named::Id(Existing::Run(id) | Existing::RunArtifacts(id)) => Some(keys::run(*id)),
            Named::Id(Existing::Trace(id)) => Some(keys::traces::trace(id)),
            Named::Id(Existing::LoggedModel(id) | Existing::LoggedModelArtifacts(id)) => {
                Some(keys::logged_models::model(*id))
            }
            Named::Model(name, _) => model_name::key(name),
            Named::Id(Existing::Model(_) | Existing::Version(..)) | Named::Other => None,
        }
    }

    /// The object, given the record of its key. The version of a model may not exist.
    fn found(&self, record: &Record) -> Result<Option<Existing>> {
        match self {
            Named::Id(existing @ (Existing::LoggedModel(id) | Existing::LoggedModelArtifacts(id))) => {
                let model = record.decode(|bytes| codec::logged_models::read_logged_model(*id, bytes))?;
                Ok(model.filter(|model| !model.is_deleted).map(|_| existing.clone()))
            }
            Named::Id(existing) => Ok((record.version != ABSENT).then(|| existing.clone())),
            Named::Model(_, version) => {
                let id = record.decode(codec::read_number)?.map(ModelId);
                Ok(id.map(|id| version.map_or(Existing::Model(id), |number| Existing::Version(id, number))))
            }
            Named::Other => Ok(None),
        }
    }
}

/// The owner of an artifact: `EXPERIMENT/RUN/artifacts/…` or `EXPERIMENT/models/MODEL/artifacts/…`.
fn owner_of(path: &str) -> Option<Existing> {
    let names: Vec<&str> = path.splitn(5, '/').collect();
    match names.as_slice() {
        [_, "models", id, "artifacts", ..] => LoggedModelId::parse(id).ok().map(Existing::LoggedModelArtifacts),
        [_, id, "artifacts", ..] => RunId::parse(id).ok().map(Existing::RunArtifacts),
        _ => None,
    }
}

/// Finds the objects of some records, in their order. `None`: there is no such object any more, or it has no page. Costs a record
/// for each, and two for a version, in two calls.
pub async fn existing(records: &[AuditRecord]) -> Result<Vec<Option<Existing>>> {
    let named: Vec<Named<'_>> = records.iter().map(Named::of).collect();
    let keyed: Vec<(usize, Vec<u8>)> = named
        .iter()
        .enumerate()
        .filter_map(|(index, named)| Some((index, named.key()?)))
        .collect();
    let read = get_all(keyed.iter().map(|(_, key)| key.clone()).collect()).await?;
    let mut found = vec![None; records.len()];
    for ((index, _), record) in keyed.iter().zip(&read) {
        if let (Some(named), Some(found)) = (named.get(*index), found.get_mut(*index)) {
            *found = named.found(record)?;
        }
    }
    without_lost_versions(&mut found).await?;
    Ok(found)
}

async fn without_lost_versions(found: &mut [Option<Existing>]) -> Result<()> {
    let version_key = |existing: &Option<Existing>| match existing {
        Some(Existing::Version(model, number)) => Some(keys::registry::version(*model, *number)),
        _ => None,
    };
    let read = get_all(found.iter().filter_map(version_key).collect()).await?;
    let versions = found.iter_mut().filter(|existing| version_key(existing).is_some());
    for (existing, _) in versions.zip(&read).filter(|(_, record)| record.version == ABSENT) {
        *existing = None;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_owner_of_an_artifact_stands_in_its_path() {
        let (run, model) = ("0".repeat(32), format!("m-{}", "0".repeat(32)));
        let run_id = RunId::parse(&run).unwrap();
        let model_id = LoggedModelId::parse(&model).unwrap();
        let of_run = Some(Existing::RunArtifacts(run_id));
        assert_eq!(owner_of(&format!("0/{run}/artifacts/a/b/c")), of_run);
        assert_eq!(owner_of(&format!("0/{run}/artifacts")), of_run);
        assert_eq!(
            owner_of(&format!("0/models/{model}/artifacts/a")),
            Some(Existing::LoggedModelArtifacts(model_id))
        );
        for other in ["", "a/b/artifacts", &format!("0/{run}/x"), "0/models/x/artifacts/a"] {
            assert_eq!(owner_of(other), None, "{other}");
        }
    }
}
