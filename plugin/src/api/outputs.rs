//! The endpoints `runs/outputs` and, for clients before MLflow 3, `runs/log-model`.

use serde_json::{Map, Value};

use super::EMPTY;
use crate::domain::id::RunId;
use crate::domain::limits::{KEY_CHARS_MAX, OUTPUTS_MAX};
use crate::domain::name::{missing, validate_length};
use crate::domain::pair::RUN_TAG;
use crate::domain::run::ModelOutput;
use crate::error::{Error, Result};
use crate::host::clock::{now_ms, now_ns};
use crate::request::call::Call;
use crate::request::json::Json;
use crate::request::json_list::{appended, written};
use crate::request::params::Params;
use crate::store::runs;
use crate::store::runs::outputs;

/// The tag of a run in which clients before MLflow 3 store, as JSON, the models logged to it.
const HISTORY_TAG: &str = "mlflow.log-model.history";

/// Links logged models to the run that produced them.
pub async fn log_outputs(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let run = RunId::parse(params.required_text("run_id")?)?;
    let models = params.objects("models")?;
    if models.is_empty() {
        return Err(missing("models"));
    }
    if models.len() > OUTPUTS_MAX {
        let count = models.len();
        return Err(Error::Invalid(format!(
            "{count} models: at most {OUTPUTS_MAX} are allowed"
        )));
    }
    let models = models.iter().map(output).collect::<Result<Vec<_>>>()?;
    outputs::log(run, &models, now_ns()).await?;
    Ok(EMPTY.to_vec())
}

fn output(params: &Params<'_>) -> Result<ModelOutput> {
    let model = params.required_text("model_id")?;
    validate_length(&params.name("model_id"), model, KEY_CHARS_MAX)?;
    Ok(ModelOutput {
        model: model.to_owned(),
        step: params.integer("step")?.unwrap_or(0),
    })
}

/// Records in a tag of a run that a model was logged to it.
pub async fn log_model(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let run = RunId::parse(params.required_text("run_id")?)?;
    let note = note(params.required_text("model_json")?)?;
    runs::edit_tag(run, HISTORY_TAG, now_ms(), |history| {
        let history = written(&appended(history, &note, |known| *known == note))?;
        RUN_TAG.stored_value(|| HISTORY_TAG.to_owned(), HISTORY_TAG, &history)
    })
    .await?;
    Ok(EMPTY.to_vec())
}

/// The recorded fields of a model: its path, run and creation time, and its flavors without their
/// configuration.
fn note(model_json: &str) -> Result<Value> {
    let malformed = || Error::Invalid(format!("Malformed model info. \n {model_json} \n is not a valid JSON."));
    // The bounded reader goes first: a text of a few megabytes may have more values than fit into memory.
    let bounded = serde_json::from_str::<Json<'_>>(model_json);
    bounded.map_err(|error| Error::Invalid(format!("Malformed model info: {error}.")))?;
    let Ok(Value::Object(model)) = serde_json::from_str(model_json) else {
        return Err(malformed());
    };
    let needed = ["artifact_path", "flavors", "utc_time_created", "run_id"];
    let absent: Vec<String> = needed
        .iter()
        .filter(|field| !model.contains_key(**field))
        .map(|field| format!("'{field}'"))
        .collect();
    if !absent.is_empty() {
        return Err(Error::Invalid(format!(
            "Model json is missing mandatory fields: {{{}}}",
            absent.join(", ")
        )));
    }
    let mut noted: Map<String, Value> = ["run_id", "artifact_path", "utc_time_created", "model_uuid"]
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), model.get(*field)?.clone())))
        .collect();
    noted.insert("flavors".to_owned(), flavors(model.get("flavors")));
    Ok(Value::Object(noted))
}

fn flavors(flavors: Option<&Value>) -> Value {
    let mut flavors = flavors.and_then(Value::as_object).cloned().unwrap_or_default();
    for flavor in flavors.values_mut() {
        if let Value::Object(fields) = flavor {
            fields.remove("config");
        }
    }
    Value::Object(flavors)
}
