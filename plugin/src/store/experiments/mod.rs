//! Experiments and their stored records.
//!
//! Every project has the experiment `Default` from the start, although nothing was written yet. While its
//! record is absent, reads return a made-up one. The first write that touches experiments stores it.

pub mod datasets;
pub mod listing;
mod location;
pub mod search;
use super::portion::{ByteBudget, ITEM_BYTES_MAX, as_shown, portion};
use super::{audit, codec, keys, references};
use crate::domain::audit::AuditObject;
use crate::domain::experiment::{Experiment, Pair};
use crate::domain::id::ExperimentId;
use crate::domain::lifecycle::Stage;
use crate::domain::limits::CHOSEN_NUMBER_MAX;
use crate::error::{Error, Result};
use crate::host::records::{ABSENT, Change, Record, get, transact};

/// Largest number of look-ups of an experiment that is renamed at the same time.
const LOOKS_MAX: usize = 10;

/// An experiment as it was read.
#[derive(Clone, Debug)]
pub struct StoredExperiment {
    /// The experiment.
    pub experiment: Experiment,
    /// The record's version, which a change of the experiment, or one that relies on it, must check.
    pub version: u64,
}

impl StoredExperiment {
    /// Reads the experiment from the record at its key.
    pub fn from_record(id: ExperimentId, record: &Record) -> Result<Self> {
        let experiment = match record.decode(|bytes| codec::read_experiment(id, bytes))? {
            Some(experiment) => experiment,
            None if id == ExperimentId::DEFAULT => Experiment::default_not_made(),
            None => return Err(id.not_found()),
        };
        Ok(StoredExperiment {
            experiment,
            version: record.version,
        })
    }

    /// Returns the experiment to be stored. A made-up `Default` gets its times now.
    fn made(&self, now_ms: i64) -> Experiment {
        match self.version {
            ABSENT => Experiment::default_of_project(now_ms),
            _ => self.experiment.clone(),
        }
    }

    /// Makes a change depend on the experiment being as it was read. A made-up `Default` is stored by that
    /// change.
    pub fn require_unchanged(&self, change: &mut Change, now_ms: i64) {
        change.require_version(keys::experiment(self.experiment.id), self.version);
        if self.version == ABSENT {
            put_default(change, now_ms);
        }
    }

    /// Removes the experiment's record and listing for good, as a part of a change.
    pub async fn remove(&self, change: &mut Change) -> Result<()> {
        let Experiment {
            id,
            lifecycle,
            creation_time_ms,
            name,
            ..
        } = &self.experiment;
        change.require_version(keys::experiment(*id), self.version);
        change.delete(keys::experiment(*id));
        change.delete(keys::listed_experiment(lifecycle.stage, *creation_time_ms, *id));
        let [named] = get([keys::experiment_name(name)]).await?;
        // The experiment may have released its name, which another one may have now.
        if named.decode(codec::read_number)? == Some(id.0) {
            change.require_version(keys::experiment_name(name), named.version);
            change.delete(keys::experiment_name(name));
        }
        Ok(())
    }
}

/// Reads an experiment, even a soft-deleted one.
pub async fn load(id: ExperimentId) -> Result<StoredExperiment> {
    let [record] = get([keys::experiment(id)]).await?;
    StoredExperiment::from_record(id, &record)
}

/// Finds an experiment by its exact name, even a soft-deleted one.
pub async fn find(name: &str) -> Result<StoredExperiment> {
    let not_found = || Error::NotFound(format!("Could not find experiment with name '{name}'"));
    for _ in 0..LOOKS_MAX {
        let [named, default] = get([keys::experiment_name(name), keys::experiment(ExperimentId::DEFAULT)]).await?;
        let Some(id) = named.decode(codec::read_number)? else {
            let stored = StoredExperiment::from_record(ExperimentId::DEFAULT, &default)?;
            let made_up = stored.version == ABSENT && stored.experiment.name == name;
            return if made_up { Ok(stored) } else { Err(not_found()) };
        };
        match load(ExperimentId(id)).await {
            Ok(stored) if stored.experiment.name == name => return Ok(stored),
            // It was renamed or removed meanwhile, so another one may have this name now.
            Ok(_) | Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::Contended)
}

/// Reads the tags of the first of some experiments, by key. At least one experiment is read if there are any,
/// and fewer than asked where there is much.
pub async fn tags(ids: &[ExperimentId]) -> Result<Vec<Vec<Pair>>> {
    let spans: Vec<_> = ids.iter().map(|id| [keys::experiment_tags(*id)]).collect();
    let room = ByteBudget::new(ITEM_BYTES_MAX);
    portion(&spans, room, as_shown, |_, tags: &mut Vec<Pair>, key, value| {
        let key = keys::experiment_tag_key(key);
        let key = key.ok_or_else(|| Error::Corrupt("key of an experiment's tag".to_owned()))?;
        tags.push((key.to_owned(), codec::read_text(value)?));
        Ok(())
    })
    .await
}

/// Creates an experiment with the next number, or with a `chosen` one. It may not lie among the files of a run or a logged
/// model, which would be removed with that.
pub async fn create(
    name: &str,
    location: Option<&str>,
    tags: &[Pair],
    chosen: Option<ExperimentId>,
    now_ms: i64,
) -> Result<ExperimentId> {
    if let Some(location) = location {
        location::must_lie_outside_artifacts(location).await?;
    }
    transact(async |change| {
        let experiment = create_in(change, name, location, chosen, now_ms).await?;
        for (key, value) in tags {
            change.put(keys::experiment_tag(experiment.id, key), value.clone().into_bytes());
        }
        audit::note(change, AuditObject::Experiment(experiment.id), name);
        Ok(experiment.id)
    })
    .await
}

/// Creates an experiment as a part of a change. The caller checks the location.
pub async fn create_in(
    change: &mut Change,
    name: &str,
    location: Option<&str>,
    chosen: Option<ExperimentId>,
    now_ms: i64,
) -> Result<Experiment> {
    let [counter, named] = get([keys::experiment_counter(), keys::experiment_name(name)]).await?;
    let next = counter.decode(codec::read_number)?;
    if named.version != ABSENT || (next.is_none() && name == Experiment::default_not_made().name) {
        return Err(already_exists(name));
    }
    if next.is_none() {
        change.require_version(keys::experiment(ExperimentId::DEFAULT), ABSENT);
        put_default(change, now_ms);
    }
    let id = number_of(next.unwrap_or(1), chosen)?;
    change.require_version(keys::experiment_counter(), counter.version);
    change.put(keys::experiment_counter(), codec::write_number(id.0 + 1));
    change.require_version(keys::experiment_name(name), ABSENT);
    let experiment = Experiment::new(id, name.to_owned(), location.map(str::to_owned), now_ms);
    put_new(change, &experiment);
    Ok(experiment)
}

/// The number of a new experiment. A chosen number is not below the next one, since a number is never used twice.
fn number_of(next: u64, chosen: Option<ExperimentId>) -> Result<ExperimentId> {
    match chosen {
        None => Ok(ExperimentId(next)),
        Some(ExperimentId(number)) if (next..=CHOSEN_NUMBER_MAX).contains(&number) => Ok(ExperimentId(number)),
        Some(id) => Err(Error::AlreadyExists(format!(
            "Experiment(id={id}) cannot be created: a chosen number is from {next}, the next one, to {CHOSEN_NUMBER_MAX}."
        ))),
    }
}

/// Renames an active experiment, unless it belongs to a model.
pub async fn rename(id: ExperimentId, name: &str, now_ms: i64) -> Result<()> {
    transact(async |change| {
        references::must_not_belong_to_a_model(change, id, "rename").await?;
        audit::note(change, AuditObject::Experiment(id), name);
        rename_in(change, id, name, now_ms).await
    })
    .await
}

/// Renames an active experiment as a part of a change, even if it belongs to a model.
pub async fn rename_in(change: &mut Change, id: ExperimentId, name: &str, now_ms: i64) -> Result<()> {
    let stored = load(id).await?;
    stored.experiment.ensure_active()?;
    stored.require_unchanged(change, now_ms);
    let mut experiment = stored.made(now_ms);
    if experiment.name != name {
        let [named] = get([keys::experiment_name(name)]).await?;
        if named.version != ABSENT {
            return Err(already_exists(name));
        }
        change.require_version(keys::experiment_name(name), ABSENT);
        change.delete(keys::experiment_name(&experiment.name));
        change.put(keys::experiment_name(name), codec::write_number(id.0));
        name.clone_into(&mut experiment.name);
    }
    experiment.last_update_time_ms = now_ms;
    change.put(keys::experiment(id), codec::write_experiment(&experiment));
    Ok(())
}

/// Deletes or restores an experiment with every run in it, in one write. As in MLflow, an experiment that has
/// that stage already is not found. An experiment with the run of a model version is not deleted.
pub async fn set_stage(id: ExperimentId, stage: Stage, now_ms: i64) -> Result<()> {
    transact(async |change| {
        if stage == Stage::Deleted {
            references::must_not_belong_to_a_model(change, id, "delete").await?;
            references::ensure_no_versions(change, id, None).await?;
        }
        let experiment = set_stage_in(change, id, stage, now_ms).await?;
        if stage == Stage::Active {
            claim_name(change, &experiment).await?;
        }
        audit::note(change, AuditObject::Experiment(id), "");
        Ok(())
    })
    .await
}

/// Changes the stage as a part of a change, without checks of models and versions.
async fn set_stage_in(change: &mut Change, id: ExperimentId, stage: Stage, now_ms: i64) -> Result<Experiment> {
    let stored = load(id).await?;
    let mut experiment = stored.made(now_ms);
    if experiment.lifecycle.stage == stage {
        let wanted = stage.opposite().name();
        return Err(Error::NotFound(format!("No {wanted} Experiment with id={id} exists")));
    }
    stored.require_unchanged(change, now_ms);
    experiment.set_stage(stage, now_ms);
    change.put(keys::experiment(id), codec::write_experiment(&experiment));
    let place = |stage| keys::listed_experiment(stage, experiment.creation_time_ms, id);
    change.delete(place(stage.opposite()));
    change.put(place(stage), Vec::new());
    Ok(experiment)
}

/// Deletes an experiment as a part of a change, and releases its name: others may take it.
pub async fn retire_in(change: &mut Change, id: ExperimentId, now_ms: i64) -> Result<()> {
    let experiment = set_stage_in(change, id, Stage::Deleted, now_ms).await?;
    change.delete(keys::experiment_name(&experiment.name));
    Ok(())
}

/// Claims the name of a restored experiment again, in case it was released.
async fn claim_name(change: &mut Change, experiment: &Experiment) -> Result<()> {
    let key = keys::experiment_name(&experiment.name);
    let [named] = get([key.clone()]).await?;
    match named.decode(codec::read_number)? {
        Some(id) if id == experiment.id.0 => return Ok(()),
        Some(_) => return Err(already_exists(&experiment.name)),
        None => {}
    }
    change.require_version(key.clone(), ABSENT);
    change.put(key, codec::write_number(experiment.id.0));
    Ok(())
}

/// Sets a tag of an active experiment.
pub async fn set_tag(id: ExperimentId, key: &str, value: &str, now_ms: i64) -> Result<()> {
    transact(async |change| {
        let stored = load(id).await?;
        stored.experiment.ensure_active()?;
        stored.require_unchanged(change, now_ms);
        change.put(keys::experiment_tag(id, key), value.as_bytes().to_vec());
        audit::note(change, AuditObject::Experiment(id), key);
        Ok(())
    })
    .await
}

/// Removes a tag of an active experiment.
pub async fn delete_tag(id: ExperimentId, key: &str, now_ms: i64) -> Result<()> {
    transact(async |change| {
        let stored = load(id).await?;
        stored.experiment.ensure_active()?;
        let [tag] = get([keys::experiment_tag(id, key)]).await?;
        change.require_version(keys::experiment_tag(id, key), tag.version);
        if tag.version == ABSENT {
            return Err(Error::NotFound(format!(
                "No tag with name: {key} in experiment with id {id}"
            )));
        }
        stored.require_unchanged(change, now_ms);
        change.delete(keys::experiment_tag(id, key));
        audit::note(change, AuditObject::Experiment(id), key);
        Ok(())
    })
    .await
}

fn put_default(change: &mut Change, now_ms: i64) {
    change.require_version(keys::experiment_counter(), ABSENT);
    change.put(keys::experiment_counter(), codec::write_number(1));
    put_new(change, &Experiment::default_of_project(now_ms));
}

fn put_new(change: &mut Change, experiment: &Experiment) {
    let Experiment {
        id,
        lifecycle,
        creation_time_ms,
        ..
    } = experiment;
    change.put(keys::experiment(*id), codec::write_experiment(experiment));
    change.put(keys::experiment_name(&experiment.name), codec::write_number(id.0));
    change.put(
        keys::listed_experiment(lifecycle.stage, *creation_time_ms, *id),
        Vec::new(),
    );
}

fn already_exists(name: &str) -> Error {
    Error::AlreadyExists(format!(
        "Experiment(name={name}) already exists. A deleted experiment keeps its name: restore it, or choose another name."
    ))
}
