//! Visits the newest traces that a search finds, for charts and metrics.

use super::search::{TraceQuery, find};
use crate::domain::id::ExperimentId;
use crate::domain::trace::Trace;
use crate::domain::trace::id::TraceId;
use crate::error::Result;
use crate::search::cursor::Cursor;
use crate::search::traces::{TraceOrder, TraceSearch};

/// Number of traces that are read together.
const CHUNK: usize = 500;

/// The times of traces, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The earliest start.
    pub from_ms: i64,
    /// The time before which they began. `None`: any.
    pub before_ms: Option<i64>,
}

/// Visits traces of experiments that began within some times, the newest first, `count_max` at most. Returns
/// true if there may be more of them.
pub async fn newest(
    within: &[ExperimentId],
    search: TraceSearch,
    times: Times,
    count_max: usize,
    mut visit: impl FnMut(Trace),
) -> Result<bool> {
    let order = TraceOrder::parse(&[])?;
    // The cursor behind all ids of that time.
    let last = TraceId::stored("\u{10ffff}");
    let cursor = |ms| Cursor::new(order.listed_key(ms, &last).bytes().to_vec());
    let mut query = TraceQuery {
        after: times.before_ms.map(cursor),
        search,
        count: CHUNK,
        order,
    };
    let mut visited = 0;
    loop {
        let page = find(within, &query).await?;
        for trace in page.traces {
            if trace.start_ms < times.from_ms {
                return Ok(false);
            }
            if visited == count_max {
                return Ok(true);
            }
            visited += 1;
            visit(trace);
        }
        let Some(next) = page.next else {
            return Ok(false);
        };
        query.after = Some(next);
    }
}
