//! Compaction of traces: builds the blocks of parts whose traces changed. A pass is one commit on one experiment.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::Place;
use super::columns::{PackedBlock, TraceRow, build};
use super::place::{damaged, listed};
use crate::domain::id::ExperimentId;
use crate::domain::trace::Trace;
use crate::domain::trace::id::TraceId;
use crate::error::{Error, Result};
use crate::host::records::{Change, get_all, scan, scan_until, transact_background};
use crate::store::codec::trace_columns::{
    BlockRef, Directory, Part, read_directory, read_trace_marker, write_directory, write_trace_marker,
};
use crate::store::columnar::slot_bitmap::SLOTS;
use crate::store::keys::trace_columns as keys;
use crate::store::keys::traces::{read_sort_key, sort_key};
use crate::store::traces::read;
use crate::store::traces::search::size_of;

/// Largest number of markers that one pass reads.
const MARKERS_MAX: usize = 4_000;
/// Largest number of traces of which one pass builds blocks, and of bytes of these, about.
const TRACES_MAX: usize = 4 * SLOTS;
const BYTES_MAX: usize = 16 << 20;
/// Time without a change after which a trace is at rest, in milliseconds.
const QUIET_MS: i64 = 1_000;
/// Number of traces that are read together. If one of them cannot be read, they are read one by one.
const READ_TOGETHER: usize = 64;
/// Largest number of parts that one pass replaces.
const PARTS_MAX: usize = 16;
/// The time in the marker of a trace that cannot be read. Compaction leaves it until it is changed.
const SET_ASIDE: i64 = i64::MAX;
/// Number of traces at rest that are worth a pass, and the time after which fewer are, in milliseconds.
const MANY: usize = 128;
const LONG_MS: i64 = 20_000;

/// The result of a pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TracePass {
    /// Number of markers that were removed.
    pub compacted: usize,
    /// Number of markers that this pass saw.
    pub pending: usize,
}

/// A marker: its sort key, and the time of the change.
type Marker = (Vec<u8>, i64);

/// Builds blocks of one experiment. `quiet_ms` overrides the time that a trace must have been unchanged, and that its change must
/// wait. `random` is the first block's number of an experiment of which nothing is compacted.
pub async fn pass(quiet_ms: Option<i64>, now_ms: i64, random: u64) -> Result<TracePass> {
    let mut found: Vec<(ExperimentId, Vec<Marker>)> = Vec::new();
    let mut pending = 0;
    scan(keys::all_markers(), MARKERS_MAX, |key, value| {
        let (experiment, sort_key) = keys::marked(key).ok_or_else(damaged)?;
        let marker = (sort_key.to_vec(), read_trace_marker(value)?);
        if marker.1 == SET_ASIDE {
            return Ok(());
        }
        pending += 1;
        match found.last_mut().filter(|(last, _)| *last == experiment) {
            Some((_, markers)) => markers.push(marker),
            None => found.push((experiment, vec![marker])),
        }
        Ok(())
    })
    .await?;
    let rest_ms = quiet_ms.unwrap_or(QUIET_MS);
    for (experiment, mut markers) in found {
        let waited =
            |(_, changed_ms): &Marker, ms: i64| *changed_ms <= now_ms.saturating_sub(ms) || *changed_ms > now_ms;
        markers.retain(|marker| waited(marker, rest_ms));
        let is_due =
            quiet_ms.is_some() || markers.len() >= MANY || markers.iter().any(|marker| waited(marker, LONG_MS));
        if markers.is_empty() || !is_due {
            continue;
        }
        let compacted = rebuild(experiment, &markers, random).await?;
        return Ok(TracePass { compacted, pending });
    }
    Ok(TracePass { compacted: 0, pending })
}

/// Builds the blocks of the part with the oldest of these markers, and those of the parts after it as far as there is room. Returns
/// the number of markers that were removed.
async fn rebuild(experiment: ExperimentId, markers: &[Marker], random: u64) -> Result<usize> {
    transact_background(async |change| {
        let mut asked = vec![keys::directory(experiment)];
        asked.extend(
            markers
                .iter()
                .map(|(sort_key, _)| keys::marker_at(experiment, sort_key)),
        );
        let records = get_all(asked).await?;
        let (first, marked) = records.split_first().ok_or_else(damaged)?;
        let directory = first.decode(read_directory)?.unwrap_or_else(|| Directory {
            next_block: random,
            parts: Vec::new(),
        });
        change.require_version(keys::directory(experiment), first.version);
        let changed: BTreeSet<&[u8]> = markers
            .iter()
            .zip(marked)
            .filter(|((_, changed_ms), record)| {
                record.existing().and_then(|value| read_trace_marker(value).ok()) == Some(*changed_ms)
            })
            .map(|((sort_key, _), _)| sort_key.as_slice())
            .collect();
        // The part that changed first comes first, so that none waits for ever. Without markers the experiment may be purged: nothing
        // of it may be stored again.
        let oldest = markers
            .iter()
            .filter(|(sort_key, _)| changed.contains(sort_key.as_slice()));
        let Some((begin, _)) = oldest.min_by_key(|(_, changed_ms)| *changed_ms) else {
            return Ok(0);
        };
        let mut plan = Plan::new(experiment, directory, begin);
        plan.extend(&changed);
        let rows = plan.read_rows().await?;
        plan.write(change, &rows).await?;
        let mut removed = 0;
        for (sort_key, record) in markers.iter().map(|(sort_key, _)| sort_key.as_slice()).zip(marked) {
            let key = keys::marker_at(experiment, sort_key);
            let is_removed = changed.contains(sort_key) && plan.is_within(sort_key);
            if is_removed || sort_key == begin.as_slice() {
                change.require_version(key.clone(), record.version);
            }
            if is_removed && !plan.unreadable.contains(sort_key) {
                change.delete(key);
                removed += 1;
            }
        }
        plan.mark_rest(change);
        // The traces before the rest are compacted, even if none of them was marked.
        Ok(removed.max(1))
    })
    .await
}

/// The parts that a pass replaces.
struct Plan {
    experiment: ExperimentId,
    directory: Directory,
    /// Sort keys at which the parts begin.
    firsts: Vec<Vec<u8>>,
    /// The parts that are replaced. The traces before all parts are in none.
    from: usize,
    to: usize,
    /// The sort key at which the replaced part of the order begins, and ends. `None`: at its end.
    begin: Vec<u8>,
    until: Option<Vec<u8>>,
    /// The sort key from which on the replaced parts are left without columns. `None`: there is no rest.
    rest: Option<Vec<u8>>,
    /// Sort keys of traces that cannot be read. They have no columns, and stay dirty.
    unreadable: BTreeSet<Vec<u8>>,
}

impl Plan {
    /// Begins with the part that has a sort key.
    fn new(experiment: ExperimentId, directory: Directory, sort_key: &[u8]) -> Self {
        let firsts: Vec<Vec<u8>> = directory
            .parts
            .iter()
            .map(|part| self::sort_key(part.first.0, &part.first.1))
            .collect();
        let after = firsts.partition_point(|first| first.as_slice() <= sort_key);
        let begin = after.checked_sub(1).and_then(|part| firsts.get(part)).cloned();
        Plan {
            experiment,
            from: after.saturating_sub(1),
            to: after,
            begin: begin.unwrap_or_default(),
            until: firsts.get(after).cloned(),
            rest: None,
            unreadable: BTreeSet::new(),
            directory,
            firsts,
        }
    }

    /// Adds the parts that follow while they have changed, or have so few traces that they may fit into one block, and there is room.
    fn extend(&mut self, changed: &BTreeSet<&[u8]>) {
        let mut rows = self
            .directory
            .parts
            .get(self.from..self.to)
            .unwrap_or_default()
            .iter()
            .map(rows_of)
            .sum::<usize>();
        while let Some(next) = self.directory.parts.get(self.to) {
            let until = self.firsts.get(self.to + 1).cloned();
            let has_changed = |sort_key: &&[u8]| until.as_deref().is_none_or(|until| *sort_key < until);
            let first = self.firsts.get(self.to).map_or(&[][..], Vec::as_slice);
            let is_changed = changed.range(first..).next().is_some_and(has_changed);
            rows += rows_of(next);
            let is_small = next.block.is_some() && rows_of(next) < SLOTS;
            if !(is_changed || is_small) || rows > TRACES_MAX / 2 || self.to - self.from >= PARTS_MAX {
                break;
            }
            self.to += 1;
            self.until = until;
        }
    }

    /// Reads the traces of the replaced parts, or the first of them.
    async fn read_rows(&mut self) -> Result<Vec<TraceRow>> {
        let listed = listed(self.experiment, &self.begin, self.until.as_deref(), TRACES_MAX + 1).await?;
        let mut places = listed.places;
        if places.len() > TRACES_MAX {
            self.rest = places.pop().map(|(start, id)| sort_key(start, &id));
        }
        let ids: Vec<_> = places.iter().map(|(_, id)| id.clone()).collect();
        let (mut rows, mut done, mut bytes) = (Vec::new(), 0, 0);
        while done < ids.len() {
            let some = ids.get(done..ids.len().min(done + READ_TOGETHER)).unwrap_or_default();
            let read = match read::some(some).await {
                Err(Error::Corrupt(_)) => self.read_first(some, places.get(done)).await?,
                read => read?,
            };
            for trace in read {
                let place = places.get(done).ok_or_else(damaged)?;
                done += 1;
                // A trace that changed since its list was read has a new marker.
                if let Some(trace) = trace.filter(|trace| (trace.start_ms, &trace.id) == (place.0, &place.1)) {
                    bytes += size_of(&trace);
                    rows.push(TraceRow::of(&trace));
                }
            }
            if bytes > BYTES_MAX && done < ids.len() {
                self.rest = places.get(done).map(|(start, id)| sort_key(*start, id));
                break;
            }
        }
        Ok(rows)
    }

    /// Reads the first of some traces, one of which cannot be read.
    async fn read_first(&mut self, ids: &[TraceId], place: Option<&Place>) -> Result<Vec<Option<Trace>>> {
        match read::some(ids.get(..1).unwrap_or_default()).await {
            Err(Error::Corrupt(_)) => {
                self.unreadable.extend(place.map(|(start, id)| sort_key(*start, id)));
                Ok(vec![None])
            }
            read => read,
        }
    }

    /// Replaces the parts by blocks of these traces.
    async fn write(&mut self, change: &mut Change, rows: &[TraceRow]) -> Result<()> {
        self.remove_old(change).await?;
        let mut parts = Vec::new();
        for (index, some) in self.divided(rows).into_iter().enumerate() {
            let first = match read_sort_key(&self.begin).filter(|_| index == 0) {
                // Nothing may be left between two parts.
                Some(begin) => begin,
                None => some.first().map(|row| row.place.clone()).ok_or_else(damaged)?,
            };
            let block = Some(self.put(change, &build(some)?, some.len())?);
            parts.push(Part { first, block });
        }
        if let Some(first) = self.rest.as_deref().and_then(read_sort_key) {
            parts.push(Part { first, block: None });
        }
        self.directory.parts.splice(self.from..self.to, parts);
        let key = keys::directory(self.experiment);
        if self.directory.parts.is_empty() {
            change.delete(key);
        } else {
            change.put(key, write_directory(&self.directory));
        }
        Ok(())
    }

    /// The traces of each block. Before all parts, only the newest block has room, and gets the next traces. Elsewhere all have.
    fn divided<'r>(&self, rows: &'r [TraceRow]) -> Vec<&'r [TraceRow]> {
        if self.begin.is_empty() && self.rest.is_none() {
            let (newest, others) = rows.split_at(rows.len() % SLOTS);
            return std::iter::once(newest)
                .filter(|newest| !newest.is_empty())
                .chain(others.chunks(SLOTS))
                .collect();
        }
        let count = rows.len().div_ceil(SLOTS).max(1);
        rows.chunks(rows.len().div_ceil(count).max(1)).collect()
    }

    /// Stores a block under a new number.
    fn put(&mut self, change: &mut Change, block: &PackedBlock, rows: usize) -> Result<BlockRef> {
        let number = self.directory.next_block;
        self.directory.next_block = number.wrapping_add(1);
        for (column, value) in &block.columns {
            change.put(keys::column(self.experiment, number, column), value.clone());
        }
        for (record, value) in (0..).zip(&block.rows) {
            change.put(keys::rows(self.experiment, number, record), value.clone());
        }
        Ok(BlockRef {
            number,
            rows: u16::try_from(rows).map_err(|_| damaged())?,
            is_whole: block.is_whole,
        })
    }

    /// Removes the blocks of the replaced parts.
    async fn remove_old(&self, change: &mut Change) -> Result<()> {
        let parts = self.directory.parts.get(self.from..self.to).unwrap_or_default();
        let blocks = parts.iter().filter_map(|part| part.block);
        let spans = blocks.flat_map(|block| keys::block(self.experiment, block.number));
        scan_until(spans.collect(), usize::MAX, |_, key, _| {
            change.delete(key.to_vec());
            Ok(ControlFlow::Continue(()))
        })
        .await
    }

    /// True if the new blocks tell of a sort key.
    fn is_within(&self, sort_key: &[u8]) -> bool {
        let end = self.rest.as_ref().or(self.until.as_ref());
        self.begin.as_slice() <= sort_key && end.is_none_or(|end| sort_key < end.as_slice())
    }

    /// Marks the rest, so that another pass goes on there, and what cannot be read.
    fn mark_rest(&self, change: &mut Change) {
        for sort_key in &self.unreadable {
            change.put(
                keys::marker_at(self.experiment, sort_key),
                write_trace_marker(SET_ASIDE),
            );
        }
        if let Some(rest) = &self.rest {
            change.put(keys::marker_at(self.experiment, rest), write_trace_marker(0));
        }
    }
}

fn rows_of(part: &Part) -> usize {
    part.block.map_or(0, |block| usize::from(block.rows))
}
