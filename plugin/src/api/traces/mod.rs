//! The endpoints of traces: those of MLflow 3, and what both versions share.

pub mod assessments;
pub mod file;
pub mod metrics;
pub mod old;
pub mod read_info;
pub mod span_json;

use serde::Serialize;

use super::paging::{PageWriter, page_size};
use super::wire::traces::TraceInfo as InfoJson;
use super::{EMPTY, json};
use crate::domain::id::ExperimentId;
use crate::domain::limits::{TRACES_AT_ONCE_MAX, TRACES_PER_LINK_MAX, TRACES_PER_PAGE_DEFAULT, TRACES_PER_PAGE_MAX};
use crate::domain::name::missing;
use crate::domain::trace::Trace;
use crate::domain::trace::id::TraceId;
use crate::domain::trace::update::validate_tag_key;
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::params::Params;
use crate::search::cursor::Pages;
use crate::search::traces::{TraceOrder, TraceSearch};
use crate::store::traces;
use crate::store::traces::delete;
use crate::store::traces::read;
use crate::store::traces::search::{TracePage, TraceQuery, find};

/// Bytes of an answer with whole traces after which further traces are shown without their spans.
const BATCH_BYTES: usize = 32 << 20;

/// Largest number of experiments of one search.
const LOCATIONS_MAX: usize = 1_000;

#[derive(Serialize)]
struct Answer<'a> {
    trace: Wrapped<'a>,
}

#[derive(Serialize)]
struct Wrapped<'a> {
    trace_info: InfoJson<'a>,
}

#[derive(Serialize)]
struct Infos<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trace_infos: Vec<InfoJson<'a>>,
}

#[derive(Serialize)]
struct Deleted {
    traces_deleted: usize,
}

fn answer(trace: &Trace) -> Result<Vec<u8>> {
    let trace_info = trace.into();
    json(&Answer {
        trace: Wrapped { trace_info },
    })
}

/// The id of the trace that a request is about.
fn trace_id(params: &Params<'_>) -> Result<TraceId> {
    TraceId::find(params.either_text("trace_id", "request_id")?)
}

/// Stores what a client says of a trace when it has ended.
pub async fn start(call: Call<'_>) -> Result<Vec<u8>> {
    let info = call.params.required_object("trace")?.required_object("trace_info")?;
    let id = TraceId::parse(info.text("trace_id")?.unwrap_or_default())?;
    let experiment = read_info::experiment(&info)?;
    let info = read_info::info(&info, now_ms())?;
    answer(&traces::finalize(&id, experiment, &info, now_ms()).await?)
}

/// Reads a trace without its spans.
pub async fn get(call: Call<'_>) -> Result<Vec<u8>> {
    answer(&traces::load(&trace_id(&call.params)?).await?.trace)
}

/// Reads a trace with the spans that there are. A trace without any is served too.
pub async fn get_whole(call: Call<'_>) -> Result<Vec<u8>> {
    let text = call.params.required_text("trace_id")?;
    call.params.flag("allow_partial")?;
    let not_found = || Error::NotFound(format!("Trace with ID {text} is not found."));
    let id = TraceId::parse(text).map_err(|_| not_found())?;
    let stored = traces::load(&id).await.map_err(|error| match error {
        Error::NotFound(_) => not_found(),
        error => error,
    })?;
    let mut body = b"{\"trace\":".to_vec();
    span_json::write_trace(&mut body, &stored.trace, &read::spans(&id).await?)?;
    body.push(b'}');
    Ok(body)
}

/// Reads some traces with their spans. A trace that is not there, or cannot be read, is left out.
pub async fn batch_get(call: Call<'_>) -> Result<Vec<u8>> {
    let ids = asked_ids(&call.params)?;
    let mut body = b"{".to_vec();
    for id in &ids {
        let Some(trace) = read::all(std::slice::from_ref(id)).await?.pop().flatten() else {
            continue;
        };
        // One trace with very large spans must not hide the others.
        let spans = match read::spans(id).await {
            Ok(spans) if body.len() <= BATCH_BYTES => spans,
            Ok(_) => Vec::new(),
            Err(Error::TooLarge(_) | Error::Corrupt(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        body.extend_from_slice(if body.len() == 1 { b"\"traces\":[" } else { b"," });
        span_json::write_trace(&mut body, &trace, &spans)?;
    }
    body.extend_from_slice(if body.len() == 1 { b"}" } else { b"]}" });
    Ok(body)
}

/// Reads some traces without their spans.
pub async fn batch_get_infos(call: Call<'_>) -> Result<Vec<u8>> {
    let ids = asked_ids(&call.params)?;
    let within = ExperimentId::parse_all(&call.params.texts("experiment_ids")?)?;
    let found = read::all(&ids).await?;
    let traces = found.iter().flatten();
    let of_experiments = traces.filter(|trace| within.is_empty() || within.contains(&trace.experiment));
    json(&Infos {
        trace_infos: of_experiments.map(InfoJson::from).collect(),
    })
}

/// The traces that a request names, each once, in its order. Texts that are no ids name none.
fn asked_ids(params: &Params<'_>) -> Result<Vec<TraceId>> {
    let texts = params.texts("trace_ids")?;
    if texts.is_empty() && !params.is_given("trace_ids") {
        return Err(missing("trace_ids"));
    }
    limited(texts.len())?;
    let mut seen = std::collections::BTreeSet::new();
    let ids = texts.iter().filter_map(|text| TraceId::parse(text).ok());
    Ok(ids.filter(|id| seen.insert(id.clone())).collect())
}

fn limited(count: usize) -> Result<()> {
    if count > TRACES_AT_ONCE_MAX {
        return Err(Error::Invalid(format!(
            "{count} trace_ids: at most {TRACES_AT_ONCE_MAX} are allowed"
        )));
    }
    Ok(())
}

/// Searches traces. By default the newest come first.
pub async fn search(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    if !params.is_given("locations") {
        return Err(missing("locations"));
    }
    let mut within = Vec::new();
    for location in params.objects("locations")? {
        if let Some(experiment) = location.object("mlflow_experiment")? {
            within.push(experiment.required_text("experiment_id")?);
        }
    }
    let (page, pages) = found(params, &within).await?;
    write("traces", &page, pages, |to, trace| to.add(&InfoJson::from(trace)))
}

/// The page of a search that a request asks for.
async fn found(params: &Params<'_>, within: &[&str]) -> Result<(TracePage, Pages)> {
    let within = ExperimentId::parse_all(within)?;
    if within.len() > LOCATIONS_MAX {
        let count = within.len();
        return Err(Error::Invalid(format!(
            "{count} locations: at most {LOCATIONS_MAX} are allowed"
        )));
    }
    let (filter, items) = (params.text("filter")?.unwrap_or_default(), params.texts("order_by")?);
    let order = TraceOrder::parse(&items)?;
    let pages = Pages::of(("traces", &within, filter, items));
    let token = params.text("page_token")?.unwrap_or_default();
    let query = TraceQuery {
        search: TraceSearch::parse(filter)?,
        after: pages.after(token, |cursor| order.fits(cursor))?,
        count: page_size(params, TRACES_PER_PAGE_DEFAULT, TRACES_PER_PAGE_MAX)?,
        order,
    };
    Ok((find(&within, &query).await?, pages))
}

fn write(
    name: &'static str,
    page: &TracePage,
    pages: Pages,
    add: impl Fn(&mut PageWriter, &Trace) -> Result<()>,
) -> Result<Vec<u8>> {
    let mut to = PageWriter::new(name, pages);
    for trace in &page.traces {
        add(&mut to, trace)?;
    }
    Ok(to.finish(page.next.as_ref()))
}

/// Sets a tag. `mlflow.traceName` renames the trace.
pub async fn set_tag(call: Call<'_>) -> Result<Vec<u8>> {
    let (id, key) = (trace_id(&call.params)?, writable_key(&call.params)?);
    let value = call.params.text("value")?.unwrap_or_default();
    traces::set_tag(&id, key, value).await?;
    Ok(EMPTY.to_vec())
}

/// Deletes a tag.
pub async fn delete_tag(call: Call<'_>) -> Result<Vec<u8>> {
    let (id, key) = (trace_id(&call.params)?, writable_key(&call.params)?);
    traces::delete_tag(&id, key).await?;
    Ok(EMPTY.to_vec())
}

/// The key of a tag that a client may write.
fn writable_key<'a>(params: &Params<'a>) -> Result<&'a str> {
    let key = params.required_text("key")?;
    validate_tag_key(key)?;
    Ok(key)
}

/// Deletes traces by their ids or by their time, the oldest first.
pub async fn delete(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let experiment = params.required_text("experiment_id")?;
    let mut texts = params.texts("request_ids")?;
    texts.extend(params.texts("trace_ids")?);
    limited(texts.len())?;
    let (until_ms, count) = (params.integer("max_timestamp_millis")?, params.integer("max_traces")?);
    let invalid = |why: &str| Err(Error::Invalid(why.to_owned()));
    let until_ms = match (until_ms, texts.is_empty()) {
        (None, true) => return invalid("Either `max_timestamp_millis` or `trace_ids` must be specified."),
        (Some(_), false) => return invalid("Only one of `max_timestamp_millis` and `trace_ids` can be specified."),
        (until_ms, _) => until_ms,
    };
    if count.is_some() && until_ms.is_none() {
        return invalid("`max_traces` can't be specified if `trace_ids` is specified.");
    }
    let count = match count.map(usize::try_from) {
        None => usize::MAX,
        Some(Ok(count)) if count > 0 => count,
        Some(_) => return invalid("`max_traces` must be a positive integer."),
    };
    let traces_deleted = match (ExperimentId::parse(experiment), until_ms) {
        (Err(Error::NotFound(_)), _) => 0,
        (Err(error), _) => return Err(error),
        (Ok(experiment), Some(until_ms)) => delete::by_time(experiment, until_ms, count).await?,
        (Ok(experiment), None) => {
            let ids: Vec<TraceId> = texts.iter().filter_map(|text| TraceId::parse(text).ok()).collect();
            delete::by_ids(experiment, &ids).await?
        }
    };
    json(&Deleted { traces_deleted })
}

/// Links traces to a run. Neither need exist.
pub async fn link_to_run(call: Call<'_>) -> Result<Vec<u8>> {
    let (ids, run) = (asked_ids(&call.params)?, call.params.required_text("run_id")?);
    let count = call.params.texts("trace_ids")?.len();
    if count > TRACES_PER_LINK_MAX {
        return Err(Error::Invalid(format!(
            "Cannot link more than {TRACES_PER_LINK_MAX} traces to a run in a single request. Provided {count} traces."
        )));
    }
    traces::link_to_run(&ids, run).await?;
    Ok(EMPTY.to_vec())
}

/// Links prompt versions to a trace.
pub async fn link_prompts(call: Call<'_>) -> Result<Vec<u8>> {
    let id = trace_id(&call.params)?;
    let mut prompts = Vec::new();
    for prompt in call.params.objects("prompt_versions")? {
        prompts.push(format!(
            "{}/{}",
            prompt.required_text("name")?,
            prompt.required_text("version")?
        ));
    }
    traces::change(&id, "", |trace| {
        trace.prompts.extend(prompts.iter().cloned());
        Ok(())
    })
    .await?;
    Ok(EMPTY.to_vec())
}
