//! The sessions of an experiment, those with the newest traces first. No record says what sessions there are: a
//! page looks at traces, and a session is on the page that has its newest trace.

use std::collections::BTreeMap;

use super::search::{TraceQuery, find};
use crate::domain::id::ExperimentId;
use crate::domain::trace::{SESSION, Trace};
use crate::error::Result;
use crate::host::records::scan_all;
use crate::search::cursor::Cursor;
use crate::search::traces::{TraceOrder, TraceSearch};
use crate::store::keys::traces as keys;
use crate::store::keys::traces::{List, ListedField};

/// Largest number of sessions of a page.
const SESSIONS_MAX: usize = 25;
/// Number of traces that are read together, and how often a page does so.
const CHUNK: usize = 100;
const CHUNKS_MAX: usize = 10;
/// Largest number of traces of a session that are counted.
pub const COUNTED_MAX: usize = 1_000;

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// Its newest trace.
    pub newest: Trace,
    /// Number of its traces. One more than `COUNTED_MAX`: there are more than these. `None`: its id is too long for a list.
    pub count: Option<usize>,
}

/// A page of sessions.
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<Session>,
    /// The cursor of the next page. `None`: this is the last. It is one of traces in default order.
    pub next: Option<Cursor>,
}

/// Lists sessions of an experiment after a cursor.
pub async fn list(experiment: ExperimentId, after: Option<Cursor>) -> Result<SessionPage> {
    let mut query = TraceQuery {
        search: TraceSearch::parse(&format!("metadata.`{SESSION}` IS NOT NULL"))?,
        order: TraceOrder::parse(&[])?,
        after,
        count: CHUNK,
    };
    let mut sessions: Vec<Session> = Vec::new();
    for _ in 0..CHUNKS_MAX {
        let page = find(&[experiment], &query).await?;
        let mut traces = newest_of_each(page.traces, &sessions);
        let room = SESSIONS_MAX - sessions.len();
        let is_full = traces.len() >= room;
        traces.truncate(room);
        // The next page begins after the last session of this one.
        let last = traces
            .last()
            .map(|trace| Cursor::new(query.order.key(trace).bytes().to_vec()));
        sessions.extend(counted(experiment, traces).await?);
        query.after = if is_full { last } else { page.next };
        if is_full || query.after.is_none() {
            break;
        }
    }
    Ok(SessionPage {
        sessions,
        next: query.after,
    })
}

/// The first trace of each session that is not known yet.
fn newest_of_each(traces: Vec<Trace>, known: &[Session]) -> Vec<Trace> {
    let mut seen: Vec<String> = known.iter().map(|session| session.id.clone()).collect();
    let mut first = traces;
    first.retain(|trace| {
        let session = trace.metadatum(SESSION).unwrap_or_default();
        let is_new = seen.iter().all(|other| other != session);
        if is_new {
            seen.push(session.to_owned());
        }
        is_new
    });
    first
}

/// The sessions of which these are the newest traces. A session with a newer one stands on an earlier page.
async fn counted(experiment: ExperimentId, traces: Vec<Trace>) -> Result<Vec<Session>> {
    let list = |trace: &Trace| {
        let session = trace.metadatum(SESSION).unwrap_or_default();
        List::of_value(experiment, ListedField::Metadata, SESSION, session)
    };
    let lists: Vec<(usize, List)> = (0..)
        .zip(&traces)
        .filter_map(|(at, trace)| Some((at, list(trace)?)))
        .collect();
    // The sort key of the newest trace in each list, and the number of its traces.
    let mut found: BTreeMap<usize, (Vec<u8>, usize)> = BTreeMap::new();
    let spans = lists.iter().map(|(_, list)| list.behind(&[])).collect();
    scan_all(spans, COUNTED_MAX + 1, |index, key, _| {
        let of = lists.get(index).map_or(index, |(at, _)| *at);
        let sort_key = keys::sort_key_in(key).unwrap_or_default();
        found.entry(of).or_insert_with(|| (sort_key.to_vec(), 0)).1 += 1;
        Ok(())
    })
    .await?;
    let session = |(at, newest): (usize, Trace)| {
        let known = found.get(&at);
        let own = keys::sort_key(newest.start_ms, &newest.id);
        let is_newest = known.is_none_or(|(first, _)| *first == own);
        let id = newest.metadatum(SESSION)?.to_owned();
        is_newest.then_some(Session {
            id,
            newest,
            count: known.map(|(_, count)| *count),
        })
    };
    Ok((0..).zip(traces).filter_map(session).collect())
}
