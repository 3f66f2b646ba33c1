//! Histories of metrics.

use super::keys;
use super::records::scan;
use crate::domain::id::RunId;
use crate::domain::metric::Point;
use crate::error::{Error, Result};
use crate::search::page::Place;

/// A page of a metric's points by (time, step, value), and the place behind it unless it is the last.
/// A metric or run that does not exist has none.
pub async fn page(
    run: RunId,
    metric: &str,
    after: Option<&Place>,
    count: usize,
) -> Result<(Vec<Point>, Option<Place>)> {
    let mut span = keys::history(run, metric);
    if let Some(place) = after {
        let key = [&span.start, place.bytes()].concat();
        span = span.after(&key);
    }
    let (mut points, mut last) = (Vec::new(), None);
    let found = scan(span, count + 1, |key, _| {
        let point = keys::point_of(key).ok_or_else(|| Error::Corrupt("key of a metric's point".to_owned()))?;
        if points.len() == count {
            return Ok(());
        }
        points.push(point);
        last = key
            .last_chunk::<{ keys::POINT_BYTES }>()
            .map(|place| Place::new(place.to_vec()));
        Ok(())
    })
    .await?;
    Ok((points, last.filter(|_| found > count)))
}
