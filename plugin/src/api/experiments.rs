//! The endpoints of `experiments/…`.

use serde::Serialize;

use super::paging::{self, page_size};
use super::pairs::{read_pair, read_pairs};
use super::{EMPTY, json, wire};
use crate::domain::experiment::{Experiment, validate_artifact_location};
use crate::domain::id::ExperimentId;
use crate::domain::lifecycle::{Stage, View};
use crate::domain::limits::EXPERIMENTS_PER_PAGE_MAX;
use crate::domain::name::validate_experiment_name;
use crate::domain::pair::EXPERIMENT_TAG;
use crate::error::Result;
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::params::Params;
use crate::search::cursor::Pages;
use crate::search::experiments::{ExperimentFilter, ExperimentOrder};
use crate::store::experiments;
use crate::store::experiments::search;
use crate::store::query::SearchQuery;

#[derive(Serialize)]
struct Created {
    experiment_id: String,
}

#[derive(Serialize)]
struct ExperimentResponse<'a> {
    experiment: wire::Experiment<'a>,
}

/// Creates an experiment.
pub async fn create(call: Call<'_>) -> Result<Vec<u8>> {
    let name = call.params.required_text("name")?;
    validate_experiment_name("name", name)?;
    let location = call
        .params
        .text("artifact_location")?
        .filter(|location| !location.is_empty());
    location.map_or(Ok(()), validate_artifact_location)?;
    let tags = read_pairs(&call.params, "tags", EXPERIMENT_TAG)?;
    let chosen = call.chosen_id("experiment_id")?.map(ExperimentId::parse).transpose()?;
    let id = experiments::create(name, location, &tags, chosen, now_ms()).await?;
    json(&Created {
        experiment_id: id.to_string(),
    })
}

/// Reads an experiment by its id.
pub async fn get(call: Call<'_>) -> Result<Vec<u8>> {
    let stored = experiments::load(id(&call.params)?).await?;
    found(&stored.experiment).await
}

/// Reads an experiment by its name.
pub async fn get_by_name(call: Call<'_>) -> Result<Vec<u8>> {
    let stored = experiments::find(call.params.required_text("experiment_name")?).await?;
    found(&stored.experiment).await
}

async fn found(experiment: &Experiment) -> Result<Vec<u8>> {
    let tags = experiments::tags(&[experiment.id]).await?.pop().unwrap_or_default();
    json(&ExperimentResponse {
        experiment: wire::Experiment::new(experiment, &tags),
    })
}

fn id(params: &Params<'_>) -> Result<ExperimentId> {
    ExperimentId::parse(params.required_text("experiment_id")?)
}

/// Renames an experiment.
pub async fn update(call: Call<'_>) -> Result<Vec<u8>> {
    let name = call.params.required_text("new_name")?;
    validate_experiment_name("new_name", name)?;
    experiments::rename(id(&call.params)?, name, now_ms()).await?;
    Ok(EMPTY.to_vec())
}

/// Soft-deletes an experiment with its runs.
pub async fn delete(call: Call<'_>) -> Result<Vec<u8>> {
    experiments::set_stage(id(&call.params)?, Stage::Deleted, now_ms()).await?;
    Ok(EMPTY.to_vec())
}

/// Restores an experiment with its runs.
pub async fn restore(call: Call<'_>) -> Result<Vec<u8>> {
    experiments::set_stage(id(&call.params)?, Stage::Active, now_ms()).await?;
    Ok(EMPTY.to_vec())
}

/// Sets a tag.
pub async fn set_tag(call: Call<'_>) -> Result<Vec<u8>> {
    let (key, value) = read_pair(&call.params, EXPERIMENT_TAG)?;
    experiments::set_tag(id(&call.params)?, &key, &value, now_ms()).await?;
    Ok(EMPTY.to_vec())
}

/// Deletes a tag.
pub async fn delete_tag(call: Call<'_>) -> Result<Vec<u8>> {
    let key = call.params.required_text("key")?;
    experiments::delete_tag(id(&call.params)?, key, now_ms()).await?;
    Ok(EMPTY.to_vec())
}

/// The names and numbers of the views in MLflow's protocol.
pub const VIEWS: [(i64, &str, View); 3] = [
    (1, "ACTIVE_ONLY", View::ActiveOnly),
    (2, "DELETED_ONLY", View::DeletedOnly),
    (3, "ALL", View::All),
];

/// Searches experiments. By default the newest come first.
pub async fn search(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let filter = params.text("filter")?.unwrap_or_default();
    let order_by = params.texts("order_by")?;
    let order = ExperimentOrder::parse(&order_by)?;
    let view = params.choice("view_type", &VIEWS)?.unwrap_or(View::ActiveOnly);
    let pages = Pages::of(("experiments", filter, order_by, view));
    let token = params.text("page_token")?.unwrap_or_default();
    let query = SearchQuery {
        filter: ExperimentFilter::parse(filter)?,
        view,
        after: pages.after(token, |bytes| search::fits(&order, bytes))?,
        count: page_size(params, 0, EXPERIMENTS_PER_PAGE_MAX)?,
        order,
    };
    let found = search::find(&query).await?;
    paging::write_found("experiments", pages, &found, |page, full| {
        page.add(&wire::Experiment::new(&full.experiment, &full.tags))
    })
}
