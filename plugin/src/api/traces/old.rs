//! The endpoints of traces of MLflow 2.

use serde::Serialize;

use super::{found, json, read_info, trace_id, write};
use crate::api::wire::traces::OldTraceInfo;
use crate::domain::id::ExperimentId;
use crate::domain::limits::{TRACE_METADATA_VALUE_CHARS_MAX, TRACE_TAG_VALUE_CHARS_MAX};
use crate::domain::name::missing;
use crate::domain::trace::id::TraceId;
use crate::domain::trace::update::validate_session;
use crate::domain::trace::{Trace, TraceState};
use crate::error::Result;
use crate::host::clock::now_ms;
use crate::host::random::random_id;
use crate::request::call::Call;
use crate::request::params::Params;
use crate::store::traces;

#[derive(Serialize)]
struct Answer<'a> {
    trace_info: OldTraceInfo<'a>,
}

fn answer(trace: &Trace) -> Result<Vec<u8>> {
    json(&Answer {
        trace_info: trace.into(),
    })
}

/// Tags and metadata of a request.
type PairLists = (Vec<(String, String)>, Vec<(String, String)>);

fn pairs(params: &Params<'_>) -> Result<PairLists> {
    let tags = read_info::listed_pairs(params, "tags", TRACE_TAG_VALUE_CHARS_MAX)?;
    let metadata = read_info::listed_pairs(params, "request_metadata", TRACE_METADATA_VALUE_CHARS_MAX)?;
    validate_session(&metadata)?;
    Ok((tags, metadata))
}

/// Begins a trace. The server chooses its id.
pub async fn start(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let experiment = ExperimentId::parse(params.required_text("experiment_id")?)?;
    let start_ms = params.integer("timestamp_ms")?.unwrap_or(0);
    let (tags, metadata) = pairs(params)?;
    let id = TraceId::random(random_id());
    answer(&traces::begin(&id, experiment, start_ms, (&tags, &metadata), now_ms()).await?)
}

/// Ends a trace. Its duration follows from the time of its end.
pub async fn end(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let id = trace_id(params)?;
    let end_ms = params.required_integer("timestamp_ms")?;
    let state = params
        .choice("status", &TraceState::ALL)?
        .ok_or_else(|| missing("status"))?;
    let (tags, metadata) = pairs(params)?;
    let trace = traces::change(&id, "", |trace| {
        trace.state = state;
        trace.duration_ms = Some(end_ms.saturating_sub(trace.start_ms));
        trace.add_pairs(tags.clone(), metadata.clone());
        Ok(trace.clone())
    });
    answer(&trace.await?)
}

/// Reads a trace without its spans.
pub async fn info(call: Call<'_>) -> Result<Vec<u8>> {
    answer(&traces::load(&trace_id(&call.params)?).await?.trace)
}

/// Searches traces.
pub async fn search(call: Call<'_>) -> Result<Vec<u8>> {
    let within = call.params.texts("experiment_ids")?;
    if within.is_empty() {
        return Err(missing("experiment_ids"));
    }
    let (page, pages) = found(&call.params, &within).await?;
    write("traces", &page, pages, |to, trace| to.add(&OldTraceInfo::from(trace)))
}
