//! Reads runs with their metrics, params, tags and inputs.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::domain::id::{ExperimentId, RunId};
use crate::domain::lifecycle::{Lifecycle, Stage};
use crate::domain::run::{FullRun, ModelOutput, Run, RunInput};
use crate::error::{Error, Result};
use crate::host::records::get_all;
use crate::store::codec::link::{LoggedAt, read_input, read_model_input, read_model_output};
use crate::store::columnar::packed_run::{PackedRun, REMOVED_TAG, RunDelta};
use crate::store::experiments::StoredExperiment;
use crate::store::keys::RunPart;
use crate::store::portion::{ByteBudget, ITEM_BYTES_MAX, as_stored, portion};
use crate::store::{codec, keys};

/// The first of some runs as they were read, in the order asked.
pub struct FullRuns {
    /// Number of the ids asked for, from the first, that were looked up. `runs` holds those of them that
    /// exist.
    pub looked_at: usize,
    runs: Vec<(Run, Stage, RunParts)>,
}

impl FullRuns {
    /// Returns the runs with all their values, most of which lie in the records that were read.
    pub fn iter(&self) -> impl Iterator<Item = Result<FullRun<'_>>> {
        self.runs.iter().map(|(run, stage, parts)| parts.assemble(run, *stage))
    }

    /// Returns the datasets that the runs read, each with the run's experiment.
    pub fn inputs(&self) -> impl Iterator<Item = (ExperimentId, &RunInput)> {
        self.runs
            .iter()
            .flat_map(|(run, _, parts)| parts.links.inputs.iter().map(|(_, input)| (run.experiment, input)))
    }
}

/// Reads the first of some runs with everything that is logged to them, at least one if there are any. Runs
/// that do not exist are left out.
pub async fn read_some(ids: &[RunId]) -> Result<FullRuns> {
    let spans: Vec<_> = ids.iter().map(|id| [keys::run_parts(*id)]).collect();
    let room = ByteBudget::new(ITEM_BYTES_MAX);
    let parts = portion(&spans, room, as_stored, |index, parts: &mut RunParts, key, value| {
        let id = ids.get(index).ok_or_else(|| Error::Corrupt("no such run".to_owned()))?;
        parts.add(*id, key, value)
    });
    let parts = parts.await?;
    let looked_at = parts.len();
    let existing = parts
        .into_iter()
        .filter_map(|mut parts| Some((parts.run.take()?, parts)));
    let existing: Vec<(Run, RunParts)> = existing.collect();
    let lifecycles = read_lifecycles(&existing).await?;
    let with_stage = |(run, parts): (Run, RunParts)| {
        let stage = lifecycles
            .get(&run.experiment)
            .map_or(run.lifecycle.stage, |experiment| run.lifecycle.of_run(*experiment));
        (run, stage, parts)
    };
    Ok(FullRuns {
        looked_at,
        runs: existing.into_iter().map(with_stage).collect(),
    })
}

/// Reads some runs without what is logged to them. Runs that do not exist are left out.
pub async fn read_alone(ids: &[RunId]) -> Result<Vec<Run>> {
    let records = get_all(ids.iter().map(|id| keys::run(*id)).collect()).await?;
    let read = ids.iter().zip(&records);
    read.filter_map(|(id, record)| record.decode(|bytes| codec::read_run(*id, bytes)).transpose())
        .collect()
}

/// Returns the lifecycles of the experiments of some runs.
async fn read_lifecycles(runs: &[(Run, RunParts)]) -> Result<BTreeMap<ExperimentId, Lifecycle>> {
    let mut ids: Vec<ExperimentId> = runs.iter().map(|(run, _)| run.experiment).collect();
    ids.sort_unstable();
    ids.dedup();
    let records = get_all(ids.iter().map(|id| keys::experiment(*id)).collect()).await?;
    let lifecycle = |(id, record): (&ExperimentId, _)| {
        let stored = StoredExperiment::from_record(*id, record)?;
        Ok((*id, stored.experiment.lifecycle))
    };
    ids.iter().zip(&records).map(lifecycle).collect()
}

/// Collects the records of a run.
#[derive(Default)]
pub(crate) struct RunParts {
    pub(crate) run: Option<Run>,
    /// The packed run in its stored form.
    pub(crate) packed: Option<Vec<u8>>,
    pub(crate) loose: RunDelta,
    links: Links,
}

/// Items with the time at which each was logged.
type Logged<T> = Vec<(Option<LoggedAt>, T)>;

/// Inputs and outputs of a run.
#[derive(Default)]
struct Links {
    inputs: Logged<RunInput>,
    model_inputs: Logged<String>,
    model_outputs: Logged<ModelOutput>,
}

/// Sorts items by the time of logging instead of by key. Those that were stored without a time come first, by
/// key.
fn in_order<'a, T: Clone>(logged: &Logged<T>) -> Cow<'a, [T]> {
    let mut sorted: Vec<&(Option<LoggedAt>, T)> = logged.iter().collect();
    sorted.sort_by_key(|(at, _)| *at);
    sorted.into_iter().map(|(_, thing)| thing.clone()).collect()
}

impl RunParts {
    /// Adds one record.
    pub(crate) fn add(&mut self, id: RunId, key: &[u8], value: &[u8]) -> Result<()> {
        let corrupt = || Error::Corrupt(format!("a record of run {id}"));
        match keys::run_part(key).ok_or_else(corrupt)? {
            RunPart::Run => self.run = Some(codec::read_run(id, value)?),
            RunPart::PackedRun => self.packed = Some(value.to_vec()),
            RunPart::Metric(key) => {
                let point = keys::read_newest_point(value).ok_or_else(corrupt)?;
                self.loose.metrics.push((key.to_owned(), point));
            }
            RunPart::Param(key) => self.loose.params.push((key.to_owned(), codec::read_text(value)?)),
            RunPart::Tag(key) if value == REMOVED_TAG => self.loose.tags.push((key.to_owned(), None)),
            RunPart::Tag(key) => self.loose.tags.push((key.to_owned(), Some(codec::read_text(value)?))),
            RunPart::Input(dataset) => {
                let (name, digest) = keys::name_and_digest(dataset).ok_or_else(corrupt)?;
                let (tags, at) = read_input(value)?;
                self.links.inputs.push((at, RunInput { name, digest, tags }));
            }
            RunPart::ModelInput(model) => {
                let at = read_model_input(value)?;
                self.links.model_inputs.push((at, model.to_owned()));
            }
            RunPart::ModelOutput(model) => {
                let (step, at) = read_model_output(value)?;
                let model = model.to_owned();
                self.links.model_outputs.push((at, ModelOutput { model, step }));
            }
        }
        Ok(())
    }

    /// Returns the packed run merged with the values that are not compacted.
    pub(crate) fn values(&self) -> Result<PackedRun<'_>> {
        let packed = self.packed.as_deref().map(PackedRun::read).transpose()?;
        Ok(packed.unwrap_or_default().with(&self.loose))
    }

    pub(crate) fn assemble<'a>(&'a self, run: &'a Run, stage: Stage) -> Result<FullRun<'a>> {
        let PackedRun {
            metrics, params, tags, ..
        } = self.values()?;
        Ok(FullRun {
            run: Cow::Borrowed(run),
            stage,
            metrics,
            params,
            tags,
            inputs: in_order(&self.links.inputs),
            model_inputs: in_order(&self.links.model_inputs),
            model_outputs: in_order(&self.links.model_outputs),
        })
    }
}
