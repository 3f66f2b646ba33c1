//! The endpoints of `metrics/…`: histories.

use serde::Serialize;

use super::json;
use super::paging::{PageWriter, page_size};
use super::run_json::write_point;
use super::runs::run_id;
use super::wire::MetricOfRun;
use crate::domain::id::RunId;
use crate::domain::limits::{POINTS_PER_PAGE_MAX, POINTS_PER_SAMPLE_MAX, RUNS_PER_HISTORIES_MAX};
use crate::domain::metric::Point;
use crate::domain::name::missing;
use crate::error::{Error, Result};
use crate::request::call::Call;
use crate::request::params::Params;
use crate::search::cursor::Pages;
use crate::store::keys;
use crate::store::metrics::{bulk, history};

/// The maximum number of bytes of a run's point in an answer, without the key. No character of a key is
/// escaped.
const POINT_BYTES: usize = 150;

/// The maximum size of a sample of histories. A sample of a metric with a long key has fewer points than
/// requested.
const ANSWER_BYTES_MAX: usize = 48 << 20;

/// Reads a page of a metric's history, ordered by time, step and value, at most 25,000 points. It is empty
/// for a run or metric that does not exist.
pub async fn get_history(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let count =
        page_size(params, POINTS_PER_PAGE_MAX, i64::MAX)?.min(usize::try_from(POINTS_PER_PAGE_MAX).unwrap_or(1));
    let key = params.required_text("metric_key")?;
    let run = match run_id(params) {
        Ok(run) => Some(run),
        Err(Error::NotFound(_)) => None,
        Err(error) => return Err(error),
    };
    let pages = Pages::of(("history", run, key));
    let token = params.text("page_token")?.unwrap_or_default();
    let after = pages.after(token, |bytes| bytes.len() == keys::POINT_BYTES)?;
    let (points, next) = match run {
        Some(run) => history::page(run, key, after.as_ref(), count).await?,
        None => (Vec::new(), None),
    };
    let mut page = PageWriter::new("metrics", pages);
    for point in points {
        write_point(page.begin_item(), key, point)?;
    }
    Ok(page.finish(next.as_ref()))
}

/// The list is written even when it is empty, because MLflow's web pages rely on it.
#[derive(Serialize)]
struct Histories<'a> {
    metrics: Vec<MetricOfRun<'a>>,
}

/// Reads the histories of a metric in several runs, one after the other by run id, up to 25,000 points.
pub async fn get_history_bulk(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let mut runs = runs(params, "run_id", "GetMetricHistoryBulk")?
        .ok_or_else(|| Error::Invalid("GetMetricHistoryBulk request must specify at least one run_id.".to_owned()))?;
    runs.sort_unstable();
    runs.dedup();
    let key = params
        .text("metric_key")?
        .ok_or_else(|| Error::Invalid("GetMetricHistoryBulk request must specify a metric_key.".to_owned()))?;
    let asked = params.integer("max_results")?.unwrap_or(POINTS_PER_PAGE_MAX);
    let count = usize::try_from(asked.min(POINTS_PER_PAGE_MAX)).map_err(|_| {
        Error::Invalid(format!(
            "Invalid value {asked} for parameter 'max_results' supplied: it must not be negative"
        ))
    })?;
    let points = bulk::first(&runs, key, count).await?;
    json(&Histories {
        metrics: points.into_iter().map(|point| MetricOfRun::new(key, point)).collect(),
    })
}

#[derive(Serialize)]
struct Samples<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<MetricOfRun<'a>>,
}

/// Reads samples of the histories of a metric in several runs, for a chart. Each run's history is thinned out
/// evenly.
pub async fn get_history_bulk_interval(call: Call<'_>) -> Result<Vec<u8>> {
    let (key, points) = sample(&call.params).await?;
    json(&Samples {
        metrics: points.into_iter().map(|point| MetricOfRun::new(key, point)).collect(),
    })
}

/// The metric and the points that a request for samples asks for.
pub async fn sample<'a>(params: &Params<'a>) -> Result<(&'a str, Vec<(RunId, Point)>)> {
    let runs = runs(params, "run_ids", "GetMetricHistoryBulkInterval")?.ok_or_else(|| missing("run_ids"))?;
    let key = params.required_text("metric_key")?;
    let count = page_size(params, POINTS_PER_SAMPLE_MAX, POINTS_PER_SAMPLE_MAX)?;
    let steps = match (params.integer("start_step")?, params.integer("end_step")?) {
        (None, None) => i64::MIN..=i64::MAX,
        (Some(start), Some(end)) if start <= end => start..=end,
        (Some(start), Some(end)) => {
            return Err(Error::Invalid(format!(
                "end_step must be greater than start_step. Found start_step={start} and end_step={end}."
            )));
        }
        _ => {
            return Err(Error::Invalid(
                "If either start step or end step are specified, both must be specified.".to_owned(),
            ));
        }
    };
    let points_max = ANSWER_BYTES_MAX / (POINT_BYTES + key.len());
    let count = count.min(points_max / runs.len().max(1)).max(1);
    Ok((key, bulk::sample(&runs, key, steps, count).await?))
}

/// The runs in a request. `None`: it names none. Ids that cannot exist are omitted, since they have no
/// points.
fn runs(params: &Params<'_>, name: &str, request: &str) -> Result<Option<Vec<RunId>>> {
    let asked = params.texts(name)?;
    if asked.len() > RUNS_PER_HISTORIES_MAX {
        return Err(Error::Invalid(format!(
            "{request} request cannot specify more than {RUNS_PER_HISTORIES_MAX} run_ids. Received {} run_ids.",
            asked.len()
        )));
    }
    let some = !asked.is_empty();
    Ok(some.then(|| asked.into_iter().filter_map(|id| RunId::parse(id).ok()).collect()))
}
