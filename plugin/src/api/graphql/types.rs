//! The objects of GraphQL answers. Every field is written, since a client takes a missing one for a fault. A 64-bit number is a
//! text, as MLflow's schema has it.

use serde::{Serialize, Serializer};

use crate::domain::dataset::Dataset as DomainDataset;
use crate::domain::experiment::{Experiment as DomainExperiment, Pair};
use crate::domain::id::RunId;
use crate::domain::lifecycle::Stage;
use crate::domain::metric::Point;
use crate::domain::run::{FullRun, ModelOutput as DomainOutput, Run as DomainRun, TextPair};
use crate::domain::version::FullVersion;

/// A 64-bit number.
struct Long(i64);

impl Serialize for Long {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A tag or a param.
#[derive(Serialize)]
pub(super) struct KeyValue<'a> {
    #[serde(rename = "__typename")]
    kind: &'static str,
    key: &'a str,
    value: &'a str,
}

/// Tags or params that belong to something of this type.
fn pairs<'a>(kind: &'static str, pairs: &'a [Pair]) -> Vec<KeyValue<'a>> {
    let pair = |(key, value): &'a Pair| KeyValue { kind, key, value };
    pairs.iter().map(pair).collect()
}

/// Tags or params of a run.
pub(super) fn of_run<'a>(kind: &'static str, pairs: &'a [TextPair<'a>]) -> Vec<KeyValue<'a>> {
    let pair = |(key, value): &'a TextPair<'a>| KeyValue { kind, key, value };
    pairs.iter().map(pair).collect()
}

/// An experiment.
#[derive(Serialize)]
#[serde(tag = "__typename", rename = "MlflowExperiment", rename_all = "camelCase")]
pub(super) struct Experiment<'a> {
    artifact_location: &'a str,
    creation_time: Long,
    /// MLflow archives traces; this server does not.
    effective_trace_archival_retention: Option<&'a str>,
    experiment_id: String,
    last_update_time: Long,
    lifecycle_stage: &'static str,
    name: &'a str,
    tags: Vec<KeyValue<'a>>,
}

impl<'a> Experiment<'a> {
    /// The experiment with its tags.
    pub(super) fn new(experiment: &'a DomainExperiment, tags: &'a [Pair]) -> Self {
        Experiment {
            artifact_location: &experiment.artifact_location,
            creation_time: Long(experiment.creation_time_ms),
            effective_trace_archival_retention: None,
            experiment_id: experiment.id.to_string(),
            last_update_time: Long(experiment.last_update_time_ms),
            lifecycle_stage: experiment.lifecycle.stage.name(),
            name: &experiment.name,
            tags: pairs("MlflowExperimentTag", tags),
        }
    }
}

/// A run with everything around it.
#[derive(Serialize)]
#[serde(tag = "__typename", rename = "MlflowRunExtension", rename_all = "camelCase")]
pub(super) struct Run<'a> {
    pub(super) info: RunInfo<'a>,
    pub(super) experiment: Experiment<'a>,
    pub(super) model_versions: Vec<ModelVersion<'a>>,
    pub(super) data: RunData<'a>,
    pub(super) inputs: RunInputs<'a>,
    pub(super) outputs: RunOutputs<'a>,
}

/// A run without what was logged to it.
#[derive(Serialize)]
#[serde(tag = "__typename", rename = "MlflowRunInfo", rename_all = "camelCase")]
pub(super) struct RunInfo<'a> {
    run_name: &'a str,
    status: &'static str,
    run_uuid: String,
    run_id: String,
    experiment_id: String,
    artifact_uri: &'a str,
    end_time: Option<Long>,
    lifecycle_stage: &'static str,
    start_time: Long,
    user_id: &'a str,
}

impl<'a> RunInfo<'a> {
    /// The run with its effective stage.
    pub(super) fn new(run: &'a DomainRun, stage: Stage) -> Self {
        RunInfo {
            run_name: &run.name,
            status: run.status.name(),
            run_uuid: run.id.to_string(),
            run_id: run.id.to_string(),
            experiment_id: run.experiment.to_string(),
            artifact_uri: &run.artifact_uri,
            end_time: run.end_time_ms.map(Long),
            lifecycle_stage: stage.name(),
            start_time: Long(run.start_time_ms),
            user_id: &run.user_id,
        }
    }
}

/// The params, tags and newest points of a run.
#[derive(Serialize)]
#[serde(tag = "__typename", rename = "MlflowRunData", rename_all = "camelCase")]
pub(super) struct RunData<'a> {
    pub(super) metrics: Vec<Metric<'a>>,
    pub(super) params: Vec<KeyValue<'a>>,
    pub(super) tags: Vec<KeyValue<'a>>,
}

/// The newest point of a metric. A value that is no number of JSON is null, as MLflow's server has it.
#[derive(Serialize)]
#[serde(tag = "__typename", rename = "MlflowMetricExtension", rename_all = "camelCase")]
pub(super) struct Metric<'a> {
    key: &'a str,
    value: f64,
    step: Long,
    timestamp: Long,
}

/// The newest points of a run.
pub(super) fn metrics<'a>(full: &'a FullRun<'a>, count: usize) -> Vec<Metric<'a>> {
    let metrics = full.metrics.iter().take(count);
    let metric = metrics.map(|metric| Metric {
        key: &metric.key,
        value: metric.point.value,
        step: Long(metric.point.step),
        timestamp: Long(metric.point.timestamp_ms),
    });
    metric.collect()
}

/// A version that was made from a run.
#[derive(Serialize)]
#[serde(tag = "__typename", rename = "MlflowModelVersion", rename_all = "camelCase")]
pub(super) struct ModelVersion<'a> {
    status: &'static str,
    version: String,
    name: &'a str,
    source: &'a str,
    creation_timestamp: Long,
}

impl<'a> From<&'a FullVersion> for ModelVersion<'a> {
    fn from(full: &'a FullVersion) -> Self {
        let version = &full.version;
        ModelVersion {
            status: "READY",
            version: version.number.to_string(),
            name: &full.model_name,
            source: &version.source,
            creation_timestamp: Long(version.creation_time_ms),
        }
    }
}

/// The datasets and logged models that a run used.
#[derive(Serialize)]
#[serde(tag = "__typename", rename = "MlflowRunInputs", rename_all = "camelCase")]
pub(super) struct RunInputs<'a> {
    pub(super) dataset_inputs: Vec<DatasetInput<'a>>,
    pub(super) model_inputs: Vec<ModelInput<'a>>,
}

/// A dataset that a run used, with the tags of that use.
#[derive(Serialize)]
#[serde(tag = "__typename", rename = "MlflowDatasetInput", rename_all = "camelCase")]
pub(super) struct DatasetInput<'a> {
    dataset: Dataset<'a>,
    tags: Vec<KeyValue<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "__typename", rename = "MlflowDataset", rename_all = "camelCase")]
struct Dataset<'a> {
    digest: &'a str,
    name: &'a str,
    profile: Option<&'a str>,
    schema: Option<&'a str>,
    source: &'a str,
    source_type: &'a str,
}

impl<'a> DatasetInput<'a> {
    /// The use of a dataset with its tags.
    pub(super) fn new(dataset: &'a DomainDataset, tags: &'a [Pair]) -> Self {
        DatasetInput {
            dataset: Dataset {
                digest: &dataset.digest,
                name: &dataset.name,
                profile: dataset.profile.as_deref(),
                schema: dataset.schema.as_deref(),
                source: &dataset.source,
                source_type: &dataset.source_type,
            },
            tags: pairs("MlflowInputTag", tags),
        }
    }
}

/// A logged model that a run used.
#[derive(Serialize)]
#[serde(tag = "__typename", rename = "MlflowModelInput", rename_all = "camelCase")]
pub(super) struct ModelInput<'a> {
    pub(super) model_id: &'a str,
}

/// The logged models that a run produced.
#[derive(Serialize)]
#[serde(tag = "__typename", rename = "MlflowRunOutputs", rename_all = "camelCase")]
pub(super) struct RunOutputs<'a> {
    pub(super) model_outputs: Vec<ModelOutput<'a>>,
}

/// A logged model that a run produced.
#[derive(Serialize)]
#[serde(tag = "__typename", rename = "MlflowModelOutput", rename_all = "camelCase")]
pub(super) struct ModelOutput<'a> {
    model_id: &'a str,
    step: Long,
}

impl<'a> From<&'a DomainOutput> for ModelOutput<'a> {
    fn from(output: &'a DomainOutput) -> Self {
        ModelOutput {
            model_id: &output.model,
            step: Long(output.step),
        }
    }
}

/// A point of a history, with its run.
#[derive(Serialize)]
#[serde(tag = "__typename", rename = "MlflowMetricWithRunId", rename_all = "camelCase")]
pub(super) struct HistoryPoint<'a> {
    timestamp: Long,
    step: Long,
    run_id: String,
    key: &'a str,
    value: f64,
}

impl<'a> HistoryPoint<'a> {
    /// A point of this metric.
    pub(super) fn new(key: &'a str, run: RunId, point: Point) -> Self {
        HistoryPoint {
            timestamp: Long(point.timestamp_ms),
            step: Long(point.step),
            run_id: run.to_string(),
            key,
            value: point.value,
        }
    }
}
