//! Searches of runs.
//!
//! Packed runs are looked at in the columns of their block, a slot a run; runs that are not packed, and values that no column has,
//! are read themselves. In default order the newest blocks come first, and the search ends when nothing unread can come
//! before the end of the page.

use std::collections::VecDeque;

use super::areas::{Area, Areas, BlockRef, MarkedRun, Row};
use super::best::Best;
use super::blocks::{Cells, Columns, Numbers, Source, Table};
use super::{Page, Query};
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::run::FullRun;
use crate::error::Result;
use crate::search::filter::Field;
use crate::search::runs::RunAttribute;
use crate::store::block::SLOTS;
use crate::store::full_runs;
use crate::store::keys::{self, PLACE_BYTES};

/// How many runs are read themselves at a time, at most.
const RUNS_AT_ONCE: usize = 500;
/// How many blocks are read at a time, at most. In default order the first time it is one, then twice as many each time.
const BLOCKS_AT_ONCE: usize = 32;

/// Finds runs of some experiments.
pub async fn find(within: &[ExperimentId], query: &Query<RunAttribute>) -> Result<Page<RunId>> {
    let areas = Areas::read(within, query.view).await?;
    let mut unread = Unread::new(&areas, query);
    let mut finder = Finder::new(query);
    while let Some(step) = unread.next(&finder.best) {
        match step {
            Step::Runs(some) if finder.needs_no_more => {
                for run in some {
                    finder.best.offer(&run.place, run.id);
                }
            }
            Step::Runs(some) => {
                let ids: Vec<RunId> = some.iter().map(|run| run.id).collect();
                finder.read_runs(&ids).await?;
            }
            Step::Blocks(some) => finder.look_at(&areas, &some).await?,
        }
    }
    Ok(finder.best.page())
}

/// What is looked at next.
enum Step<'a> {
    Runs(&'a [MarkedRun]),
    Blocks(Vec<BlockRef>),
}

/// What is not looked at yet.
struct Unread<'a> {
    marked: &'a [MarkedRun],
    blocks: VecDeque<BlockRef>,
    blocks_at_once: usize,
    runs_at_once: usize,
    in_default_order: bool,
}

impl<'a> Unread<'a> {
    fn new(areas: &'a Areas, query: &Query<RunAttribute>) -> Self {
        let in_default_order = query.order.is_listing();
        let mut unread = Unread {
            marked: &areas.marked,
            blocks: areas.blocks().into(),
            blocks_at_once: if in_default_order { 1 } else { BLOCKS_AT_ONCE },
            runs_at_once: RUNS_AT_ONCE,
            in_default_order,
        };
        if in_default_order {
            unread.runs_at_once = (2 * query.count).min(RUNS_AT_ONCE);
            unread.begin_after(query.after.as_ref().map(|place| place.bytes()));
        }
        unread
    }

    /// Drops what lies before a place, and orders the rest.
    fn begin_after(&mut self, after: Option<&[u8]>) {
        if let Some(after) = after {
            let begin = self.marked.partition_point(|run| run.place.as_slice() <= after);
            self.marked = self.marked.get(begin..).unwrap_or_default();
            let last = |block: &BlockRef| keys::run_place(block.zone.oldest_ms, RunId([255; 16]));
            self.blocks.retain(|block| last(block).as_slice() > after);
        }
        self.blocks.make_contiguous().sort_unstable_by_key(first_place);
    }

    /// What to look at before anything else, or nothing when no more can change the page.
    fn next(&mut self, best: &Best<RunId>) -> Option<Step<'a>> {
        let next_block = self.blocks.front().map(first_place);
        let next_run = self.marked.first().map(|run| run.place);
        let runs_first = match (next_run, next_block) {
            (Some(run), Some(block)) => !self.in_default_order || run < block,
            (run, _) => run.is_some(),
        };
        let next = if runs_first { next_run } else { next_block }?;
        if self.in_default_order && best.is_behind(&next) {
            return None;
        }
        if runs_first {
            let (some, rest) = self.marked.split_at(self.runs_at_once.min(self.marked.len()));
            self.marked = rest;
            return Some(Step::Runs(some));
        }
        let some = self
            .blocks
            .drain(..self.blocks_at_once.min(self.blocks.len()))
            .collect();
        self.blocks_at_once = (2 * self.blocks_at_once).min(BLOCKS_AT_ONCE);
        Some(Step::Blocks(some))
    }
}

/// No run of the block comes before.
fn first_place(block: &BlockRef) -> [u8; PLACE_BYTES] {
    keys::run_place(block.zone.newest_ms, RunId([0; 16]))
}

/// Looks at runs and keeps the best.
struct Finder<'a> {
    query: &'a Query<RunAttribute>,
    in_default_order: bool,
    /// Place and stage alone tell whether a run is found, and where.
    needs_no_more: bool,
    best: Best<RunId>,
    columns: Columns,
    clauses: Vec<(Source, Numbers)>,
    terms: Vec<(Source, Numbers)>,
    /// The key that is being written.
    key: Vec<u8>,
}

impl<'a> Finder<'a> {
    fn new(query: &'a Query<RunAttribute>) -> Self {
        let mut columns = Columns::new();
        let clauses = query.filter.clauses.iter();
        let clauses = clauses.map(|clause| (columns.source_of_clause(clause), Numbers::of(&clause.subject)));
        let clauses = clauses.collect();
        let in_default_order = query.order.is_listing();
        let terms = query.order.terms().iter();
        let terms = terms.map(|term| (columns.source(&term.subject), Numbers::of(&term.subject)));
        Finder {
            terms: terms.collect(),
            clauses,
            query,
            in_default_order,
            needs_no_more: in_default_order && query.filter.is_empty(),
            best: Best::new(query.after.as_ref(), query.count),
            columns,
            key: Vec::new(),
        }
    }

    /// Reads runs themselves.
    async fn read_runs(&mut self, ids: &[RunId]) -> Result<()> {
        for run in full_runs::read_all(ids).await? {
            if self.query.filter.matches(&run) && self.query.view.shows(run.stage) {
                self.offer(&run);
            }
        }
        Ok(())
    }

    fn offer(&mut self, run: &FullRun) {
        let id = run.run.id;
        if self.in_default_order {
            self.best.offer(&keys::run_place(run.run.start_time_ms, id), id);
        } else {
            self.best.offer(self.query.order.key(run).bytes(), id);
        }
    }

    async fn look_at(&mut self, areas: &Areas, blocks: &[BlockRef]) -> Result<()> {
        let cells = Cells::read(areas, blocks, &self.columns).await?;
        let mut unsure = Vec::new();
        for (index, block) in blocks.iter().enumerate() {
            if let Some(area) = areas.areas.get(block.area) {
                self.look_at_block(areas, area, &cells.table(index)?, &mut unsure);
            }
        }
        for some in unsure.chunks(RUNS_AT_ONCE) {
            self.read_runs(some).await?;
        }
        Ok(())
    }

    /// Offers the runs of a block that are found; those of which the block does not know enough are put aside.
    fn look_at_block(&mut self, areas: &Areas, area: &Area, table: &Table<'_>, unsure: &mut Vec<RunId>) {
        for slot in 0..SLOTS {
            let Some(row) = table.run(slot).and_then(Row::read) else {
                continue;
            };
            if !self.query.view.shows(row.stage(area.lifecycle)) || self.found_enough(&row) {
                continue;
            }
            let Some(sure) = self.matches(table, slot, &row) else {
                continue;
            };
            let Some(sure) = self.write_key(table, slot, &row, sure) else {
                continue;
            };
            let (_, id) = keys::run_of_place(row.place);
            if areas.all_marked.contains(&id) {
                continue;
            }
            if sure {
                self.best.offer(&self.key, id);
            } else {
                unsure.push(id);
            }
        }
    }

    fn found_enough(&self, row: &Row<'_>) -> bool {
        self.in_default_order && self.best.is_behind(row.place)
    }

    /// Whether a run is found as far as the block knows: none when not, false when that is not sure.
    fn matches(&self, table: &Table<'_>, slot: usize, row: &Row<'_>) -> Option<bool> {
        let mut sure = true;
        for (clause, (source, numbers)) in self.query.filter.clauses.iter().zip(&self.clauses) {
            match value(table, *source, *numbers, slot, row) {
                Some(field) if clause.test.holds(&field) => {}
                Some(_) => return None,
                None => sure = false,
            }
        }
        Some(sure)
    }

    /// Writes the key of a run: none when it comes behind all that are wanted, false when it is not known, or not
    /// needed since the run must be read itself.
    fn write_key(&mut self, table: &Table<'_>, slot: usize, row: &Row<'_>, sure: bool) -> Option<bool> {
        if self.in_default_order {
            self.key.clear();
            self.key.extend_from_slice(row.place);
            return Some(sure);
        }
        let term = |index: usize| {
            let (source, numbers) = self.terms.get(index)?;
            value(table, *source, *numbers, slot, row)
        };
        let written = self.query.order.write_key(&mut self.key, self.best.last(), term);
        match written {
            Some(false) => None,
            Some(true) => Some(sure),
            None => Some(false),
        }
    }
}

/// A value of the run in a slot; none when only the run itself has it.
fn value<'a>(table: &Table<'a>, source: Source, numbers: Numbers, slot: usize, row: &Row<'_>) -> Option<Field<'a>> {
    match source {
        Source::Start => Some(Field::Integer(keys::run_of_place(row.place).0)),
        Source::Id => Some(Field::Text(keys::run_of_place(row.place).1.to_string().into())),
        source => table.field(source, slot, numbers),
    }
}
