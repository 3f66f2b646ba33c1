//! Checks of runs and their histories.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::Value;

use super::{PAGES_MAX, encoded, same, same_map, stage};
use crate::api::{Api, Result, integer, list, pairs, point, text};
use crate::expected::{Expected, Point, Run, latest};

/// Number of points on a page of a history; fewer than the longest history has.
const PAGE: usize = 150;

/// Checks a run, and the whole history of each of its metrics.
pub(super) async fn run(api: &mut Api, expected: &Expected, index: usize) -> Result<()> {
    let known = expected.runs.get(index).context("no such run")?;
    let call = api.target.get(&format!("runs/get?run_id={}", known.id));
    let answer = api.ask(call).await?;
    is_run(expected, known, answer.pointer("/run").unwrap_or(&answer))?;
    for (key, points) in &known.metrics {
        let found = history(api, &known.id, key).await?;
        let points: Vec<Point> = points.iter().copied().collect();
        same(
            &format!("run {}", known.id),
            &format!("history of {key}"),
            &found,
            &points,
        )?;
    }
    Ok(())
}

/// All points of a metric, in the order in which they are answered.
pub(crate) async fn history(api: &mut Api, run: &str, key: &str) -> Result<Vec<Point>> {
    let query = format!("run_id={run}&metric_key={}&max_results={PAGE}", encoded(key));
    let found = api.ask_pages("/metrics", PAGES_MAX, |target, token| {
        target.get(&format!("metrics/get-history?{query}&page_token={}", encoded(token)))
    });
    Ok(found.await?.iter().map(point).collect::<anyhow::Result<_>>()?)
}

/// Checks a run in any answer.
pub(super) fn is_run(expected: &Expected, known: &Run, answer: &Value) -> anyhow::Result<()> {
    let what = format!("run {}", known.id);
    let experiment = expected
        .experiments
        .get(known.experiment)
        .context("no such experiment")?;
    same(&what, "id", &text(answer, "/info/run_id")?, &known.id.as_str())?;
    same(
        &what,
        "experiment",
        &text(answer, "/info/experiment_id")?,
        &experiment.id.as_str(),
    )?;
    same(&what, "name", &text(answer, "/info/run_name")?, &known.name.as_str())?;
    same(&what, "status", &text(answer, "/info/status")?, &known.status)?;
    same(
        &what,
        "stage",
        &text(answer, "/info/lifecycle_stage")?,
        &stage(known.is_deleted),
    )?;
    same(&what, "start", &integer(answer, "/info/start_time")?, &known.start_time)?;
    same(&what, "end", &integer(answer, "/info/end_time").ok(), &known.end_time)?;
    same_map(&what, "param", &pairs(answer, "/data/params")?, &known.params)?;
    let mut tags = pairs(answer, "/data/tags")?;
    let named = tags.remove("mlflow.runName");
    same(&what, "named", &named.as_ref(), &Some(&known.name))?;
    same_map(&what, "tag", &tags, &known.tags)?;
    let shown = list(answer, "/data/metrics").iter();
    let shown = shown.map(|metric| Ok((text(metric, "/key")?.to_owned(), point(metric)?)));
    let shown: BTreeMap<String, Point> = shown.collect::<anyhow::Result<_>>()?;
    let newest = known.metrics.iter();
    let newest = newest.filter_map(|(key, points)| Some((key.clone(), latest(points)?)));
    same_map(&what, "metric", &shown, &newest.collect())
}
