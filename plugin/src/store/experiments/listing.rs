//! Pages of experiments in their default order, from the range of each stage. The cost of a page depends only
//! on what it holds, not on its cursor.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::StoredExperiment;
use crate::domain::experiment::Experiment;
use crate::domain::id::ExperimentId;
use crate::domain::lifecycle::{Stage, View};
use crate::error::{Error, Result};
use crate::host::records::{Span, get_all, scan_all};
use crate::search::cursor::Cursor;
use crate::store::keys;

/// Smallest and largest number of entries that one refill of a range reads.
const REFILL: std::ops::RangeInclusive<usize> = 16..=2_000;

/// One ordered range of a merge, read piece by piece.
struct Source<T> {
    /// The span that is not read yet. `None`: the end is reached.
    rest: Option<Span>,
    /// Items that were read and not yet returned, by sort key.
    ready: VecDeque<(Vec<u8>, T)>,
}

/// Merges ranges by sort key until there are `count` items. `accept` reads an entry of the range with this
/// index and returns its sort key and item. `None`: the search does not show the entry.
async fn merge<T>(
    spans: Vec<Span>,
    count: usize,
    accept: impl Fn(usize, &[u8], &[u8]) -> Result<Option<(Vec<u8>, T)>>,
) -> Result<Vec<(Vec<u8>, T)>> {
    let refill = (2 * count)
        .checked_div(spans.len())
        .unwrap_or(0)
        .clamp(*REFILL.start(), *REFILL.end())
        .min(count.max(1));
    let mut sources: Vec<Source<T>> = spans
        .into_iter()
        .map(|span| Source {
            rest: Some(span),
            ready: VecDeque::new(),
        })
        .collect();
    fill(&mut sources, refill, &accept).await?;
    // The next sort key of each source that has one, the lowest on top.
    let mut next: BinaryHeap<Reverse<(Vec<u8>, usize)>> = sources
        .iter()
        .enumerate()
        .filter_map(|(index, source)| source.head(index))
        .collect();
    let mut merged = Vec::new();
    while merged.len() < count {
        let Some(Reverse((_, index))) = next.pop() else { break };
        merged.extend(sources.get_mut(index).and_then(|source| source.ready.pop_front()));
        if sources.get(index).is_some_and(|source| source.ready.is_empty()) {
            fill(&mut sources, refill, &accept).await?;
        }
        next.extend(sources.get(index).and_then(|source| source.head(index)));
    }
    Ok(merged)
}

impl<T> Source<T> {
    fn head(&self, index: usize) -> Option<Reverse<(Vec<u8>, usize)>> {
        self.ready
            .front()
            .map(|(sort_key, _)| Reverse((sort_key.clone(), index)))
    }
}

/// Reads more of every range that has nothing ready, until it has or ends.
async fn fill<T>(
    sources: &mut [Source<T>],
    refill: usize,
    accept: &impl Fn(usize, &[u8], &[u8]) -> Result<Option<(Vec<u8>, T)>>,
) -> Result<()> {
    loop {
        let empty: Vec<(usize, Span)> = sources
            .iter_mut()
            .enumerate()
            .filter(|(_, source)| source.ready.is_empty())
            .filter_map(|(index, source)| source.rest.take().map(|span| (index, span)))
            .collect();
        if empty.is_empty() {
            return Ok(());
        }
        let mut reads: Vec<(usize, Option<Vec<u8>>)> = vec![(0, None); empty.len()];
        let spans = empty.iter().map(|(_, span)| span.clone()).collect();
        scan_all(spans, refill, |read, key, value| {
            let ((source, _), read) = empty.get(read).zip(reads.get_mut(read)).ok_or_else(misplaced)?;
            *read = (read.0 + 1, Some(key.to_vec()));
            if let (Some(item), Some(source_state)) = (accept(*source, key, value)?, sources.get_mut(*source)) {
                source_state.ready.push_back(item);
            }
            Ok(())
        })
        .await?;
        for ((source, span), (count, last)) in empty.into_iter().zip(reads) {
            if let (Some(source), Some(last), true) = (sources.get_mut(source), last, count == refill) {
                source.rest = Some(span.after(&last));
            }
        }
    }
}

fn misplaced() -> Error {
    Error::Corrupt("an index holds a key of another form".to_owned())
}

/// Returns a page of experiments, newest first, then by number, and the cursor after it. `None` as the
/// cursor: it is the last page.
pub async fn experiments(
    view: View,
    after: Option<&Cursor>,
    count: usize,
) -> Result<(Vec<Experiment>, Option<Cursor>)> {
    let stages: Vec<Stage> = [Stage::Active, Stage::Deleted]
        .into_iter()
        .filter(|stage| view.shows(*stage))
        .collect();
    let span = |stage: &Stage| match after {
        Some(cursor) => keys::listed_experiments_after(*stage, cursor.bytes()),
        None => keys::listed_experiments(*stage),
    };
    let spans = stages.iter().map(span).collect();
    let page = merge(spans, count + 1, |_, key, _| {
        let (sort_key, id) = keys::listed_experiment_sort_key(key).ok_or_else(misplaced)?;
        Ok(Some((sort_key.to_vec(), id)))
    })
    .await?;
    let next = next_cursor(&page, count);
    let mut ids: Vec<ExperimentId> = page.into_iter().take(count).map(|(_, id)| id).collect();
    let nothing_written = ids.is_empty() && after.is_none() && view.shows(Stage::Active);
    if nothing_written {
        ids.push(ExperimentId::DEFAULT);
    }
    let records = get_all(ids.iter().map(|id| keys::experiment(*id)).collect()).await?;
    let mut experiments = Vec::with_capacity(ids.len());
    for (id, record) in ids.into_iter().zip(&records) {
        let experiment = StoredExperiment::from_record(id, record)?.experiment;
        // The experiment may have changed its stage between the two reads. Or the default experiment is
        // stored and deleted.
        if view.shows(experiment.lifecycle.stage) {
            experiments.push(experiment);
        }
    }
    Ok((experiments, next))
}

/// Returns the cursor after a page. `None`: no more items were found than the page has.
fn next_cursor<T>(page: &[(Vec<u8>, T)], count: usize) -> Option<Cursor> {
    let last = count.checked_sub(1).filter(|_| page.len() > count)?;
    page.get(last).map(|(sort_key, _)| Cursor::new(sort_key.clone()))
}
