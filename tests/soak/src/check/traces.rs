//! Checks of traces.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use hyper::Method;
use serde_json::{Value, json};

use super::{same, same_map};
use crate::actions::span_name;
use crate::api::{Api, Result, list, text};
use crate::expected::{Expected, Pairs, Trace};

/// The keys of tags that the server writes.
const SERVER_TAGS: [&str; 2] = ["mlflow.artifactLocation", "mlflow.trace.spansLocation"];

/// Checks a trace with all its spans, and that a search for a tag finds it.
pub(super) async fn trace(api: &mut Api, expected: &Expected, index: usize) -> Result<()> {
    let known = expected.traces.get(index).context("no such trace")?;
    let call = api
        .target
        .newer(Method::GET, &format!("traces/get?trace_id={}", known.id()), &());
    if known.is_deleted {
        return api.miss(call).await;
    }
    let answer = api.ask(call).await?;
    is_trace(known, answer.pointer("/trace").unwrap_or(&answer))?;
    let Some((key, value)) = known.tags.iter().find(|(key, _)| key.starts_with('t')) else {
        return Ok(());
    };
    let experiment = expected
        .experiments
        .get(known.experiment)
        .context("no such experiment")?;
    let body = json!({
        "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment.id}}],
        "filter": format!("tags.{key} = '{value}'"),
    });
    let found = api.ask(api.target.newer(Method::POST, "traces/search", &body)).await?;
    let ids: Vec<&str> = list(&found, "/traces")
        .iter()
        .map(|trace| text(trace, "/trace_id"))
        .collect::<anyhow::Result<_>>()?;
    same(
        &format!("trace {}", known.id()),
        "found by its tag",
        &ids,
        &vec![known.id().as_str()],
    )?;
    Ok(())
}

fn is_trace(known: &Trace, answer: &Value) -> anyhow::Result<()> {
    let what = format!("trace {}", known.id());
    same(
        &what,
        "id",
        &text(answer, "/trace_info/trace_id")?,
        &known.id().as_str(),
    )?;
    same(&what, "state", &text(answer, "/trace_info/state")?, &"OK")?;
    let tags = answer.pointer("/trace_info/tags").and_then(Value::as_object);
    let tags = tags
        .into_iter()
        .flatten()
        .filter(|(key, _)| !SERVER_TAGS.contains(&key.as_str()));
    let tags: Pairs = tags
        .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    same_map(&what, "tag", &tags, &known.tags)?;
    let names = list(answer, "/spans")
        .iter()
        .map(|span| Ok(text(span, "/name")?.to_owned()));
    let names: BTreeSet<String> = names.collect::<anyhow::Result<_>>()?;
    same(
        &what,
        "spans",
        &names,
        &known.spans.iter().map(|number| span_name(*number)).collect(),
    )?;
    same(
        &what,
        "number of spans",
        &list(answer, "/spans").len(),
        &known.spans.len(),
    )?;
    let feedback = list(answer, "/trace_info/assessments").iter().map(|one| {
        let value = one
            .pointer("/feedback/value")
            .and_then(Value::as_f64)
            .context("no value")?;
        Ok((text(one, "/assessment_id")?.to_owned(), format!("{value}")))
    });
    let feedback: BTreeMap<String, String> = feedback.collect::<anyhow::Result<_>>()?;
    let expected = known.feedback.iter().map(|(id, value)| (id.clone(), value.to_string()));
    same_map(&what, "feedback", &feedback, &expected.collect())
}

/// The answer about a trace that an unanswered request would have made. `None`: it does not exist.
pub(super) async fn find(api: &mut Api, otel_id: &str) -> Result<Option<Value>> {
    let call = api.target.newer(
        Method::POST,
        "traces/batchGetInfos",
        &json!({"trace_ids": [format!("tr-{otel_id}")]}),
    );
    let answer = api.ask(call).await?;
    Ok(list(&answer, "/trace_infos").first().cloned())
}
