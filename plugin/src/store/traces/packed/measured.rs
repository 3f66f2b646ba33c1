//! Visits what metrics need of all traces of an experiment within some times: from columns where there are some, else from the traces.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::place::listed;
use super::snapshot::Snapshot;
use crate::domain::id::ExperimentId;
use crate::domain::trace::{NAME_TAG, SESSION, TOKEN_USAGE, Trace};
use crate::error::Result;
use crate::store::codec::trace_columns::BlockRef;
use crate::store::columnar::block::{Block, Value};
use crate::store::keys::trace_columns::TraceColumn;
use crate::store::keys::traces::before;
use crate::store::list_merge::CHUNK_MAX;
use crate::store::traces::read;
use crate::store::traces::walk::Times;

/// A trace as metrics see it.
pub struct Measurable<'a> {
    /// Its start in milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// Its duration in milliseconds.
    pub duration_ms: Option<i64>,
    /// The name of its state.
    pub state: &'a str,
    /// Its name.
    pub name: Option<&'a str>,
    /// Its session.
    pub session: Option<&'a str>,
    /// The tokens that it used, as JSON.
    pub usage: Option<&'a str>,
}

impl<'a> Measurable<'a> {
    /// Takes the values of a trace.
    pub fn of(trace: &'a Trace) -> Self {
        Measurable {
            start_ms: trace.start_ms,
            duration_ms: trace.duration_ms,
            state: trace.state.name(),
            name: trace.name(),
            session: trace.metadatum(SESSION),
            usage: trace.metadata.get(TOKEN_USAGE).map(String::as_str),
        }
    }
}

/// The result of a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visited {
    /// All traces were visited.
    All,
    /// There are more than were to be visited.
    Some,
    /// Compaction came in between: what was visited means nothing.
    Nothing,
}

/// Visits all traces of an experiment that began within some times, `count_max` at most, in any order. They have the used tokens
/// only if `with_usage` says so.
pub async fn visit_all(
    experiment: ExperimentId,
    times: Times,
    (count_max, with_usage): (usize, bool),
    mut visit: impl FnMut(&Measurable<'_>),
) -> Result<Visited> {
    let begin = times.before_ms.map_or_else(Vec::new, |ms| before(ms.saturating_sub(1)));
    let end = (times.from_ms > i64::MIN).then(|| before(times.from_ms.saturating_sub(1)));
    let is_within = |start_ms: i64| start_ms >= times.from_ms && times.before_ms.is_none_or(|before| start_ms < before);
    let Some(snapshot) = Snapshot::read(experiment, &[]).await? else {
        return visit_listed(experiment, (begin, end), count_max, &mut visit).await;
    };
    let mut plain = Vec::new();
    let mut count = 0;
    for part in std::iter::once(None).chain((0..snapshot.len()).map(Some)) {
        let first = part.map_or(&[][..], |part| snapshot.first(part).unwrap_or_default());
        let next = snapshot.first(part.map_or(0, |part| part + 1));
        let from = first.max(begin.as_slice());
        let until = [next, end.as_deref()].into_iter().flatten().min();
        if until.is_some_and(|until| until <= from) {
            continue;
        }
        let is_clean = |_: &BlockRef| {
            let dirty = snapshot.dirty.range(first.to_vec()..).next();
            dirty.is_none_or(|dirty| next.is_some_and(|next| dirty.as_slice() >= next))
        };
        let block = part.and_then(|part| Some((part, snapshot.block(part).filter(is_clean)?)));
        let columns = match block {
            Some((part, reference)) => Columns::read(&snapshot, part, reference, with_usage).await?,
            None => None,
        };
        let Some(columns) = columns else {
            plain.push((from.to_vec(), until.map(<[u8]>::to_vec)));
            continue;
        };
        columns.visit(&mut |trace| {
            if is_within(trace.start_ms) {
                count += 1;
                visit(trace);
            }
        });
        if count > count_max {
            return Ok(Visited::Some);
        }
    }
    if snapshot.rows(&BTreeSet::new()).await?.is_none() {
        return Ok(Visited::Nothing);
    }
    for span in plain {
        let mut seen = 0;
        let mut count_and_visit = |trace: &Measurable<'_>| {
            seen += 1;
            visit(trace);
        };
        let visited = visit_listed(experiment, span, count_max - count, &mut count_and_visit).await?;
        if visited == Visited::Some {
            return Ok(Visited::Some);
        }
        count += seen;
    }
    Ok(Visited::All)
}

/// Visits the traces with sort keys from one on and below another.
async fn visit_listed(
    experiment: ExperimentId,
    (mut from, until): (Vec<u8>, Option<Vec<u8>>),
    count_max: usize,
    visit: &mut impl FnMut(&Measurable<'_>),
) -> Result<Visited> {
    let mut seen = 0;
    loop {
        let listed = listed(experiment, &from, until.as_deref(), CHUNK_MAX).await?;
        let ids: Vec<_> = listed.places.into_iter().map(|(_, id)| id).collect();
        let mut done = 0;
        while let Some(rest) = ids.get(done..).filter(|rest| !rest.is_empty()) {
            let traces = read::some(rest).await?;
            done += traces.len();
            seen += traces.len();
            traces.iter().flatten().for_each(|trace| visit(&Measurable::of(trace)));
        }
        if seen > count_max {
            return Ok(Visited::Some);
        }
        match listed.next {
            Some(next) => from = next,
            None => return Ok(Visited::All),
        }
    }
}

/// The columns of a part that metrics need.
struct Columns {
    rows: u16,
    blocks: Vec<Rc<Block>>,
}

/// The indexes of the columns.
const START: usize = 0;
const DURATION: usize = 1;
const STATE: usize = 2;
const NAME: usize = 3;
const SESSIONS: usize = 4;
const USAGE: usize = 5;

impl Columns {
    /// Reads them. `None`: they do not have all values.
    async fn read(snapshot: &Snapshot, part: usize, reference: BlockRef, with_usage: bool) -> Result<Option<Self>> {
        let names = [
            TraceColumn::Start,
            TraceColumn::Duration,
            TraceColumn::State,
            TraceColumn::Tag(NAME_TAG.to_owned()),
            TraceColumn::Metadata(SESSION.to_owned()),
            TraceColumn::Metadata(TOKEN_USAGE.to_owned()),
        ];
        let (names, _) = names.split_at(if with_usage { USAGE + 1 } else { USAGE });
        let blocks = snapshot.blocks(part..part + 1, names).await?.pop().unwrap_or_default();
        let is_elsewhere = |block: &Rc<Block>| {
            let is_text = |slot| matches!(block.get(slot), Value::Absent | Value::Text(_));
            (!reference.is_whole && block.is_empty()) || !(0..reference.rows).all(is_text)
        };
        let is_missing = blocks.iter().skip(STATE).any(is_elsewhere);
        Ok((!is_missing).then_some(Columns {
            rows: reference.rows,
            blocks,
        }))
    }

    fn visit(&self, visit: &mut impl FnMut(&Measurable<'_>)) {
        let number = |index: usize, slot| Some(i64::from_le_bytes(self.blocks.get(index)?.number(slot)?));
        let text = |index: usize, slot| match self.blocks.get(index).map(|block| block.get(slot)) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        };
        for slot in 0..self.rows {
            visit(&Measurable {
                start_ms: number(START, slot).unwrap_or_default(),
                duration_ms: number(DURATION, slot),
                state: text(STATE, slot).unwrap_or_default(),
                name: text(NAME, slot),
                session: text(SESSIONS, slot),
                usage: text(USAGE, slot),
            });
        }
    }
}
