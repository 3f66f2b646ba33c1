//! A run in a GraphQL answer: with its experiment, the versions that were made from it, and its datasets.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::rc::Rc;

use super::types::{
    DatasetInput, Experiment, ModelInput, ModelOutput, ModelVersion, Run, RunData, RunInfo, RunInputs, RunOutputs,
    metrics, of_run,
};
use crate::api::write_json;
use crate::domain::dataset::Dataset;
use crate::domain::experiment::{Experiment as DomainExperiment, Pair};
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::run::{FullRun, RunInput, TextPair};
use crate::domain::version::FullVersion;
use crate::error::Result;
use crate::search::versions::{VersionOrder, VersionSearch};
use crate::store::experiments;
use crate::store::portion::answer_bytes;
use crate::store::registry::version_read::{LATEST_BYTES_MAX, VersionRef};
use crate::store::registry::version_search::VersionQuery;
use crate::store::registry::{version_read, version_search};
use crate::store::runs::dataset_reader::DatasetReader;

/// The largest number of versions that are shown of a run.
const VERSIONS_MAX: usize = 100;

/// The largest size of a run in an answer, in bytes, without what serves all runs of it. Lists are cut at this size, and
/// datasets that do not fit are left out.
const RUN_BYTES_MAX: usize = 32 << 20;

/// Bytes of an item of a list besides its texts.
const ITEM_BYTES: usize = 160;

/// Reads what belongs to runs. Runs of one answer mostly share their experiment.
#[derive(Default)]
pub(super) struct RunReader {
    experiments: BTreeMap<ExperimentId, (DomainExperiment, Vec<Pair>)>,
    datasets: DatasetReader,
}

impl RunReader {
    /// Writes a run.
    pub(super) async fn write(&mut self, body: &mut Vec<u8>, full: &FullRun<'_>) -> Result<()> {
        let mut room = Room(RUN_BYTES_MAX);
        let metric_count = room.count(&full.metrics, |metric| answer_bytes(metric.key.as_bytes()));
        let params = room.pairs(&full.params);
        let tags = room.pairs(&full.tags);
        let datasets = self.datasets_of(full, &mut room).await?;
        let versions = versions_of(full.run.id).await?;
        let (experiment, experiment_tags) = self.experiment_of(full.run.experiment).await?;
        let run = Run {
            info: RunInfo::new(&full.run, full.stage),
            experiment: Experiment::new(experiment, experiment_tags),
            model_versions: versions.iter().map(ModelVersion::from).collect(),
            data: RunData {
                metrics: metrics(full, metric_count),
                params: of_run("MlflowParam", params),
                tags: of_run("MlflowRunTag", tags),
            },
            inputs: RunInputs {
                dataset_inputs: datasets
                    .iter()
                    .map(|(dataset, input)| DatasetInput::new(dataset, &input.tags))
                    .collect(),
                model_inputs: full
                    .model_inputs
                    .iter()
                    .map(|model_id| ModelInput { model_id })
                    .collect(),
            },
            outputs: RunOutputs {
                model_outputs: full.model_outputs.iter().map(ModelOutput::from).collect(),
            },
        };
        write_json(body, &run)
    }

    async fn experiment_of(&mut self, id: ExperimentId) -> Result<&(DomainExperiment, Vec<Pair>)> {
        Ok(match self.experiments.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let stored = experiments::load(id).await?;
                let tags = experiments::tags(&[id]).await?.pop().unwrap_or_default();
                new.insert((stored.experiment, tags))
            }
        })
    }

    /// The datasets that a run used, as far as there is room.
    async fn datasets_of<'a>(
        &mut self,
        full: &'a FullRun<'_>,
        room: &mut Room,
    ) -> Result<Vec<(Rc<Dataset>, &'a RunInput)>> {
        let experiment = full.run.experiment;
        let inputs = full.inputs.iter().map(|input| (experiment, input));
        self.datasets.read_ahead(inputs).await?;
        let mut datasets = Vec::new();
        for input in full.inputs.iter() {
            let Some(dataset) = self.datasets.read(experiment, input).await? else {
                continue;
            };
            if !room.take(bytes_of(&dataset, input)) {
                break;
            }
            datasets.push((dataset, input));
        }
        Ok(datasets)
    }
}

/// The bytes of a dataset in an answer, with the tags of its use.
fn bytes_of(dataset: &Dataset, input: &RunInput) -> usize {
    let optional = [&dataset.schema, &dataset.profile].map(|text| text.as_deref().unwrap_or_default());
    let texts = [&dataset.name, &dataset.digest, &dataset.source_type, &dataset.source];
    let texts = texts.map(String::as_str).into_iter().chain(optional);
    let tags = input.tags.iter().map(|(key, value)| bytes_of_pair(key, value));
    tags.sum::<usize>() + texts.map(|text| answer_bytes(text.as_bytes())).sum::<usize>()
}

fn bytes_of_pair(key: &str, value: &str) -> usize {
    ITEM_BYTES + answer_bytes(key.as_bytes()) + answer_bytes(value.as_bytes())
}

/// The number of bytes that a run may still take.
struct Room(usize);

impl Room {
    /// Takes the bytes of an item. False: it does not fit, and nothing that follows does.
    fn take(&mut self, bytes: usize) -> bool {
        match self.0.checked_sub(ITEM_BYTES.saturating_add(bytes)) {
            Some(left) => {
                self.0 = left;
                true
            }
            None => {
                self.0 = 0;
                false
            }
        }
    }

    /// The number of first items that fit.
    fn count<T>(&mut self, items: &[T], bytes: impl Fn(&T) -> usize) -> usize {
        items.iter().take_while(|item| self.take(bytes(item))).count()
    }

    /// The first pairs that fit.
    fn pairs<'a, 'b>(&mut self, pairs: &'a [TextPair<'b>]) -> &'a [TextPair<'b>] {
        let count = self.count(pairs, |(key, value)| bytes_of_pair(key, value));
        pairs.get(..count).unwrap_or_default()
    }
}

/// The versions that were made from a run.
async fn versions_of(run: RunId) -> Result<Vec<FullVersion>> {
    let query = VersionQuery {
        search: VersionSearch::parse(&format!("run_id = '{run}'"))?,
        order: VersionOrder::parse(&[])?,
        after: None,
        count: VERSIONS_MAX,
    };
    let found = version_search::find(&query).await?;
    let wanted = found.items.iter();
    let wanted = wanted.map(|found| VersionRef::new(Rc::clone(&found.model_name), found.model, found.number));
    let read = version_read::read_some(&wanted.collect::<Vec<_>>(), LATEST_BYTES_MAX).await?;
    Ok(read.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn a_run_takes_no_more_room_than_there_is() {
        let mut room = Room(2 * ITEM_BYTES + 3);
        let pairs: Vec<TextPair<'_>> = ["a", "b", "c"]
            .map(|key| (Cow::Borrowed(key), Cow::Borrowed("")))
            .to_vec();
        assert_eq!(room.count(&pairs, |(key, _)| key.len()), 2);
        assert!(!room.take(0));
    }
}
