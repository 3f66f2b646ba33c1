//! Searches: what a filter finds, in an order, page by page. Here: of experiments.
//!
//! In the default order a search reads from the place where the page begins until the page is full. Another order looks at
//! everything once and keeps no more than a page.

mod areas;
mod blocks;
mod candidates;
mod forecast;
mod runs;
mod sieve;
mod unread;
mod verdicts;

pub use runs::find as runs;

use super::shelf::Edition;
use super::top::Top;
use super::{experiments, keys, listing};
use crate::domain::experiment::{Experiment, Pair};
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::lifecycle::{Stage, View};
use crate::error::Result;
use crate::search::experiments::{ExperimentAttribute, ExperimentOrder};
use crate::search::filter::Filter;
use crate::search::order::Order;
use crate::search::page::Place;
use crate::search::runs::RunOrder;

/// How many things are read and looked at together, at most.
const CHUNK_MAX: usize = 500;

/// What to find, and which page of it.
pub struct Query<A> {
    /// What things must be.
    pub filter: Filter<A>,
    /// In what order they come.
    pub order: Order<A>,
    /// Which stages are shown.
    pub view: View,
    /// The last thing of the page before, if there is one: its place in the listing when the order is the listing's, else its
    /// sort key.
    pub after: Option<Place>,
    /// How many things a page has, at least 1.
    pub count: usize,
}

/// A run that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its id.
    pub id: RunId,
    /// Where it is packed, unless it must be read itself anyway.
    pub spot: Option<Spot>,
}

/// Where a run is packed that was not changed since, and the stage in which it is shown. While these are the same, so is all
/// that is read of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// What is packed of its block.
    pub edition: Edition,
    /// Its row.
    pub row: u64,
    /// The only stage that the search shows.
    pub stage: Stage,
}

/// A page, and the place of its last thing unless the search ends there.
pub type Page<T> = (Vec<T>, Option<Place>);

/// Whether bytes can be the place of a run in this order.
pub fn fits_runs(order: &RunOrder, bytes: &[u8]) -> bool {
    if order.is_listing() {
        bytes.len() == keys::PLACE_BYTES
    } else {
        order.read_key(bytes).is_some()
    }
}

/// Whether bytes can be the place of an experiment in this order.
pub fn fits_experiments(order: &ExperimentOrder, bytes: &[u8]) -> bool {
    if order.is_listing() {
        bytes.len() == keys::LISTED_PLACE_BYTES
    } else {
        order.read_key(bytes).is_some()
    }
}

/// An experiment and its tags.
pub type Tagged = (Experiment, Vec<Pair>);

/// Finds experiments.
pub async fn experiments(query: &Query<ExperimentAttribute>) -> Result<Page<Tagged>> {
    if query.order.is_listing() {
        listed_experiments(query).await
    } else {
        ordered_experiments(query).await
    }
}

async fn listed_experiments(query: &Query<ExperimentAttribute>) -> Result<Page<Tagged>> {
    let mut found: Vec<Tagged> = Vec::new();
    let mut last = None;
    let mut walk = Walk::new(query.after.clone(), query.count);
    while let Some(chunk) = walk.next_experiments(query.view).await? {
        for (experiment, tags) in chunk
            .into_iter()
            .filter(|(experiment, tags)| query.filter.matches(experiment, tags))
        {
            if found.len() == query.count {
                return Ok((found, last));
            }
            last = Some(Place::new(keys::listed_experiment_place_of(
                experiment.creation_time_ms,
                experiment.id,
            )));
            found.push((experiment, tags));
        }
    }
    Ok((found, None))
}

async fn ordered_experiments(query: &Query<ExperimentAttribute>) -> Result<Page<Tagged>> {
    let mut best = Top::new(query.after.clone(), query.count);
    let mut walk = Walk::new(None, CHUNK_MAX);
    while let Some(chunk) = walk.next_experiments(query.view).await? {
        for (experiment, tags) in chunk
            .into_iter()
            .filter(|(experiment, tags)| query.filter.matches(experiment, tags))
        {
            best.offer(query.order.key(&experiment).bytes(), (experiment, tags));
        }
    }
    Ok(best.into_page())
}

/// A walk through a listing, chunk by chunk; the chunks grow, as a first one that was not enough says that little is found.
struct Walk {
    after: Option<Place>,
    ended: bool,
    chunk: usize,
}

impl Walk {
    fn new(after: Option<Place>, first_chunk: usize) -> Self {
        Walk {
            after,
            ended: false,
            chunk: first_chunk.clamp(1, CHUNK_MAX),
        }
    }

    async fn next_experiments(&mut self, view: View) -> Result<Option<Vec<Tagged>>> {
        if self.ended {
            return Ok(None);
        }
        let (found, next) = listing::experiments(view, self.after.as_ref(), self.chunk).await?;
        self.step(next);
        let ids: Vec<ExperimentId> = found.iter().map(|experiment| experiment.id).collect();
        let tags = experiments::tags(&ids).await?;
        Ok(Some(found.into_iter().zip(tags).collect()))
    }

    fn step(&mut self, next: Option<Place>) {
        self.ended = next.is_none();
        self.after = next;
        self.chunk = (2 * self.chunk).min(CHUNK_MAX);
    }
}
