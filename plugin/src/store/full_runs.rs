//! Runs with everything that is logged to them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::codec::link::{LoggedAt, read_input, read_model_input, read_model_output};
use super::experiments::Stored as StoredExperiment;
use super::keys::RunPart;
use super::packed::{Loose, Packed, REMOVED_TAG};
use super::records::{get_all, scan_all};
use super::{codec, keys};
use crate::domain::dataset::{Dataset, DatasetInput};
use crate::domain::experiment::Pair;
use crate::domain::id::RunId;
use crate::domain::lifecycle::{Lifecycle, Stage};
use crate::domain::run::{FullRun, ModelOutput, Run};
use crate::error::{Error, Result};

/// Datasets that are read at once: each may have megabytes.
const DATASETS_AT_ONCE: usize = 3;

/// Runs as they were read, in the order asked.
pub struct FullRuns {
    runs: Vec<(Run, Stage, Parts)>,
    datasets: BTreeMap<Vec<u8>, Rc<Dataset>>,
}

impl FullRuns {
    /// The runs with all that was logged to them, most of which lies in the records that were read.
    pub fn iter(&self) -> impl Iterator<Item = Result<FullRun<'_>>> {
        self.runs
            .iter()
            .map(|(run, stage, parts)| parts.assemble(run, *stage, &self.datasets))
    }
}

/// Reads runs with everything that is logged to them, in the order asked; those that do not exist are left out.
pub async fn read_all(ids: &[RunId]) -> Result<FullRuns> {
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
        .filter_map(|mut parts| {
            parts.links.sort();
            parts.run.take().map(|run| (parts, run))
        })
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
    let with_stage = |(parts, run): (Parts, Run)| {
        let stage = lifecycles
            .get(&run.experiment)
            .map_or(run.lifecycle.stage, |experiment| run.lifecycle.of_run(*experiment));
        (run, stage, parts)
    };
    Ok(FullRuns {
        runs: parts.into_iter().map(with_stage).collect(),
        datasets,
    })
}

/// The datasets that some runs read, each once, by key.
async fn read_datasets(parts: &[(Parts, Run)]) -> Result<BTreeMap<Vec<u8>, Rc<Dataset>>> {
    let named = parts
        .iter()
        .flat_map(|(parts, run)| parts.links.inputs.iter().map(|(_, (name, _))| (run.experiment, name)));
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
pub(super) struct Parts {
    pub(super) run: Option<Run>,
    /// As it is stored.
    pub(super) packed: Option<Vec<u8>>,
    pub(super) loose: Loose,
    links: Links,
}

/// Things with when each was logged.
type Logged<T> = Vec<(Option<LoggedAt>, T)>;

/// A dataset input: name and digest as in the key, and tags.
type Input = (Vec<u8>, Vec<Pair>);

/// What a run read and made.
#[derive(Default)]
struct Links {
    inputs: Logged<Input>,
    model_inputs: Logged<String>,
    model_outputs: Logged<ModelOutput>,
}

impl Links {
    /// From the order of keys into that of logging. What was stored without a time comes first, by key.
    fn sort(&mut self) {
        self.inputs.sort_by_key(|(at, _)| *at);
        self.model_inputs.sort_by_key(|(at, _)| *at);
        self.model_outputs.sort_by_key(|(at, _)| *at);
    }
}

impl Parts {
    /// Takes in one record.
    pub(super) fn add(&mut self, id: RunId, key: &[u8], value: &[u8]) -> Result<()> {
        let corrupt = || Error::Corrupt(format!("a record of run {id}"));
        match keys::run_part(key).ok_or_else(corrupt)? {
            RunPart::Run => self.run = Some(codec::read_run(id, value)?),
            RunPart::Packed => self.packed = Some(value.to_vec()),
            RunPart::Metric(key) => {
                let point = keys::read_newest_point(value).ok_or_else(corrupt)?;
                self.loose.metrics.push((key.to_owned(), point));
            }
            RunPart::Param(key) => self.loose.params.push((key.to_owned(), codec::read_text(value)?)),
            RunPart::Tag(key) if value == REMOVED_TAG => self.loose.tags.push((key.to_owned(), None)),
            RunPart::Tag(key) => self.loose.tags.push((key.to_owned(), Some(codec::read_text(value)?))),
            RunPart::Input(dataset) => {
                let (tags, at) = read_input(value)?;
                self.links.inputs.push((at, (dataset.to_vec(), tags)));
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

    /// What is packed, with what is not.
    pub(super) fn values(&self) -> Result<Packed<'_>> {
        let packed = self.packed.as_deref().map(Packed::read).transpose()?;
        Ok(packed.unwrap_or_default().with(&self.loose))
    }

    fn assemble<'a>(
        &'a self,
        run: &'a Run,
        stage: Stage,
        datasets: &BTreeMap<Vec<u8>, Rc<Dataset>>,
    ) -> Result<FullRun<'a>> {
        let links = &self.links;
        let input = |(_, (name, tags)): &(_, Input)| {
            let dataset = datasets.get(&keys::dataset_of_input(run.experiment, name))?;
            Some(DatasetInput {
                tags: tags.clone(),
                dataset: Rc::clone(dataset),
            })
        };
        let Packed {
            metrics, params, tags, ..
        } = self.values()?;
        Ok(FullRun {
            run: Cow::Borrowed(run),
            stage,
            metrics,
            params,
            tags,
            inputs: links.inputs.iter().filter_map(input).collect(),
            model_inputs: links.model_inputs.iter().map(|(_, model)| model.clone()).collect(),
            model_outputs: links.model_outputs.iter().map(|(_, output)| output.clone()).collect(),
        })
    }
}
