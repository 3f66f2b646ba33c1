//! The search of runs: prune blocks, filter by columns, keep the top k, then read the remaining runs.
//!
//! Packed runs are searched in their block's columns. Dirty runs, and values without a column, are read from
//! the runs' own records. In the default order the newest blocks come first; the search ends when nothing
//! unread can be on the page. In another order row keys are only looked up for runs that may be on the page.

use std::ops::RangeInclusive;

use super::block_reader::{BlockSet, ColumnProjection, RowGroup, ValueSource};
use super::candidates::{Candidate, Candidates};
use super::filter_mask::{FilterMask, cost};
use super::projection::Projection;
use super::scan_plan::{RUNS_AT_ONCE, ScanPlan, ScanStep};
use super::snapshot::{BlockId, BlockRef, DirtyRun, SearchSnapshot};
use super::sort_terms::{from_sort_key, is_in_sort_key, is_start_time, key_of_cursor};
use super::{RowLocation, RunHit, block_reader, filter_cache, threshold};
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::run::FullRun;
use crate::error::Result;
use crate::search::filter::{Field, Predicate};
use crate::search::runs::RunAttribute;
use crate::store::columnar::instance_cache::FilterResult;
use crate::store::columnar::row_keys::RunSortKey;
use crate::store::columnar::slot_bitmap::SlotBitmap;
use crate::store::columnar::zone_map::row_of;
use crate::store::columnar::{columns, row_keys};
use crate::store::keys;
use crate::store::query::SearchQuery;
use crate::store::top_k::{Page, TopK};

/// Finds runs of some experiments.
pub async fn find(within: &[ExperimentId], query: &SearchQuery<RunAttribute>) -> Result<Page<RunHit>> {
    Ok(scan(within, query, None).await?.0)
}

/// Finds runs, in default order, at a cost that does not grow with the experiments. Where these have many runs, only runs that
/// started in this period are looked at, and the oldest of them. Returns true if some of the period were left out.
pub async fn find_near(
    within: &[ExperimentId],
    query: &SearchQuery<RunAttribute>,
    started_ms: &RangeInclusive<i64>,
) -> Result<(Page<RunHit>, bool)> {
    scan(within, query, Some(started_ms)).await
}

async fn scan(
    within: &[ExperimentId],
    query: &SearchQuery<RunAttribute>,
    near: Option<&RangeInclusive<i64>>,
) -> Result<(Page<RunHit>, bool)> {
    block_reader::begin_query();
    let snapshot = SearchSnapshot::read(within, query.view).await?;
    let mut search = RunSearch::new(&snapshot, query);
    let mut plan = ScanPlan::new(&snapshot, query, search.all_columns.count());
    let is_cut = near.is_some_and(|started_ms| plan.narrow(started_ms));
    while let Some(step) = plan.next(&search.best) {
        match step {
            ScanStep::Runs(some) if search.sort_key_suffices => {
                for run in some {
                    search.best.offer(&run.sort_key, uncompacted(run.id()));
                }
            }
            ScanStep::Runs(some) => {
                let ids: Vec<RunId> = some.iter().map(DirtyRun::id).collect();
                search.read_runs(&ids).await?;
            }
            ScanStep::Blocks(some) => search.scan_blocks(&some).await?,
        }
    }
    search.resolve_candidates().await?;
    Ok((search.best.into_page(), is_cut))
}

struct RunSearch<'a> {
    snapshot: &'a SearchSnapshot,
    query: &'a SearchQuery<RunAttribute>,
    in_default_order: bool,
    /// True if the sort key and the stage alone decide if a run matches, and its position.
    sort_key_suffices: bool,
    best: TopK<RunHit>,
    candidates: Candidates,
    /// The tests of the filter with the sources of their values. Cheap and selective ones come first.
    clauses: Vec<(&'a Predicate, ValueSource)>,
    /// The number of the filter in the cache of filter results. `None`: its results are not cached.
    filter: Option<u32>,
    /// The columns of a block whose filter result is cached.
    term_columns: ColumnProjection,
    /// The columns of other blocks, with those of the clauses.
    all_columns: ColumnProjection,
    /// The sources of the first terms. The later terms are in a run's sort key, which is looked up later.
    terms: Vec<ValueSource>,
    projection: Projection,
    /// True if row keys are looked up at once: nothing else orders the runs, or the search may end early.
    is_eager: bool,
}

impl<'a> RunSearch<'a> {
    fn new(snapshot: &'a SearchSnapshot, query: &'a SearchQuery<RunAttribute>) -> Self {
        let in_place = query
            .order
            .terms()
            .iter()
            .rev()
            .take_while(|term| is_in_sort_key(&term.subject));
        // In an order by start times their column shows first which row keys are worth a look-up.
        let is_by_start = query.order.terms().first().is_some_and(is_start_time);
        let first = (query.order.terms().len() - in_place.count()).max(usize::from(is_by_start));
        let first = query.order.terms().iter().take(first);
        let mut term_columns = ColumnProjection::stages();
        let terms: Vec<ValueSource> = first.map(|term| term_columns.source(&term.subject)).collect();
        let mut all_columns = term_columns.clone();
        let clauses = query.filter.clauses.iter();
        let mut clauses: Vec<_> = clauses
            .map(|clause| (&clause.test, all_columns.source_of_clause(clause)))
            .collect();
        clauses.sort_by_key(|(test, _)| cost(test));
        let in_default_order = query.order.is_listing();
        let after = query.after.as_ref().map(|cursor| match in_default_order {
            true => key_of_cursor(&query.order, cursor.bytes()),
            false => cursor.bytes().to_vec(),
        });
        // The values of a dirty run in its block may be outdated, so dirty runs do not count.
        let needed = query.count + snapshot.dirty_count();
        RunSearch {
            snapshot,
            query,
            in_default_order,
            sort_key_suffices: in_default_order && query.filter.is_empty(),
            best: TopK::new(query.after.clone(), query.count),
            candidates: Candidates::new(after, needed),
            clauses,
            filter: filter_cache::begin_query(&query.filter),
            term_columns,
            all_columns,
            is_eager: in_default_order || terms.is_empty(),
            terms,
            projection: Projection::of(query),
        }
    }

    /// Reads runs from their own records, and keeps those that match.
    async fn read_runs(&mut self, ids: &[RunId]) -> Result<()> {
        let (query, best, in_default_order) = (self.query, &mut self.best, self.in_default_order);
        let offer = |run: &FullRun<'_>| {
            if !query.filter.matches(run) || !query.view.shows(run.stage) {
                return;
            }
            let id = run.run.id;
            if in_default_order {
                best.offer(&keys::run_sort_key(run.run.start_time_ms, id), uncompacted(id));
            } else {
                best.offer(query.order.key(run).bytes(), uncompacted(id));
            }
        };
        self.projection.read(self.snapshot, ids, offer).await
    }

    async fn scan_blocks(&mut self, blocks: &[BlockRef]) -> Result<()> {
        let ids = blocks.iter().map(|block| block.id);
        let (known, open): (Vec<_>, Vec<_>) = ids
            .map(|id| (id, self.cached_filter(id)))
            .partition(|(_, known)| known.is_some());
        let mut put_aside = Vec::new();
        self.scan_alike(&known, &mut put_aside).await?;
        self.scan_alike(&open, &mut put_aside).await?;
        let undecided: Vec<RunId> = self
            .sort_keys(put_aside)
            .await?
            .into_iter()
            .map(|(_, _, id)| id)
            .collect();
        self.read_runs(&undecided).await?;
        if self.is_eager {
            self.resolve_candidates().await?;
        }
        Ok(())
    }

    /// Scans blocks whose filter results are all cached, or all not. Undecided runs are put aside.
    async fn scan_alike(
        &mut self,
        some: &[(BlockId, Option<FilterResult>)],
        put_aside: &mut Vec<Candidate>,
    ) -> Result<()> {
        let is_known = some.iter().all(|(_, known)| known.is_some());
        let columns = if is_known {
            &self.term_columns
        } else {
            &self.all_columns
        };
        let ids: Vec<BlockId> = some.iter().map(|(id, _)| *id).collect();
        let blocks = BlockSet::read(self.snapshot, &ids, columns).await?;
        if let Some(last) = self.first_page_bound(&ids, &blocks) {
            self.candidates.set_upper_bound(last);
        }
        for ((id, known), rows) in some.iter().zip(blocks.row_groups()) {
            let result = known.unwrap_or_else(|| self.evaluate_filter(*id, &rows));
            self.scan_block(*id, &rows, &result, put_aside);
            if self.candidates.overflow() {
                self.resolve_candidates().await?;
            }
        }
        Ok(())
    }

    /// Returns the filter's result for a block. `None`: it must be evaluated.
    fn cached_filter(&self, block: BlockId) -> Option<FilterResult> {
        if self.clauses.is_empty() {
            return Some(FilterResult {
                matched: self.rows_in(block),
                undecided: SlotBitmap::default(),
            });
        }
        filter_cache::get(self.snapshot.revision(block)?, block.number, self.filter?)
    }

    /// Evaluates the filter on all runs of a block. The next search may need runs that this one does not.
    fn evaluate_filter(&self, block: BlockId, rows: &RowGroup<'_>) -> FilterResult {
        let mut mask = FilterMask::new(rows, self.rows_in(block));
        for (test, source) in &self.clauses {
            mask.test(test, *source);
        }
        let result = FilterResult {
            matched: mask.matched,
            undecided: mask.undecided,
        };
        if let (Some(revision), Some(filter)) = (self.snapshot.revision(block), self.filter) {
            filter_cache::insert(revision, block.number, filter, result);
        }
        result
    }

    /// Returns the slots of a block that have runs.
    fn rows_in(&self, block: BlockId) -> SlotBitmap {
        let experiment = self.snapshot.experiments.get(block.experiment);
        experiment.map_or_else(SlotBitmap::default, |experiment| {
            SlotBitmap::prefix(experiment.zones.rows_in_block(block.number))
        })
    }

    /// Returns an upper bound of the page's last key, if known: on an unfiltered first page by one metric.
    fn first_page_bound(&self, ids: &[BlockId], blocks: &BlockSet) -> Option<Vec<u8>> {
        let ([ValueSource::Float(column)], None, None) =
            (&*self.terms, self.candidates.after(), self.candidates.last())
        else {
            return None;
        };
        if !self.query.filter.is_empty() {
            return None;
        }
        let descending = self.query.order.terms().first()?.descending;
        let block_bounds = ids.iter().zip(blocks.row_groups()).flat_map(|(block, rows)| {
            let used = self
                .snapshot
                .experiments
                .get(block.experiment)
                .map_or(0, |experiment| experiment.zones.rows_in_block(block.number));
            threshold::block_bounds(&rows, *column, used, &self.shown(*block, &rows), descending)
        });
        let last = threshold::top_k_threshold(block_bounds.collect(), self.candidates.count(), descending)?;
        let mut key = Vec::new();
        let number = |_| Some(Field::Float(last));
        self.query.order.write_terms(&mut key, 0..1, number).map(|()| key)
    }

    /// Offers the matching runs of a block; undecided ones are put aside.
    fn scan_block(
        &mut self,
        block: BlockId,
        rows: &RowGroup<'_>,
        result: &FilterResult,
        put_aside: &mut Vec<Candidate>,
    ) {
        let in_question = self.shown(block, rows) & (result.matched | result.undecided);
        let mut mask = FilterMask::new(rows, in_question);
        let bounds = self.query.order.bounds(self.candidates.after(), self.candidates.last());
        if let (Some(bounds), Some(source)) = (bounds, self.terms.first()) {
            mask.restrict(bounds, *source);
        }
        let mut undecided = mask.matched & result.undecided;
        let mut key = Vec::new();
        for slot in (mask.matched & result.matched).iter() {
            key.clear();
            let value = |index: usize| rows.field(*self.terms.get(index)?, slot);
            match self.query.order.write_terms(&mut key, 0..self.terms.len(), value) {
                Some(()) => self.candidates.offer(&key, block, slot),
                None => undecided.insert(slot),
            }
        }
        let aside = |slot| Candidate {
            key: Vec::new(),
            block,
            slot,
        };
        put_aside.extend(undecided.iter().map(aside));
    }

    /// Returns the slots of a block whose runs the view shows.
    fn shown(&self, block: BlockId, rows: &RowGroup<'_>) -> SlotBitmap {
        let Some(experiment) = self.snapshot.experiments.get(block.experiment) else {
            return SlotBitmap::default();
        };
        let shows = |stored| {
            stored != Some(columns::PURGED)
                && self
                    .query
                    .view
                    .shows(columns::read_stage(stored).of_run(experiment.lifecycle))
        };
        let shows_usual = shows(None);
        let mut slots = SlotBitmap::prefix(experiment.zones.rows_in_block(block.number));
        if let Some(stages) = rows.column(0).filter(|stages| !(shows_usual && stages.is_empty())) {
            slots.retain(|slot| {
                stages
                    .get(slot)
                    .bytes()
                    .map_or(shows_usual, |stored| shows(Some(stored)))
            });
        }
        slots
    }

    /// Looks up the row keys of the candidates and keeps the best of them.
    async fn resolve_candidates(&mut self) -> Result<()> {
        let candidates = self.candidates.take();
        // With so many equal candidates it is better to look up each at once.
        self.is_eager |= candidates.len() > 4 * self.query.count.max(RUNS_AT_ONCE);
        let terms = self.query.order.terms();
        // Rows usually follow the default order from its end. Reversed, few are kept that are removed later.
        for (candidate, sort_key, id) in self.sort_keys(candidates).await?.into_iter().rev() {
            let location = self.location(&candidate);
            let found = RunHit { id, location };
            if self.in_default_order {
                self.best.offer(&sort_key, found);
                continue;
            }
            let (start_time_ms, _) = keys::run_of_sort_key(&sort_key);
            let value = |index: usize| from_sort_key(&terms.get(index)?.subject, start_time_ms, id);
            let mut key = candidate.key;
            let rest = self.terms.len()..terms.len();
            if self.query.order.write_terms(&mut key, rest, value).is_some() {
                self.best.offer(&key, found);
            }
        }
        Ok(())
    }

    fn location(&self, candidate: &Candidate) -> Option<RowLocation> {
        Some(RowLocation {
            revision: self.snapshot.revision(candidate.block)?,
            row: row_of(candidate.block.number, candidate.slot),
            stage: self.query.view.only()?,
        })
    }

    /// Returns sort key and id of each candidate, except of dirty runs.
    async fn sort_keys(&self, candidates: Vec<Candidate>) -> Result<Vec<(Candidate, RunSortKey, RunId)>> {
        let row = |candidate: &Candidate| {
            let row = row_of(candidate.block.number, candidate.slot);
            Some((self.snapshot.revision(candidate.block)?, row))
        };
        let rows: Option<Vec<_>> = candidates.iter().map(row).collect();
        let sort_keys = row_keys::look_up(&rows.unwrap_or_default()).await?;
        let found = candidates
            .into_iter()
            .zip(sort_keys)
            .filter_map(|(candidate, sort_key)| {
                let sort_key = sort_key?;
                let (_, id) = keys::run_of_sort_key(&sort_key);
                (!self.snapshot.is_dirty(id)).then_some((candidate, sort_key, id))
            });
        Ok(found.collect())
    }
}

fn uncompacted(id: RunId) -> RunHit {
    RunHit { id, location: None }
}
