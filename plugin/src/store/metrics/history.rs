//! Histories of metrics.

use super::history_merge::{Merge, ReadRequest, StoredChunk};
use crate::domain::id::RunId;
use crate::domain::metric::Point;
use crate::error::{Error, Result};
use crate::host::records::scan;
use crate::search::cursor::Cursor;
use crate::store::{codec, keys};

/// Returns a page of a metric's points by (time, step, value), and the cursor after it. `None` as the cursor:
/// it is the last page. A metric or run that does not exist has no points.
pub async fn page(
    run: RunId,
    metric: &str,
    after: Option<&Cursor>,
    count: usize,
) -> Result<(Vec<Point>, Option<Cursor>)> {
    let damaged = || Error::Corrupt("cursor of a metric's history".to_owned());
    let after = after.map(|place| keys::point_at(place.bytes()).ok_or_else(damaged));
    // One point more than the page has shows if there is another page.
    let mut merge = Merge::new(after.transpose()?, count + 1);
    while let Some(want) = merge.advance(codec::read_chunk)? {
        match want {
            ReadRequest::Points { after, limit } => {
                let mut points = Vec::new();
                scan(keys::history(run, metric, after), limit, |key, _| {
                    points.push(keys::point_of(key).ok_or_else(damaged)?);
                    Ok(())
                })
                .await?;
                merge.add_points(points, limit);
            }
            ReadRequest::Chunks { after, limit } => {
                let mut chunks = Vec::new();
                scan(keys::chunks(run, metric, after), limit, |key, value| {
                    chunks.push(StoredChunk {
                        last: keys::point_of(key).ok_or_else(damaged)?,
                        bytes: value.to_vec(),
                    });
                    Ok(())
                })
                .await?;
                merge.add_chunks(chunks, limit);
            }
        }
    }
    let mut points = merge.into_points();
    let is_last = points.len() <= count;
    points.truncate(count);
    let next = points.last().filter(|_| !is_last);
    let next = next.map(|point| Cursor::new(keys::point_sort_key(*point).to_vec()));
    Ok((points, next))
}
