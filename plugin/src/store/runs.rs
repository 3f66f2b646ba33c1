//! Runs in the records, and logging to them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::experiments::{self, Stored as StoredExperiment};
use super::keys::RunPart;
use super::records::{ABSENT, Change, get, get_all, scan_all, transact};
use super::{codec, keys};
use crate::domain::dataset::{Dataset, DatasetInput};
use crate::domain::experiment::Pair;
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::lifecycle::{Lifecycle, Stage};
use crate::domain::metric::{Metric, Point};
use crate::domain::run::{FullRun, NAME_TAG, NewRun, Run, Status};
use crate::error::{Error, Result};

/// Datasets that are read at once: each may have megabytes.
const DATASETS_AT_ONCE: usize = 3;

/// A run and its experiment as they were read.
pub struct Stored {
    /// The run.
    pub run: Run,
    version: u64,
    experiment: StoredExperiment,
}

impl Stored {
    /// The stage that holds for the run.
    pub fn stage(&self) -> Stage {
        self.run.lifecycle.of_run(self.experiment.experiment.lifecycle)
    }

    /// Refuses what needs an active run.
    pub fn must_be_active(&self) -> Result<()> {
        self.run.must_be_active(&self.experiment.experiment)
    }

    /// Makes a change depend on run and experiment being as they were read.
    pub fn rely_on(&self, change: &mut Change, now_ms: i64) {
        change.expect(keys::run(self.run.id), self.version);
        self.experiment.rely_on(change, now_ms);
    }
}

/// Reads a run, soft-deleted ones too.
pub async fn load(id: RunId) -> Result<Stored> {
    load_with(id, Vec::new()).await.map(|(stored, _)| stored)
}

/// Reads a run, and with its experiment the values of some more keys.
async fn load_with(id: RunId, more: Vec<Vec<u8>>) -> Result<(Stored, Vec<Option<Vec<u8>>>)> {
    let [record] = get([keys::run(id)]).await?;
    let run = codec::read_run(id, record.existing().ok_or_else(|| id.not_found())?)?;
    let mut asked = vec![keys::experiment(run.experiment)];
    asked.extend(more);
    let mut records = get_all(asked).await?.into_iter();
    let experiment = records
        .next()
        .ok_or_else(|| Error::Corrupt("no answer for an experiment".to_owned()))?;
    let experiment = StoredExperiment::from_record(run.experiment, &experiment)?;
    let values = records
        .map(|record| (record.version != ABSENT).then_some(record.value))
        .collect();
    Ok((
        Stored {
            run,
            version: record.version,
            experiment,
        },
        values,
    ))
}

/// Makes a run in an active experiment.
pub async fn create(experiment: ExperimentId, new: &NewRun, id: RunId, nickname: &str, now_ms: i64) -> Result<FullRun> {
    transact(async |change| {
        let stored = experiments::load(experiment).await?;
        let (run, tags) = Run::new(id, &stored.experiment, new.clone(), || nickname.to_owned())?;
        stored.rely_on(change, now_ms);
        change.expect(keys::run(id), ABSENT);
        change.put(keys::run(id), codec::write_run(&run));
        put_started(change, &run);
        let tags: BTreeMap<String, String> = tags.into_iter().collect();
        for (key, value) in &tags {
            change.put(keys::run_tag(id, key), value.clone().into_bytes());
        }
        Ok(FullRun {
            run,
            stage: Stage::Active,
            metrics: Vec::new(),
            params: Vec::new(),
            tags: tags.into_iter().collect(),
            inputs: Vec::new(),
            model_inputs: Vec::new(),
        })
    })
    .await
}

/// What an update says; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct Update {
    /// How far the run has come.
    pub status: Option<Status>,
    /// Milliseconds since the Unix epoch.
    pub end_time_ms: Option<i64>,
    /// Also rewrites the tag; never empty.
    pub name: Option<String>,
}

/// Changes an active run.
pub async fn update(id: RunId, update: &Update, now_ms: i64) -> Result<Run> {
    transact(async |change| {
        let mut stored = load(id).await?;
        stored.must_be_active()?;
        stored.rely_on(change, now_ms);
        let run = &mut stored.run;
        run.status = update.status.unwrap_or(run.status);
        run.end_time_ms = update.end_time_ms.or(run.end_time_ms);
        if let Some(name) = &update.name {
            rename(change, run, name);
        }
        change.put(keys::run(id), codec::write_run(run));
        Ok(stored.run)
    })
    .await
}

/// Deletes or restores a run; one that is at that stage already stays as it is.
pub async fn set_stage(id: RunId, stage: Stage, now_ms: i64) -> Result<()> {
    transact(async |change| {
        let mut stored = load(id).await?;
        if stored.stage() == stage {
            return Ok(());
        }
        stored.rely_on(change, now_ms);
        let epoch = stored.experiment.experiment.lifecycle.epoch;
        let run = &mut stored.run;
        change.delete(keys::started_run(
            run.experiment,
            run.lifecycle.stage,
            run.start_time_ms,
            id,
        ));
        run.lifecycle = Lifecycle { stage, epoch };
        change.put(keys::run(id), codec::write_run(run));
        put_started(change, run);
        Ok(())
    })
    .await
}

fn put_started(change: &mut Change, run: &Run) {
    let key = keys::started_run(run.experiment, run.lifecycle.stage, run.start_time_ms, run.id);
    change.put(key, codec::write_number(run.lifecycle.epoch));
}

fn rename(change: &mut Change, run: &mut Run, name: &str) {
    name.clone_into(&mut run.name);
    change.put(keys::run_tag(run.id, NAME_TAG), name.as_bytes().to_vec());
}

/// What is logged to a run at once.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Points, several of one metric too.
    pub metrics: Vec<(String, Point)>,
    /// Each key once.
    pub params: Vec<Pair>,
    /// Of equal keys the last counts.
    pub tags: Vec<Pair>,
}

/// Logs to an active run, all or nothing. A point or a param value that is there already is left as it is; another value
/// for a param is refused. Each item costs one write, a metric's point two, whatever the run holds.
pub async fn log(id: RunId, batch: &Batch, now_ms: i64) -> Result<()> {
    transact(async |change| {
        let param_keys = batch.params.iter().map(|(key, _)| keys::run_param(id, key)).collect();
        let (mut stored, values) = load_with(id, param_keys).await?;
        stored.must_be_active()?;
        stored.rely_on(change, now_ms);
        log_params(change, id, &batch.params, values)?;
        for (key, point) in &batch.metrics {
            change.put(keys::point(id, key, *point), Vec::new());
        }
        for (key, newest) in newest_points(&batch.metrics) {
            change.raise(keys::run_metric(id, key), newest);
        }
        for (key, value) in &batch.tags {
            if key == NAME_TAG {
                rename(change, &mut stored.run, value);
                change.put(keys::run(id), codec::write_run(&stored.run));
            } else {
                change.put(keys::run_tag(id, key), value.clone().into_bytes());
            }
        }
        Ok(())
    })
    .await
}

/// The newest point of each metric of a batch, as it is stored.
fn newest_points(metrics: &[(String, Point)]) -> BTreeMap<&str, Vec<u8>> {
    let mut newest: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    for (key, point) in metrics {
        let bytes = keys::newest_point(*point);
        let greatest = newest.entry(key).or_default();
        if *greatest < bytes {
            *greatest = bytes;
        }
    }
    newest
}

fn log_params(change: &mut Change, id: RunId, params: &[Pair], values: Vec<Option<Vec<u8>>>) -> Result<()> {
    let mut changed = Vec::new();
    for ((key, new), old) in params.iter().zip(values) {
        match old {
            None => {
                change.expect(keys::run_param(id, key), ABSENT);
                change.put(keys::run_param(id, key), new.clone().into_bytes());
            }
            Some(old) if old != new.as_bytes() => changed.push((key, codec::read_text(&old)?, new)),
            Some(_) => {}
        }
    }
    match (&changed[..], params) {
        ([], _) => Ok(()),
        ([(key, old, new)], [_]) => Err(Error::Invalid(format!(
            "Changing param values is not allowed. Param with key='{key}' was already logged with value='{old}' for run \
             ID='{id}'. Attempted logging new value '{new}'."
        ))),
        _ => {
            let show = |(key, old, new): &(&String, String, &String)| {
                format!("{{'key': '{key}', 'old_value': '{old}', 'new_value': '{new}'}}")
            };
            let shown: Vec<String> = changed.iter().map(show).collect();
            Err(Error::Invalid(format!(
                "Changing param values is not allowed. Params were already logged='[{}]' for run ID='{id}'.",
                shown.join(", ")
            )))
        }
    }
}

/// Removes a tag of an active run.
pub async fn delete_tag(id: RunId, key: &str, now_ms: i64) -> Result<()> {
    transact(async |change| {
        let (stored, values) = load_with(id, vec![keys::run_tag(id, key)]).await?;
        stored.must_be_active()?;
        if values.iter().flatten().next().is_none() {
            return Err(Error::NotFound(format!("No tag with name: {key} in run with id {id}")));
        }
        stored.rely_on(change, now_ms);
        change.delete(keys::run_tag(id, key));
        Ok(())
    })
    .await
}

/// Reads a run with everything that is logged to it.
pub async fn read(id: RunId) -> Result<FullRun> {
    read_all(&[id]).await?.pop().ok_or_else(|| id.not_found())
}

/// Reads runs with everything that is logged to them, in the order asked; those that do not exist are left out.
pub async fn read_all(ids: &[RunId]) -> Result<Vec<FullRun>> {
    let mut parts: Vec<Parts> = ids.iter().map(|_| Parts::default()).collect();
    scan_all(
        ids.iter().map(|id| keys::run_parts(*id)).collect(),
        usize::MAX,
        |index, key, value| match (ids.get(index), parts.get_mut(index)) {
            (Some(id), Some(parts)) => parts.add(*id, key, value),
            _ => Ok(()),
        },
    )
    .await?;
    let parts: Vec<(Parts, Run)> = parts
        .into_iter()
        .filter_map(|mut parts| parts.run.take().map(|run| (parts, run)))
        .collect();
    let mut lifecycles = BTreeMap::new();
    for (_, run) in &parts {
        lifecycles.insert(
            run.experiment,
            Lifecycle {
                stage: Stage::Active,
                epoch: 0,
            },
        );
    }
    let experiments = get_all(lifecycles.keys().map(|id| keys::experiment(*id)).collect()).await?;
    for ((id, lifecycle), record) in lifecycles.iter_mut().zip(&experiments) {
        *lifecycle = StoredExperiment::from_record(*id, record)?.experiment.lifecycle;
    }
    let datasets = read_datasets(&parts).await?;
    let assemble = |(parts, run): (Parts, Run)| {
        let stage = lifecycles
            .get(&run.experiment)
            .map_or(run.lifecycle.stage, |experiment| run.lifecycle.of_run(*experiment));
        parts.assemble(run, stage, &datasets)
    };
    Ok(parts.into_iter().map(assemble).collect())
}

/// The datasets that some runs read, each once, by key.
async fn read_datasets(parts: &[(Parts, Run)]) -> Result<BTreeMap<Vec<u8>, Rc<Dataset>>> {
    let named = parts
        .iter()
        .flat_map(|(parts, run)| parts.inputs.iter().map(|(name, _)| (run.experiment, name)));
    let keys: BTreeSet<Vec<u8>> = named
        .map(|(experiment, name)| keys::dataset_of_input(experiment, name))
        .collect();
    let keys: Vec<Vec<u8>> = keys.into_iter().collect();
    let mut datasets = BTreeMap::new();
    for some in keys.chunks(DATASETS_AT_ONCE) {
        for (key, record) in some.iter().zip(get_all(some.to_vec()).await?) {
            datasets.insert(key.clone(), Rc::new(codec::read_dataset(&record.value)?));
        }
    }
    Ok(datasets)
}

/// A run while its records are read.
#[derive(Default)]
struct Parts {
    run: Option<Run>,
    metrics: Vec<Metric>,
    params: Vec<Pair>,
    tags: Vec<Pair>,
    /// Name and digest as in the key, and tags.
    inputs: Vec<(Vec<u8>, Vec<Pair>)>,
    model_inputs: Vec<String>,
}

impl Parts {
    fn add(&mut self, id: RunId, key: &[u8], value: &[u8]) -> Result<()> {
        let corrupt = || Error::Corrupt(format!("a record of run {id}"));
        match keys::run_part(key).ok_or_else(corrupt)? {
            RunPart::Run => self.run = Some(codec::read_run(id, value)?),
            RunPart::Metric(key) => {
                let point = keys::read_newest_point(value).ok_or_else(corrupt)?;
                self.metrics.push(Metric {
                    key: key.to_owned(),
                    point,
                });
            }
            RunPart::Param(key) => self.params.push((key.to_owned(), codec::read_text(value)?)),
            RunPart::Tag(key) => self.tags.push((key.to_owned(), codec::read_text(value)?)),
            RunPart::Input(dataset) => self.inputs.push((dataset.to_vec(), codec::read_pairs(value)?)),
            RunPart::ModelInput(model) => self.model_inputs.push(model.to_owned()),
        }
        Ok(())
    }

    fn assemble(self, run: Run, stage: Stage, datasets: &BTreeMap<Vec<u8>, Rc<Dataset>>) -> FullRun {
        let input = |(name, tags): (Vec<u8>, Vec<Pair>)| {
            let dataset = datasets.get(&keys::dataset_of_input(run.experiment, &name))?;
            Some(DatasetInput {
                tags,
                dataset: Rc::clone(dataset),
            })
        };
        let inputs = self.inputs.into_iter().filter_map(input).collect();
        let (metrics, params, tags) = (self.metrics, self.params, self.tags);
        FullRun {
            run,
            stage,
            metrics,
            params,
            tags,
            inputs,
            model_inputs: self.model_inputs,
        }
    }
}
