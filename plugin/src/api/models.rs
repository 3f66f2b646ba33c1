//! The endpoints of `registered-models/…`, except aliases.

use std::collections::BTreeSet;

use serde::Serialize;

use super::paging::{self, PageWriter, page_size};
use super::pairs::{read_pair, read_pairs};
use super::wire::registry::{Model, Version};
use super::{EMPTY, json};
use crate::domain::alias::is_latest;
use crate::domain::experiment::Pair;
use crate::domain::id::ModelId;
use crate::domain::limits::{DESCRIPTION_CHARS_MAX, MODELS_PER_PAGE_DEFAULT, MODELS_PER_PAGE_MAX};
use crate::domain::model::{FullModel, validate_model_name, validate_new_model_name};
use crate::domain::name::validate_length;
use crate::domain::pair::REGISTRY_TAG;
use crate::domain::semver::SemVer;
use crate::domain::stage::ModelStage;
use crate::domain::version::{VersionKind, VersionName};
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::params::Params;
use crate::search::cursor::Pages;
use crate::search::models::{ModelOrder, ModelSearch};
use crate::store::registry::latest::Latest;
use crate::store::registry::model_search::ModelQuery;
use crate::store::registry::{latest, model_name, model_search, models, version_read};

#[derive(Serialize)]
struct ModelResponse<'a> {
    registered_model: Model<'a>,
}

fn found(model: &FullModel) -> Result<Vec<u8>> {
    json(&ModelResponse {
        registered_model: model.into(),
    })
}

/// The name of the model in a request.
pub fn name<'a>(params: &Params<'a>) -> Result<&'a str> {
    let name = params.required_text("name")?;
    validate_model_name("name", name)?;
    Ok(name)
}

/// The description in a request. `None`: it has none.
pub fn description<'a>(params: &Params<'a>) -> Result<Option<&'a str>> {
    let description = params.text("description")?;
    validate_length("description", description.unwrap_or_default(), DESCRIPTION_CHARS_MAX)?;
    Ok(description)
}

/// The tags in a request. The last of equal keys counts.
pub fn tags(params: &Params<'_>) -> Result<Vec<Pair>> {
    read_pairs(params, "tags", REGISTRY_TAG)
}

/// The tag in a request.
pub fn tag(params: &Params<'_>) -> Result<Pair> {
    read_pair(params, REGISTRY_TAG)
}

/// The key of the tag that a request deletes. One that only the server writes is refused.
pub fn tag_key<'a>(params: &Params<'a>) -> Result<&'a str> {
    let key = params.required_text("key")?;
    REGISTRY_TAG.validate_key("key", key)?;
    REGISTRY_TAG.ensure_removable(key)?;
    Ok(key)
}

/// Creates a model and its experiment.
pub async fn create(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let name = params.required_text("name")?;
    validate_new_model_name("name", name)?;
    let description = description(params)?.unwrap_or_default();
    let author = call.actor.author();
    found(&models::create(name, description, &tags(params)?, author.as_ref(), now_ms()).await?)
}

/// Reads a model.
pub async fn get(call: Call<'_>) -> Result<Vec<u8>> {
    found(&models::read_named(name(&call.params)?).await?)
}

/// Changes a model's description. Without a description in the request, the model has none afterwards.
pub async fn update(call: Call<'_>) -> Result<Vec<u8>> {
    let description = description(&call.params)?.unwrap_or_default();
    found(&models::describe(name(&call.params)?, description, now_ms()).await?)
}

/// Renames a model and its experiment.
pub async fn rename(call: Call<'_>) -> Result<Vec<u8>> {
    let new_name = call.params.required_text("new_name")?;
    validate_new_model_name("new_name", new_name)?;
    found(&models::rename(name(&call.params)?, new_name, now_ms()).await?)
}

/// Deletes a model with its versions and its experiment.
pub async fn delete(call: Call<'_>) -> Result<Vec<u8>> {
    models::delete(name(&call.params)?, now_ms()).await?;
    Ok(EMPTY.to_vec())
}

/// Sets a tag.
pub async fn set_tag(call: Call<'_>) -> Result<Vec<u8>> {
    let (name, (key, value)) = (name(&call.params)?, tag(&call.params)?);
    if REGISTRY_TAG.is_of_server(&key) {
        models::load(name).await?;
    } else {
        models::set_tag(name, &key, &value).await?;
    }
    Ok(EMPTY.to_vec())
}

/// Deletes a tag.
pub async fn delete_tag(call: Call<'_>) -> Result<Vec<u8>> {
    models::delete_tag(name(&call.params)?, tag_key(&call.params)?).await?;
    Ok(EMPTY.to_vec())
}

/// Searches models. By default they are ordered by name.
pub async fn search(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let filter = params.text("filter")?.unwrap_or_default();
    let order_by = params.texts("order_by")?;
    let order = ModelOrder::parse(&order_by)?;
    let pages = Pages::of(("registered models", filter, order_by));
    let token = params.text("page_token")?.unwrap_or_default();
    let query = ModelQuery {
        search: ModelSearch::parse(filter)?,
        after: pages.after(token, |bytes| order.read_key(bytes).is_some())?,
        count: page_size(params, MODELS_PER_PAGE_DEFAULT, MODELS_PER_PAGE_MAX)?,
        order,
    };
    let found = model_search::find(&query).await?;
    let write = async |page: &mut PageWriter, model: FullModel| page.add(&Model::from(&model));
    paging::write("registered_models", pages, &found, models::read_some, write).await
}

#[derive(Serialize)]
struct LatestVersions<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    model_versions: Vec<Version<'a>>,
}

/// Reads the latest versions of a model, in the order of the stages in the request. Without stages: of all
/// stages, the highest number first.
pub async fn latest_versions(call: Call<'_>) -> Result<Vec<u8>> {
    let name = name(&call.params)?;
    let model = model_name::id(name).await?;
    let stages = call.params.texts("stages")?;
    let chosen = async |latest: &Latest| match stages.as_slice() {
        [] => Ok(unstaged(latest)),
        stages => staged(name, model, latest, stages).await,
    };
    let found = latest::read_chosen(&(name.into(), model), chosen).await?;
    json(&LatestVersions {
        model_versions: found.iter().map(Version::whole).collect(),
    })
}

/// The latest version of each stage. Clients take the version with the highest number as `latest`. So
/// versions with a higher number than the latest of all are omitted. They are found by naming their stage.
fn unstaged(latest: &Latest) -> Vec<u64> {
    let highest = latest.number().unwrap_or(0);
    latest.numbers().filter(|number| *number <= highest).collect()
}

/// The latest version of each given stage. A stage may also be `latest` or a semantic version, which selects
/// that version. Clients send those for `models:/name/1.2.3`. A version selected twice is returned once, in
/// its first position.
async fn staged(name: &str, model: ModelId, latest: &Latest, stages: &[&str]) -> Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for stage in stages {
        if is_latest(stage) {
            numbers.extend(latest.number());
            continue;
        }
        let Some(semver) = SemVer::read(stage) else {
            numbers.extend(latest.of_stage(ModelStage::parse(stage)?));
            continue;
        };
        let named = VersionName {
            text: (*stage).to_owned(),
            kind: VersionKind::SemVer(semver),
        };
        match version_read::number(model, name, &named).await {
            Ok(number) => numbers.push(number),
            // A version that does not exist is treated like a stage without versions.
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let mut seen = BTreeSet::new();
    numbers.retain(|number| seen.insert(*number));
    Ok(numbers)
}
