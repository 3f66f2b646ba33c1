//! `metrics/…`: histories.

use serde::Serialize;

use super::experiments::page_size;
use super::json;
use super::paging::PageWriter;
use super::run_json::write_point;
use super::runs::run_id;
use super::wire::MetricOfRun;
use crate::domain::id::RunId;
use crate::domain::limits::{POINTS_PER_PAGE_MAX, POINTS_PER_SAMPLE_MAX, RUNS_PER_HISTORIES_MAX};
use crate::domain::name::missing;
use crate::error::{Error, Result};
use crate::request::call::Call;
use crate::request::params::Params;
use crate::search::cursor::Pages;
use crate::store::keys;
use crate::store::metrics::{bulk, history};

/// What a point of a run has in an answer besides the key of its metric, at most. Its key has no characters that are escaped.
const POINT_BYTES: usize = 150;

/// A sample of several histories is no larger: where its key is long, it has fewer points than were asked for.
const ANSWER_BYTES_MAX: usize = 48 << 20;

/// A metric's points by (time, step, value), 25,000 a page at most; a run or metric that does not exist has none.
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

/// Always with its list: MLflow's web pages rely on that.
#[derive(Serialize)]
struct Histories<'a> {
    metrics: Vec<MetricOfRun<'a>>,
}

/// The histories of a metric in several runs one after the other, by run id, cut off after 25,000 points.
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

/// Of the histories of a metric in several runs as many points as a chart shows, each run's evenly thinned out by itself.
pub async fn get_history_bulk_interval(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
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
    let points = bulk::sample(&runs, key, steps, count).await?;
    json(&Samples {
        metrics: points.into_iter().map(|point| MetricOfRun::new(key, point)).collect(),
    })
}

/// The runs that a request names, if it names some; those that cannot exist are left out, as they have no points.
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
