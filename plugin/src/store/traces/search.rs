//! Searches of traces. In default order a search reads one list of each experiment from the page's cursor until
//! the page is full. A filter for ids reads their traces alone. A filter for one value reads only the list of that value, so its page costs the same among
//! any number of traces. Another order looks at every trace of the list once and keeps no more than a page.
//!
//! A search that must look at very many traces, or at many spans, ends its page early. The next page continues
//! there. Another order than the default cannot do that, and is refused.

use std::collections::BTreeMap;

use super::packed::{ColumnFilter, Listing, RETRIES_MAX, Ranking, Visitor, judged_sessions, ranked};
use super::{plan, read};
use crate::domain::id::ExperimentId;
use crate::domain::trace::assessment::Assessment;
use crate::domain::trace::id::TraceId;
use crate::domain::trace::{SESSION, Trace};
use crate::error::{Error, Result};
use crate::host::records::{Span, scan};
use crate::search::cursor::Cursor;
use crate::search::traces::{TraceAttribute, TraceOrder, TraceSearch};
use crate::store::keys::traces as keys;
use crate::store::keys::traces::{List, ListedField};
use crate::store::list_merge::{CHUNK_MAX, ListMerge, SortedList};
use crate::store::portion::as_stored;
use crate::store::top_k::TopK;

/// Largest number of traces that one page looks at.
const LOOKED_AT_MAX: usize = 200_000;

/// Largest number of traces whose spans one page reads.
const SPANS_READ_MAX: usize = 2_000;

/// Number of traces of a list up to which a search reads it, although it has other clauses.
const SHORT_LIST: usize = 200;

/// Largest number of traces of a session whose assessments count for the others.
const SESSION_TRACES_MAX: usize = 1_000;

/// A search for traces and the page of it that is asked for.
pub struct TraceQuery {
    /// The condition that each trace meets.
    pub search: TraceSearch,
    /// The order of the results.
    pub order: TraceOrder,
    /// The cursor after the page before. `None`: the first page.
    pub after: Option<Cursor>,
    /// Number of results of a page, at least 1.
    pub count: usize,
}

/// A page of traces.
pub struct TracePage {
    /// The traces, in order.
    pub traces: Vec<Trace>,
    /// The cursor of the next page. `None`: this is the last.
    pub next: Option<Cursor>,
}

/// Finds traces of some experiments.
pub async fn find(within: &[ExperimentId], query: &TraceQuery) -> Result<TracePage> {
    let mut looker = Looker::new(within, query);
    if let Some(ids) = query.search.own.texts_of(TraceAttribute::RequestId) {
        let ids = ids.iter().filter_map(|id| TraceId::parse(id).ok());
        looker.is_in_order = false;
        if looker.look(&ids.map(|id| (0, id)).collect::<Vec<_>>()).await?.is_some() {
            return Err(too_many());
        }
        return Ok(looker.into_page());
    }
    if let Some(experiment) = by_columns(within, query).await? {
        return packed(experiment, looker).await;
    }
    let is_listing = looker.is_in_order;
    let mut lists = lists(within, query);
    while let Some(places) = lists.next(looker.top.missing()).await? {
        if let Some(last) = looker.look_in_chunks(&places).await? {
            if !is_listing {
                return Err(too_many());
            }
            return Ok(looker.into_cut_page(&last));
        }
        if is_listing && looker.top.is_full() {
            break;
        }
    }
    Ok(looker.into_page())
}

/// The experiment whose columns a search reads. `None`: it reads lists.
async fn by_columns(within: &[ExperimentId], query: &TraceQuery) -> Result<Option<ExperimentId>> {
    let [experiment] = within else {
        return Ok(None);
    };
    let search = &query.search;
    let clauses = search.own.clauses.len() + search.assessment_clauses().len();
    let is_listing = query.order.is_listing();
    if clauses == 0 && (is_listing || search.asks_spans()) {
        return Ok(None);
    }
    let list = plan::list(*experiment, search);
    if let List::Value(_, field, ..) = &list {
        if clauses == 1 && is_listing {
            return Ok(None);
        }
        // The list of a rare value is shorter than all columns.
        if *field != ListedField::State {
            let count = scan(list.behind(&[]), SHORT_LIST + 1, |_, _| Ok(())).await?;
            return Ok((count > SHORT_LIST).then_some(*experiment));
        }
    }
    Ok(Some(*experiment))
}

/// Finds traces of an experiment with its columns.
async fn packed(experiment: ExperimentId, mut looker: Looker<'_>) -> Result<TracePage> {
    let query = looker.query;
    let judged = match query.search.asks_assessments() {
        true => judged_sessions(experiment).await?,
        false => None,
    };
    let filter = || ColumnFilter::new(&query.search, judged.as_ref());
    if looker.is_in_order {
        let cursor = query
            .after
            .as_ref()
            .and_then(|cursor| TraceOrder::listing_cursor(cursor.bytes()));
        let after = cursor.map_or_else(Vec::new, |(time, id)| keys::sort_key(time, &id));
        let mut listing = Listing::begin(experiment, filter(), &after).await?;
        while let Some(places) = listing.next(looker.top.missing()).await? {
            if let Some(last) = looker.look_in_chunks(&places).await? {
                return Ok(looker.into_cut_page(&last));
            }
            if looker.top.is_full() {
                break;
            }
        }
        return Ok(looker.into_page());
    }
    if let Some(ranking) = Ranking::of(&query.order) {
        for _ in 0..RETRIES_MAX {
            let page = (&ranking, query.after.as_ref(), query.count + 1);
            if ranked(experiment, filter(), page, &mut looker).await? {
                return Ok(looker.into_page());
            }
        }
    }
    let mut listing = Listing::begin(experiment, filter(), &[]).await?;
    while let Some(places) = listing.next(CHUNK_MAX).await? {
        looker.visit(&places).await?;
    }
    Ok(looker.into_page())
}

impl Visitor for Looker<'_> {
    async fn visit(&mut self, places: &[(i64, TraceId)]) -> Result<bool> {
        match self.look_in_chunks(places).await? {
            Some(_) => Err(too_many()),
            None => Ok(self.top.is_full()),
        }
    }
}

fn too_many() -> Error {
    Error::TooLarge(format!(
        "This order looks at more than {LOOKED_AT_MAX} traces, or at the spans of more than {SPANS_READ_MAX}. Search in the \
         default order, or for a tag, a name, a run, a session or a state."
    ))
}

/// Reads traces and offers those that match.
struct Looker<'q> {
    within: &'q [ExperimentId],
    query: &'q TraceQuery,
    /// True if it looks at the traces in the order of the results.
    is_in_order: bool,
    top: TopK<Trace>,
    /// Assessments that count for all traces of a session.
    sessions: BTreeMap<(ExperimentId, String), Vec<Assessment>>,
    looked_at: usize,
    spans_read: usize,
}

impl<'q> Looker<'q> {
    fn new(within: &'q [ExperimentId], query: &'q TraceQuery) -> Self {
        Looker {
            within,
            query,
            is_in_order: query.order.is_listing(),
            top: TopK::new(query.after.clone(), query.count),
            sessions: BTreeMap::new(),
            looked_at: 0,
            spans_read: 0,
        }
    }

    fn into_page(self) -> TracePage {
        let page = self.top.into_page();
        let next = page.cursor_after(page.items.len());
        TracePage {
            traces: page.items,
            next,
        }
    }

    /// The page that ends early, after a place.
    fn into_cut_page(self, last: &(i64, TraceId)) -> TracePage {
        let next = Cursor::new(self.query.order.listed_key(last.0, &last.1).bytes().to_vec());
        TracePage {
            traces: self.top.into_page().items,
            next: Some(next),
        }
    }

    /// As `look`, for any number of places.
    async fn look_in_chunks(&mut self, places: &[(i64, TraceId)]) -> Result<Option<(i64, TraceId)>> {
        for some in places.chunks(CHUNK_MAX) {
            if let Some(last) = self.look(some).await? {
                return Ok(Some(last));
            }
        }
        Ok(None)
    }

    /// Offers the matching traces among some. Returns the last place that it looked at, if it must stop there.
    async fn look(&mut self, places: &[(i64, TraceId)]) -> Result<Option<(i64, TraceId)>> {
        let ids: Vec<TraceId> = places.iter().map(|(_, id)| id.clone()).collect();
        let mut done = 0;
        while let Some(rest) = ids.get(done..).filter(|rest| !rest.is_empty()) {
            for trace in read::some(rest).await? {
                let place = places.get(done).cloned();
                done += 1;
                self.looked_at += 1;
                // Columns and markers may name the former place of a trace that has another start now.
                let is_here = |trace: &Trace| place.as_ref().is_some_and(|(start_ms, _)| *start_ms == trace.start_ms);
                if let Some(trace) = trace.filter(|trace| !self.is_in_order || is_here(trace))
                    && self.matches(&trace).await?
                {
                    let bytes = as_stored(trace.id.as_str().as_bytes(), &[]) + size_of(&trace);
                    self.top.offer_large(self.query.order.key(&trace).bytes(), trace, bytes);
                }
                if self.looked_at >= LOOKED_AT_MAX || self.spans_read >= SPANS_READ_MAX {
                    let is_done = self.is_in_order && self.top.is_full();
                    return Ok(place.filter(|_| !is_done));
                }
            }
            if self.is_in_order && self.top.is_full() {
                break;
            }
        }
        Ok(None)
    }

    async fn matches(&mut self, trace: &Trace) -> Result<bool> {
        let search = &self.query.search;
        if !self.within.contains(&trace.experiment) || !search.own.matches(trace) {
            return Ok(false);
        }
        if search.asks_assessments() {
            let of_session = self.of_session(trace).await?;
            if !search.matches_assessments(trace, of_session) {
                return Ok(false);
            }
        }
        if !search.asks_spans() {
            return Ok(true);
        }
        self.spans_read += 1;
        let spans = match trace.batches {
            0 => Vec::new(),
            _ => read::spans(&trace.id).await?,
        };
        Ok(search.matches_spans(&spans))
    }

    /// The assessments that count for a trace because they count for its session.
    async fn of_session(&mut self, trace: &Trace) -> Result<&[Assessment]> {
        let Some(session) = trace.metadatum(SESSION) else {
            return Ok(&[]);
        };
        let place = (trace.experiment, session.to_owned());
        if !self.sessions.contains_key(&place) {
            let found = session_assessments(trace.experiment, session).await?;
            self.sessions.insert(place.clone(), found);
        }
        Ok(self.sessions.get(&place).map_or(&[], Vec::as_slice))
    }
}

async fn session_assessments(experiment: ExperimentId, session: &str) -> Result<Vec<Assessment>> {
    let mut ids = Vec::new();
    scan(
        keys::judged_in_session(experiment, session),
        SESSION_TRACES_MAX,
        |key, _| {
            ids.extend(keys::judged_trace_of(key));
            Ok(())
        },
    )
    .await?;
    let traces = read::all(&ids).await?;
    let assessments = traces.into_iter().flatten().flat_map(|trace| trace.assessments);
    Ok(assessments.filter(|one| one.session() == Some(session)).collect())
}

/// Bytes of a trace in memory, about.
pub(super) fn size_of(trace: &Trace) -> usize {
    let pairs = trace
        .tags
        .iter()
        .chain(&trace.metadata)
        .map(|(key, value)| key.len() + value.len() + 96);
    let previews = [&trace.request_preview, &trace.response_preview].map(|text| text.as_ref().map_or(0, String::len));
    let judged = trace.assessments.iter().map(|one| {
        let metadata = one.metadata.iter().map(|(key, value)| key.len() + value.len());
        one.content.value().len() + one.rationale.as_ref().map_or(0, String::len) + metadata.sum::<usize>() + 400
    });
    pairs.sum::<usize>() + previews.iter().sum::<usize>() + judged.sum::<usize>()
}

impl SortedList for List {
    type Entry = (i64, TraceId);

    fn behind(&self, sort_key: &[u8]) -> Span {
        List::behind(self, sort_key)
    }

    fn sort_key_in(key: &[u8]) -> Option<&[u8]> {
        keys::sort_key_in(key)
    }

    fn entry(sort_key: &[u8]) -> Option<Self::Entry> {
        keys::read_sort_key(sort_key)
    }
}

/// The list of each experiment in default order, from the page's cursor on.
fn lists(within: &[ExperimentId], query: &TraceQuery) -> ListMerge<List> {
    let cursor = query.after.as_ref().filter(|_| query.order.is_listing());
    let begin = cursor.and_then(|cursor| TraceOrder::listing_cursor(cursor.bytes()));
    let lists = within.iter().map(|experiment| plan::list(*experiment, &query.search));
    ListMerge::new(
        lists.collect(),
        begin.map_or_else(Vec::new, |(time, id)| keys::sort_key(time, &id)),
    )
}
