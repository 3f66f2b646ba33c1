//! The endpoint `runs/log-inputs`.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::EMPTY;
use super::pairs::{last_of_each, read_pairs};
use crate::domain::dataset::{Dataset, DatasetInput};
use crate::domain::id::RunId;
use crate::domain::limits::{
    DATASET_DIGEST_CHARS_MAX, DATASET_NAME_CHARS_MAX, DATASET_PROFILE_CHARS_MAX, DATASET_SCHEMA_CHARS_MAX,
    DATASET_SOURCE_CHARS_MAX, INPUTS_MAX, KEY_CHARS_MAX,
};
use crate::domain::name::validate_length;
use crate::domain::pair::INPUT_TAG;
use crate::error::{Error, Result};
use crate::host::clock::now_ns;
use crate::request::call::Call;
use crate::request::params::Params;
use crate::store::runs::inputs;

/// Links datasets and, since MLflow 3, logged models to a run.
pub async fn log_inputs(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let run = RunId::parse_well_formed(params.required_text("run_id")?)?;
    let (datasets, models) = (params.objects("datasets")?, params.objects("models")?);
    if datasets.len() > INPUTS_MAX || models.len() > INPUTS_MAX {
        return Err(Error::Invalid(format!(
            "{} datasets and {} models: at most {INPUTS_MAX} of each are allowed",
            datasets.len(),
            models.len()
        )));
    }
    let datasets = datasets.iter().map(read_input).collect::<Result<Vec<_>>>()?;
    let models = models.iter().map(read_model).collect::<Result<Vec<_>>>()?;
    inputs::log(run, &first_of_each(datasets), &models, now_ns()).await?;
    Ok(EMPTY.to_vec())
}

/// The inputs without repetitions. Of inputs of the same dataset the first counts.
fn first_of_each(inputs: Vec<DatasetInput>) -> Vec<DatasetInput> {
    let mut seen = BTreeSet::new();
    inputs
        .into_iter()
        .filter(|input| seen.insert((input.dataset.name.clone(), input.dataset.digest.clone())))
        .collect()
}

fn read_input(params: &Params<'_>) -> Result<DatasetInput> {
    // The last of equal keys counts. So an input has one context, and a request with many inputs fits into a
    // commit.
    let tags = last_of_each(read_pairs(params, "tags", INPUT_TAG)?);
    let dataset = params.required_object("dataset")?;
    let required = |name: &str, max| {
        let text = dataset.required_text(name)?;
        validate_length(&dataset.name(name), text, max).map(|()| text.to_owned())
    };
    let optional = |name: &str, max| {
        let Some(text) = dataset.text(name)?.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        validate_length(&dataset.name(name), text, max).map(|()| Some(text.to_owned()))
    };
    Ok(DatasetInput {
        tags,
        dataset: Rc::new(Dataset {
            name: required("name", DATASET_NAME_CHARS_MAX)?,
            digest: required("digest", DATASET_DIGEST_CHARS_MAX)?,
            source_type: required("source_type", DATASET_SOURCE_CHARS_MAX)?,
            source: required("source", DATASET_SOURCE_CHARS_MAX)?,
            schema: optional("schema", DATASET_SCHEMA_CHARS_MAX)?,
            profile: optional("profile", DATASET_PROFILE_CHARS_MAX)?,
        }),
    })
}

fn read_model(params: &Params<'_>) -> Result<String> {
    let id = params.required_text("model_id")?;
    validate_length(&params.name("model_id"), id, KEY_CHARS_MAX).map(|()| id.to_owned())
}
