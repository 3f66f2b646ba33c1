//! The endpoints of `runs/…` that create, change and search runs.

use serde::Serialize;

use super::experiments::VIEWS;
use super::paging::page_size;
use super::pairs::read_pairs;
use super::run_json::write_run;
use super::wire::RunInfo;
use super::{EMPTY, json, run_page};
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::job::names_job;
use crate::domain::lifecycle::{Stage, View};
use crate::domain::limits::{EXPERIMENTS_PER_SEARCH_MAX, RUNS_PER_PAGE_DEFAULT, RUNS_PER_PAGE_MAX, USER_ID_CHARS_MAX};
use crate::domain::name::cut;
use crate::domain::nickname::nickname;
use crate::domain::pair::RUN_TAG;
use crate::domain::run::{FullRun, NewRun, Status, run_name};
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::host::forge;
use crate::host::random::{random_id, random_u64};
use crate::request::call::Call;
use crate::request::params::Params;
use crate::search::cursor::Pages;
use crate::search::runs::{RunAttribute, RunFilter, RunOrder};
use crate::store::keys::JobTarget;
use crate::store::query::SearchQuery;
use crate::store::runs::dataset_reader::DatasetReader;
use crate::store::runs::read;
use crate::store::{job_lookups, runs, search};

async fn found(run: &FullRun<'_>) -> Result<Vec<u8>> {
    let mut bytes = b"{\"run\":".to_vec();
    let mut datasets = DatasetReader::default();
    let inputs = run.inputs.iter().map(|input| (run.run.experiment, input));
    datasets.read_ahead(inputs).await?;
    write_run(&mut bytes, run, &datasets).await?;
    bytes.push(b'}');
    Ok(bytes)
}

/// The run in a request, from `run_id` or the older `run_uuid`.
pub fn run_id(params: &Params<'_>) -> Result<RunId> {
    RunId::parse(params.either_text("run_id", "run_uuid")?)
}

/// Creates a run. Without a user in the request it belongs to the caller.
pub async fn create(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let experiment = ExperimentId::parse(params.required_text("experiment_id")?)?;
    let text = |name| params.text(name).map(|text| text.unwrap_or_default().to_owned());
    let new = NewRun {
        user_id: user_id(&call)?,
        name: text("run_name")?,
        start_time_ms: params.integer("start_time")?.unwrap_or(0),
        tags: read_pairs(params, "tags", RUN_TAG)?,
        author: call.actor.author(),
        job: forge::caller_job(),
        chosen_id: call.chosen_id("run_id")?.map(RunId::parse).transpose()?,
    };
    let now_ms = now_ms();
    let id = RunId::made_at(now_ms, random_id());
    let run = runs::create(experiment, &new, id, &nickname(random_u64()), now_ms).await?;
    if new.tags.iter().any(|(key, _)| names_job(key)) {
        job_lookups::first_try(&[JobTarget::Run(run.run.id)], now_ms).await;
    }
    found(&run).await
}

fn user_id(call: &Call<'_>) -> Result<String> {
    let named = call.params.text("user_id")?.filter(|user| !user.is_empty());
    Ok(match named {
        Some(user) => user.to_owned(),
        None => cut(call.actor.login.clone(), USER_ID_CHARS_MAX),
    })
}

/// Reads a run.
pub async fn get(call: Call<'_>) -> Result<Vec<u8>> {
    let id = run_id(&call.params)?;
    let read = read::read_some(&[id]).await?;
    let run = read.iter().next().ok_or_else(|| id.not_found())??;
    found(&run).await
}

#[derive(Serialize)]
struct Updated<'a> {
    run_info: RunInfo<'a>,
}

/// Changes status, end time or name of a run.
pub async fn update(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let status = params.choice("status", &Status::ALL)?;
    let ends = status.is_some_and(|status| status.end().is_some());
    let update = runs::Update {
        status,
        sets_commit_status: ends && forge::announce_ended_run(),
        end_time_ms: params.integer("end_time")?,
        name: params.text("run_name")?.filter(|name| !name.is_empty()).map(run_name),
    };
    let run = runs::update(run_id(params)?, &update, now_ms()).await?;
    json(&Updated {
        run_info: RunInfo::new(&run, Stage::Active),
    })
}

/// Soft-deletes a run.
pub async fn delete(call: Call<'_>) -> Result<Vec<u8>> {
    runs::set_stage(
        RunId::parse(call.params.required_text("run_id")?)?,
        Stage::Deleted,
        now_ms(),
    )
    .await?;
    Ok(EMPTY.to_vec())
}

/// Restores a run.
pub async fn restore(call: Call<'_>) -> Result<Vec<u8>> {
    runs::set_stage(
        RunId::parse(call.params.required_text("run_id")?)?,
        Stage::Active,
        now_ms(),
    )
    .await?;
    Ok(EMPTY.to_vec())
}

/// Searches runs of some experiments. By default the newest come first.
pub async fn search(call: Call<'_>) -> Result<Vec<u8>> {
    let search = search_of(&call.params, RUNS_PER_PAGE_MAX)?;
    let found = search::find(&search.within, &search.query).await?;
    run_page::write(search.pages, &found).await
}

/// A search of runs, as a request asks for it.
pub struct RunSearch {
    /// The experiments.
    pub within: Vec<ExperimentId>,
    /// The query.
    pub query: SearchQuery<RunAttribute>,
    /// The pages of this search.
    pub pages: Pages,
}

/// Reads a search from a request. Without a size in the request a page has as many runs as MLflow's server gives, but never
/// more than `count_max`.
pub fn search_of(params: &Params<'_>, count_max: i64) -> Result<RunSearch> {
    let filter = params.text("filter")?.unwrap_or_default();
    let order_by = params.texts("order_by")?;
    let order = RunOrder::parse(&order_by)?;
    let view = params.choice("run_view_type", &VIEWS)?.unwrap_or(View::ActiveOnly);
    let within = experiments(params)?;
    let pages = Pages::of(("runs", &within, filter, order_by, view));
    let token = params.text("page_token")?.unwrap_or_default();
    let query = SearchQuery {
        filter: RunFilter::parse(filter)?,
        view,
        after: pages.after(token, |bytes| search::fits(&order, bytes))?,
        count: page_size(params, RUNS_PER_PAGE_DEFAULT.min(count_max), count_max)?,
        order,
    };
    Ok(RunSearch { within, query, pages })
}

/// The experiments in a search.
pub fn experiments(params: &Params<'_>) -> Result<Vec<ExperimentId>> {
    let asked = params.texts("experiment_ids")?;
    if asked.len() > EXPERIMENTS_PER_SEARCH_MAX {
        return Err(Error::Invalid(format!(
            "{} experiment_ids: at most {EXPERIMENTS_PER_SEARCH_MAX} are allowed",
            asked.len()
        )));
    }
    ExperimentId::parse_all(&asked)
}
