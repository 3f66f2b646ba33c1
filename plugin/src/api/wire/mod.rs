//! The JSON objects of MLflow's answers. A field that MLflow's server does not set is omitted. A field that
//! it sets is written, even when it is empty or 0.

pub mod logged_models;
pub mod registry;
pub mod traces;
use serde::{Serialize, Serializer};

use crate::domain::actor::Actor;
use crate::domain::dataset::Dataset as DomainDataset;
use crate::domain::experiment::{Experiment as DomainExperiment, Pair};
use crate::domain::id::RunId;
use crate::domain::lifecycle::Stage;
use crate::domain::logged_model::{LoggedModelId, LoggedPoint};
use crate::domain::metric::Point;
use crate::domain::run::{ModelOutput as DomainOutput, Run as DomainRun, RunInput};
use crate::store::portion::answer_bytes;

#[derive(Serialize)]
struct KeyValue<'a> {
    key: &'a str,
    value: &'a str,
}

/// Tags or params in an answer.
pub struct KeyValues<'a>(pub &'a [Pair]);

impl KeyValues<'_> {
    /// True if there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for KeyValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(key, value)| KeyValue { key, value }))
    }
}

/// An experiment.
#[derive(Serialize)]
pub struct Experiment<'a> {
    experiment_id: String,
    name: &'a str,
    artifact_location: &'a str,
    lifecycle_stage: &'static str,
    last_update_time: i64,
    creation_time: i64,
    #[serde(skip_serializing_if = "KeyValues::is_empty")]
    tags: KeyValues<'a>,
}

impl<'a> Experiment<'a> {
    /// The experiment with its tags.
    pub fn new(experiment: &'a DomainExperiment, tags: &'a [Pair]) -> Self {
        Experiment {
            experiment_id: experiment.id.to_string(),
            name: &experiment.name,
            artifact_location: &experiment.artifact_location,
            lifecycle_stage: experiment.lifecycle.stage.name(),
            last_update_time: experiment.last_update_time_ms,
            creation_time: experiment.creation_time_ms,
            tags: KeyValues(tags),
        }
    }
}

/// A run without its metrics, params, tags and inputs.
#[derive(Serialize)]
pub struct RunInfo<'a> {
    run_uuid: String,
    experiment_id: String,
    run_name: &'a str,
    user_id: &'a str,
    status: &'static str,
    start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    artifact_uri: &'a str,
    lifecycle_stage: &'static str,
    run_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<Author<'a>>,
}

/// The user who created an item, as the forge knew them. MLflow has no such field, and its clients ignore it.
#[derive(Serialize)]
pub struct Author<'a> {
    id: &'a str,
    login: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

impl<'a> Author<'a> {
    /// The author of an item. `None`: it has none.
    pub fn of(author: &'a Option<Actor>) -> Option<Self> {
        author.as_ref().map(|author| Author {
            id: &author.id,
            login: &author.login,
            name: author.name.as_deref(),
        })
    }
}

impl<'a> RunInfo<'a> {
    /// The run with its effective stage.
    pub fn new(run: &'a DomainRun, stage: Stage) -> Self {
        RunInfo {
            run_uuid: run.id.to_string(),
            experiment_id: run.experiment.to_string(),
            run_name: &run.name,
            user_id: &run.user_id,
            status: run.status.name(),
            start_time: run.start_time_ms,
            end_time: run.end_time_ms,
            artifact_uri: &run.artifact_uri,
            lifecycle_stage: stage.name(),
            run_id: run.id.to_string(),
            author: Author::of(&run.author),
        }
    }
}

#[derive(Serialize)]
struct Metric<'a> {
    key: &'a str,
    value: Float,
    timestamp: i64,
    step: i64,
}

impl<'a> Metric<'a> {
    fn new(key: &'a str, point: Point) -> Self {
        Metric {
            key,
            value: Float(point.value),
            timestamp: point.timestamp_ms,
            step: point.step,
        }
    }
}

/// A point of a metric, with its run.
#[derive(Serialize)]
pub struct MetricOfRun<'a> {
    #[serde(flatten)]
    metric: Metric<'a>,
    run_id: String,
}

impl<'a> MetricOfRun<'a> {
    /// The point with the metric's name and the run.
    pub fn new(key: &'a str, (run, point): (RunId, Point)) -> Self {
        MetricOfRun {
            metric: Metric::new(key, point),
            run_id: run.to_string(),
        }
    }
}

/// A point of a metric of a logged model.
#[derive(Serialize)]
pub struct MetricOfModel<'a> {
    #[serde(flatten)]
    metric: Metric<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    dataset_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    dataset_digest: &'a str,
    model_id: String,
    run_id: String,
}

impl<'a> MetricOfModel<'a> {
    /// The point with its model.
    pub fn new(model: LoggedModelId, logged: &'a LoggedPoint) -> Self {
        MetricOfModel {
            metric: Metric::new(&logged.key, logged.point),
            dataset_name: &logged.dataset.name,
            dataset_digest: &logged.dataset.digest,
            model_id: model.to_string(),
            run_id: logged.run.to_string(),
        }
    }
}

/// A float. JSON has no NaN, so it is written as a text, as protobuf does.
pub struct Float(pub f64);

impl Serialize for Float {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_nan() {
            serializer.serialize_str("NaN")
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

/// A dataset that a run used.
#[derive(Serialize)]
pub struct InputDataset<'a> {
    #[serde(skip_serializing_if = "KeyValues::is_empty")]
    tags: KeyValues<'a>,
    dataset: Dataset<'a>,
}

impl<'a> InputDataset<'a> {
    /// The dataset in at most `bytes_max` bytes. Its schema and profile are omitted where they do not fit.
    /// `None`: even the rest does not fit.
    pub fn within(bytes_max: usize, input: &'a RunInput, dataset: &'a DomainDataset) -> Option<Self> {
        let size = |text: &str| answer_bytes(text.as_bytes());
        let tags = input
            .tags
            .iter()
            .map(|(key, value)| KEY_VALUE_BYTES + size(key) + size(value));
        let texts = [&dataset.name, &dataset.digest, &dataset.source_type, &dataset.source];
        let rest = tags.sum::<usize>() + texts.map(|text| size(text)).iter().sum::<usize>() + DATASET_BYTES;
        let mut room = bytes_max.checked_sub(rest)?;
        let mut fitting = |text: &'a Option<String>| {
            let text = text.as_deref()?;
            room = room.checked_sub(size(text))?;
            Some(text)
        };
        let (schema, profile) = (fitting(&dataset.schema), fitting(&dataset.profile));
        Some(InputDataset {
            tags: KeyValues(&input.tags),
            dataset: Dataset {
                name: &dataset.name,
                digest: &dataset.digest,
                source_type: &dataset.source_type,
                source: &dataset.source,
                schema,
                profile,
            },
        })
    }
}

/// Bytes of a tag besides its texts.
const KEY_VALUE_BYTES: usize = 24;

/// Bytes of a dataset besides its texts.
const DATASET_BYTES: usize = 128;

#[derive(Serialize)]
struct Dataset<'a> {
    name: &'a str,
    digest: &'a str,
    source_type: &'a str,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
}

/// A logged model that a run used.
#[derive(Serialize)]
pub struct ModelInput<'a> {
    /// Its id.
    pub model_id: &'a str,
}

/// A logged model that a run produced.
#[derive(Serialize)]
pub struct ModelOutput<'a> {
    model_id: &'a str,
    step: i64,
}

impl<'a> From<&'a DomainOutput> for ModelOutput<'a> {
    fn from(output: &'a DomainOutput) -> Self {
        ModelOutput {
            model_id: &output.model,
            step: output.step,
        }
    }
}
