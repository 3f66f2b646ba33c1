//! The JSON objects of logged models in MLflow's answers, by the rules of `wire`.

use serde::Serialize;

use super::{KeyValues, MetricOfModel};
use crate::domain::logged_model::FullLoggedModel;

/// A logged model.
#[derive(Serialize)]
pub struct Model<'a> {
    info: Info<'a>,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Info<'a> {
    model_id: String,
    experiment_id: String,
    name: &'a str,
    creation_timestamp_ms: i64,
    last_updated_timestamp_ms: i64,
    artifact_uri: &'a str,
    status: &'static str,
    model_type: &'a str,
    source_run_id: &'a str,
    #[serde(skip_serializing_if = "KeyValues::is_empty")]
    tags: KeyValues<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    #[serde(skip_serializing_if = "KeyValues::is_empty")]
    params: KeyValues<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<MetricOfModel<'a>>,
}

impl<'a> From<&'a FullLoggedModel> for Model<'a> {
    fn from(full: &'a FullLoggedModel) -> Self {
        let (known, model) = (&full.known, &full.known.model);
        Model {
            info: Info {
                model_id: model.id.to_string(),
                experiment_id: model.experiment.to_string(),
                name: &model.name,
                creation_timestamp_ms: model.creation_time_ms,
                last_updated_timestamp_ms: model.last_update_time_ms,
                artifact_uri: &model.artifact_uri,
                status: model.status.name(),
                model_type: &model.kind,
                source_run_id: &model.source_run,
                tags: KeyValues(&known.tags),
            },
            data: Data {
                params: KeyValues(&known.params),
                metrics: full
                    .points
                    .iter()
                    .map(|point| MetricOfModel::new(model.id, point))
                    .collect(),
            },
        }
    }
}
