//! Searches of experiments. In the default order a search reads from the page's cursor until the page is
//! full. Another order looks at everything once and keeps no more than a page.

use super::listing;
use crate::domain::experiment::{Experiment, FullExperiment, Pair};
use crate::domain::id::ExperimentId;
use crate::domain::lifecycle::View;
use crate::error::Result;
use crate::search::cursor::Cursor;
use crate::search::experiments::{ExperimentAttribute, ExperimentOrder};
use crate::store::portion::answer_bytes;
use crate::store::query::SearchQuery;
use crate::store::top_k::{Page, TopK};
use crate::store::{experiments, keys};

/// Largest number of experiments that are read together.
const CHUNK_MAX: usize = 500;

/// True if bytes can be the cursor of an experiment in this order.
pub fn fits(order: &ExperimentOrder, bytes: &[u8]) -> bool {
    if order.is_listing() {
        bytes.len() == keys::LISTED_SORT_KEY_BYTES
    } else {
        order.read_key(bytes).is_some()
    }
}

/// Finds experiments.
pub async fn find(query: &SearchQuery<ExperimentAttribute>) -> Result<Page<FullExperiment>> {
    let is_listing = query.order.is_listing();
    let mut best = TopK::new(query.after.clone(), query.count);
    let mut scan = if is_listing {
        ExperimentScan::new(query.after.clone(), query.count)
    } else {
        ExperimentScan::new(None, CHUNK_MAX)
    };
    while let Some(chunk) = scan.next_experiments(query.view).await? {
        let mut chunk = chunk.as_slice();
        while !chunk.is_empty() {
            let ids: Vec<ExperimentId> = chunk.iter().map(|experiment| experiment.id).collect();
            let tags = experiments::tags(&ids).await?;
            let (some, rest) = chunk.split_at_checked(tags.len()).unwrap_or((chunk, &[]));
            chunk = rest;
            for (experiment, tags) in some.iter().zip(tags) {
                let experiment = experiment.clone();
                offer(query, is_listing, &mut best, FullExperiment { experiment, tags });
            }
        }
        if is_listing && best.is_full() {
            break;
        }
    }
    Ok(best.into_page())
}

/// Offers an experiment if it matches.
fn offer(
    query: &SearchQuery<ExperimentAttribute>,
    is_listing: bool,
    best: &mut TopK<FullExperiment>,
    full: FullExperiment,
) {
    if !query.filter.matches(&full) {
        return;
    }
    let FullExperiment { experiment, tags } = &full;
    let texts = [&experiment.name, &experiment.artifact_location].map(|text| answer_bytes(text.as_bytes()));
    let bytes = texts.iter().sum::<usize>() + tags.iter().map(tag_bytes).sum::<usize>();
    if is_listing {
        let sort_key = keys::experiment_sort_key(experiment.creation_time_ms, experiment.id);
        best.offer_large(&sort_key, full, bytes);
    } else {
        let key = query.order.key(&full);
        best.offer_large(key.bytes(), full, bytes);
    }
}

/// Largest number of bytes of a tag in an answer.
fn tag_bytes((key, value): &Pair) -> usize {
    size_of::<Pair>() + answer_bytes(key.as_bytes()) + answer_bytes(value.as_bytes())
}

/// Reads a listing chunk by chunk. The chunks grow: if the first was not enough, few experiments match.
struct ExperimentScan {
    after: Option<Cursor>,
    ended: bool,
    chunk: usize,
}

impl ExperimentScan {
    fn new(after: Option<Cursor>, first_chunk: usize) -> Self {
        ExperimentScan {
            after,
            ended: false,
            chunk: first_chunk.clamp(1, CHUNK_MAX),
        }
    }

    async fn next_experiments(&mut self, view: View) -> Result<Option<Vec<Experiment>>> {
        if self.ended {
            return Ok(None);
        }
        let (found, next) = listing::experiments(view, self.after.as_ref(), self.chunk).await?;
        self.step(next);
        Ok(Some(found))
    }

    fn step(&mut self, next: Option<Cursor>) {
        self.ended = next.is_none();
        self.after = next;
        self.chunk = (2 * self.chunk).min(CHUNK_MAX);
    }
}
