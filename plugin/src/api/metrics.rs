//! `metrics/…`: histories.

use serde::Serialize;

use super::experiments::page_size;
use super::runs::run_id;
use super::wire::Metric;
use super::{Call, json};
use crate::domain::limits::POINTS_PER_PAGE_MAX;
use crate::error::Result;
use crate::search::page::Place;
use crate::store::{history, keys};

#[derive(Serialize)]
struct History<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<Metric<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// A metric's points by (time, step, value), 25,000 a page at most; a run or metric that does not exist has none.
pub async fn get_history(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let count =
        page_size(params, POINTS_PER_PAGE_MAX, i64::MAX)?.min(usize::try_from(POINTS_PER_PAGE_MAX).unwrap_or(1));
    let key = params.required_text("metric_key")?;
    let after = Place::parse(params.text("page_token")?.unwrap_or_default(), |bytes| {
        bytes.len() == keys::POINT_BYTES
    })?;
    let (points, next) = match run_id(params) {
        Ok(run) => history::page(run, key, after.as_ref(), count).await?,
        Err(crate::error::Error::NotFound(_)) => (Vec::new(), None),
        Err(error) => return Err(error),
    };
    json(&History {
        metrics: points.into_iter().map(|point| Metric::new(key, point)).collect(),
        next_page_token: next.map(|place| place.to_token()),
    })
}
