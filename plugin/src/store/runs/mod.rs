//! Runs and their stored records, and logging to them.

pub mod commit;
pub mod dataset_reader;
pub mod deleted;
pub mod inputs;
pub mod jobs;
pub mod newest;
pub mod outputs;
mod params;
pub mod read;
mod stage;
mod tags;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;

use super::columnar::dirty::DirtyMarker;
use super::columnar::packed_run::{PACKED_BYTES_MAX, PackedRun, REMOVED_TAG};
use super::experiments;
use super::experiments::StoredExperiment;
use super::keys::{JobTarget, Tombstone};
use super::metrics::chunk;
use super::metrics::chunk::Series;
use super::{audit, codec, job_tags, keys, logged_models, tombstone};
use crate::domain::audit::AuditObject;
use crate::domain::experiment::Pair;
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::lifecycle::Stage;
use crate::domain::logged_model::{LoggedModelId, LoggedPoint};
use crate::domain::metric::Point;
use crate::domain::run::{FullRun, NAME_TAG, NewRun, Run, Status};
use crate::error::{Error, Result};
use crate::host::records::{ABSENT, Change, Record, get, get_all, transact};

pub use stage::{set_stage, set_stage_of_all};
pub use tags::{delete_tag, edit_tag, set_tag_of_all};

/// Number of attempts to store chunks. If others appended to the same metrics each time, the points are
/// stored one by one, which never conflicts.
const CHUNK_TRIES: usize = 4;

/// A run and its experiment as they were read.
pub struct StoredRun {
    /// The run.
    pub run: Run,
    version: u64,
    experiment: StoredExperiment,
}

impl StoredRun {
    /// Returns the stage of the run, given its own and its experiment's.
    pub fn stage(&self) -> Stage {
        self.run.lifecycle.of_run(self.experiment.experiment.lifecycle)
    }

    /// The name of the run's experiment.
    pub fn experiment_name(&self) -> &str {
        &self.experiment.experiment.name
    }

    /// Returns an error unless the run is active.
    pub fn ensure_active(&self) -> Result<()> {
        self.run.ensure_active(&self.experiment.experiment)
    }

    /// Makes a change of the run depend on run and experiment being as they were read, and rewrites the run's
    /// dirty marker.
    pub fn require_unchanged(&self, change: &mut Change, now_ms: i64) {
        self.expect(change);
        put_mark(change, &self.run, now_ms);
    }

    /// Makes a change of other records depend on run and experiment being as they were read.
    pub fn expect(&self, change: &mut Change) {
        change.require_version(keys::run(self.run.id), self.version);
        // The experiment's record exists, since it has a run.
        change.require_version(keys::experiment(self.run.experiment), self.experiment.version);
    }
}

/// Reads a run, even a soft-deleted one.
pub async fn load(id: RunId) -> Result<StoredRun> {
    load_with(id, Vec::new()).await.map(|(stored, _)| stored)
}

/// Reads a run, and the records of some more keys together with its experiment.
async fn load_with(id: RunId, more: Vec<Vec<u8>>) -> Result<(StoredRun, Vec<Record>)> {
    let [record] = get([keys::run(id)]).await?;
    let run = record.decode(|bytes| codec::read_run(id, bytes))?;
    let run = run.ok_or_else(|| id.not_found())?;
    let mut asked = vec![keys::experiment(run.experiment)];
    asked.extend(more);
    let mut records = get_all(asked).await?.into_iter();
    let experiment = records
        .next()
        .ok_or_else(|| Error::Corrupt("no answer for an experiment".to_owned()))?;
    let experiment = StoredExperiment::from_record(run.experiment, &experiment)?;
    Ok((
        StoredRun {
            run,
            version: record.version,
            experiment,
        },
        records.collect(),
    ))
}

/// Creates a run in an active experiment, with this id unless another one is chosen.
pub async fn create(
    experiment: ExperimentId,
    new: &NewRun,
    id: RunId,
    nickname: &str,
    now_ms: i64,
) -> Result<FullRun<'static>> {
    let id = new.chosen_id.unwrap_or(id);
    transact(async |change| {
        if new.chosen_id.is_some() {
            tombstone::must_be_free(change, keys::run(id), &Tombstone::Run(id), &id).await?;
        }
        let stored = experiments::load(experiment).await?;
        let (run, tags) = Run::new(id, &stored.experiment, new.clone(), || nickname.to_owned())?;
        stored.require_unchanged(change, now_ms);
        let mut tags: BTreeMap<String, String> = tags.into_iter().collect();
        job_tags::begin(change, &JobTarget::Run(id), &mut tags, new.job.as_ref(), now_ms);
        put_new(change, &run, &tags, now_ms);
        audit::note(change, AuditObject::Run(id), "");
        Ok(FullRun {
            run: Cow::Owned(run),
            stage: Stage::Active,
            metrics: Vec::new(),
            params: Vec::new(),
            tags: tags
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
            inputs: Cow::default(),
            model_inputs: Cow::default(),
            model_outputs: Cow::default(),
        })
    })
    .await
}

/// Stores a new run with its tags.
pub fn put_new(change: &mut Change, run: &Run, tags: &BTreeMap<String, String>, now_ms: i64) {
    change.require_version(keys::run(run.id), ABSENT);
    change.put(keys::run(run.id), codec::write_run(run));
    put_mark(change, run, now_ms);
    if tags.is_empty() {
        return;
    }
    // The tags are one record, as compaction would write them, unless they are too large for one.
    let packed = PackedRun {
        tags: tags.iter().map(|(key, value)| (key.into(), value.into())).collect(),
        ..PackedRun::default()
    };
    let bytes = packed.write();
    if bytes.len() <= PACKED_BYTES_MAX {
        change.put(keys::packed_run(run.id), bytes);
        return;
    }
    for (key, value) in tags {
        change.put(keys::run_tag(run.id, key), value.clone().into_bytes());
    }
}

/// An update of a run. An absent field stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Update {
    /// The new status.
    pub status: Option<Status>,
    /// The end time, in milliseconds since the Unix epoch.
    pub end_time_ms: Option<i64>,
    /// The new name, never empty. It also rewrites the tag.
    pub name: Option<String>,
    /// True if the run ends, and the commit that it names is to get a status.
    pub sets_commit_status: bool,
}

/// Changes an active run.
pub async fn update(id: RunId, update: &Update, now_ms: i64) -> Result<Run> {
    transact(async |change| {
        let of_commit = match update.sets_commit_status {
            true => commit::keys_of_commit(id),
            false => Vec::new(),
        };
        let (mut stored, of_commit) = load_with(id, of_commit).await?;
        stored.ensure_active()?;
        stored.require_unchanged(change, now_ms);
        let run = &mut stored.run;
        let former = run.status;
        run.status = update.status.unwrap_or(run.status);
        // A client that sends the same again tells of no other end.
        if update.sets_commit_status
            && run.status != former
            && let Some(commit) = commit::read_commit(change, &of_commit)?
        {
            commit::put_pending_status(change, run, &commit, now_ms);
        }
        run.end_time_ms = update.end_time_ms.or(run.end_time_ms);
        if let Some(name) = &update.name {
            rename(change, run, name);
        }
        change.put(keys::run(id), codec::write_run(run));
        audit::note(change, AuditObject::Run(id), update.status.map_or("", Status::name));
        Ok(stored.run)
    })
    .await
}

fn put_mark(change: &mut Change, run: &Run, now_ms: i64) {
    change.put(
        keys::dirty_marker(run.experiment, run.id),
        DirtyMarker::new(run, now_ms).write(),
    );
}

fn rename(change: &mut Change, run: &mut Run, name: &str) {
    name.clone_into(&mut run.name);
    change.put(keys::run_tag(run.id, NAME_TAG), name.as_bytes().to_vec());
}

/// The values that are logged to a run at once.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Points by metric, in any order.
    pub metrics: BTreeMap<String, Vec<Point>>,
    /// Params, each key once.
    pub params: Vec<Pair>,
    /// Tags. Of equal keys the last one counts.
    pub tags: Vec<Pair>,
    /// The points that also belong to a logged model.
    pub of_models: Vec<(LoggedModelId, LoggedPoint)>,
}

/// Logs to an active run, all or nothing. A point or a param value that exists already stays as it is.
/// Another value for a param is refused. The cost depends only on what is logged, not on what the run holds.
pub async fn log(id: RunId, batch: &Batch, now_ms: i64) -> Result<()> {
    let series = Series::of_batch(&batch.metrics);
    let tries = Cell::new(0);
    let logging = transact(async |change| {
        let may_chunk = tries.replace(tries.get() + 1) < CHUNK_TRIES;
        let guards = may_chunk.then(|| chunk::keys_of_high_water_marks(id, &series));
        let mut more: Vec<Vec<u8>> = guards.into_iter().flatten().collect();
        let guards = more.len();
        let of_jobs = jobs::keys_of_change(id, batch.tags.iter().map(|(key, _)| key.as_str()));
        let job_records = of_jobs.len();
        more.extend(of_jobs);
        more.extend(logged_models::keys_of_models(&batch.of_models));
        more.extend(params::keys_of_params(id, &batch.params));
        let (mut stored, values) = load_with(id, more).await?;
        stored.ensure_active()?;
        stored.require_unchanged(change, now_ms);
        let (guards, values) = values.split_at_checked(guards).unwrap_or_default();
        let (of_jobs, values) = values.split_at_checked(job_records).unwrap_or_default();
        let (models, values) = values.split_at_checked(batch.of_models.len()).unwrap_or_default();
        logged_models::rely_on_models(change, &batch.of_models, models)?;
        logged_models::put_points(change, &batch.of_models);
        params::log_params(change, id, &batch.params, values)?;
        chunk::put(change, id, &series, guards)?;
        log_tags(change, &mut stored.run, &batch.tags);
        let tags = batch
            .tags
            .iter()
            .map(|(key, value)| (key.as_str(), Some(value.as_str())));
        jobs::follow(change, id, of_jobs, tags, now_ms)?;
        Ok(audit::note_batch(change, id, &batch.tags, now_ms))
    })
    .await?;
    logging.remember();
    Ok(())
}

fn log_tags(change: &mut Change, run: &mut Run, tags: &[Pair]) {
    for (key, value) in tags {
        if key == NAME_TAG {
            rename(change, run, value);
            change.put(keys::run(run.id), codec::write_run(run));
        } else {
            change.put(keys::run_tag(run.id, key), value.clone().into_bytes());
        }
    }
}

fn packed(record: &Record) -> Result<PackedRun<'_>> {
    record.decode(PackedRun::read).map(Option::unwrap_or_default)
}

/// The value of a tag, from its own record and the packed run. `None`: the run has no such tag.
fn tag_value(loose: &Record, packed: &PackedRun<'_>, key: &str) -> Result<Option<String>> {
    match loose.existing() {
        Some(REMOVED_TAG) => Ok(None),
        Some(value) => codec::read_text(value).map(Some),
        None => Ok(packed.tag(key).map(str::to_owned)),
    }
}
