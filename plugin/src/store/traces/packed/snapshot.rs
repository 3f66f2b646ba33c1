//! The columns of an experiment's traces at one moment, as a search sees them.
//!
//! A search reads the directory first, then the dirty markers, then blocks, and at last the directory again. If it is the same, no
//! compaction ended in between: then every trace that changed before has its marker, and no block was removed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};
use std::rc::Rc;

use super::Place;
use super::columns::ROWS_TOGETHER;
use super::place::damaged;
use crate::domain::id::ExperimentId;
use crate::error::Result;
use crate::host::records::{get, get_all, scan_until};
use crate::store::codec::trace_columns::{BlockRef, read_directory, read_rows};
use crate::store::columnar::block::Block;
use crate::store::columnar::cache::BlockRevision;
use crate::store::columnar::instance_cache;
use crate::store::keys::trace_columns as keys;
use crate::store::keys::trace_columns::TraceColumn;
use crate::store::keys::traces::sort_key as key_of;

/// Largest number of dirty traces among those that are compacted. With more, a search does without columns.
const DIRTY_MAX: usize = 20_000;

/// Number of blocks of one column that are read together.
const BLOCKS_AT_ONCE: usize = 256;

/// Rows of traces that are read: the index of their part, and the number of their record.
pub(super) type RowsOf = (usize, usize);

/// The parts of the default order, and the dirty traces among those that have columns.
pub(super) struct Snapshot {
    experiment: ExperimentId,
    version: u64,
    /// The sort key at which each part begins, and its block.
    parts: Vec<(Vec<u8>, Option<BlockRef>)>,
    /// Sort keys of dirty traces.
    pub(super) dirty: BTreeSet<Vec<u8>>,
}

impl Snapshot {
    /// Reads the directory, and the markers from a sort key on. `None`: nothing is compacted, or too much is dirty.
    pub(super) async fn read(experiment: ExperimentId, from: &[u8]) -> Result<Option<Self>> {
        let [record] = get([keys::directory(experiment)]).await?;
        let Some(directory) = record.decode(read_directory)? else {
            return Ok(None);
        };
        let parts = directory.parts.iter();
        let parts = parts.map(|part| (key_of(part.first.0, &part.first.1), part.block));
        let mut snapshot = Snapshot {
            experiment,
            version: record.version,
            parts: parts.collect(),
            dirty: BTreeSet::new(),
        };
        Ok(snapshot.read_markers(from).await?.then_some(snapshot))
    }

    /// Reads the markers of the parts that have blocks. False: there are too many.
    async fn read_markers(&mut self, from: &[u8]) -> Result<bool> {
        let mut spans = Vec::new();
        let mut start: Option<&[u8]> = None;
        for (first, block) in &self.parts {
            match (start, block) {
                (None, Some(_)) => start = Some(first),
                (Some(begun), None) => {
                    spans.push(keys::markers(self.experiment, begun.max(from), Some(first)));
                    start = None;
                }
                _ => {}
            }
        }
        if let Some(begun) = start {
            spans.push(keys::markers(self.experiment, begun.max(from), None));
        }
        spans.retain(|span| span.start < span.end);
        let mut dirty = BTreeSet::new();
        scan_until(spans, DIRTY_MAX + 1, |_, key, _| {
            let (_, sort_key) = keys::marked(key).ok_or_else(damaged)?;
            dirty.insert(sort_key.to_vec());
            Ok(if dirty.len() > DIRTY_MAX {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })
        .await?;
        self.dirty = dirty;
        Ok(self.dirty.len() <= DIRTY_MAX)
    }

    /// Number of parts.
    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    /// The part in which a sort key is. `None`: it is before all parts.
    pub(super) fn part_at(&self, sort_key: &[u8]) -> Option<usize> {
        self.parts
            .partition_point(|(first, _)| first.as_slice() <= sort_key)
            .checked_sub(1)
    }

    /// The block of a part. `None`: its traces are not compacted.
    pub(super) fn block(&self, part: usize) -> Option<BlockRef> {
        self.parts.get(part).and_then(|(_, block)| *block)
    }

    /// The sort key at which a part begins. `None`: there is no such part.
    pub(super) fn first(&self, part: usize) -> Option<&[u8]> {
        self.parts.get(part).map(|(first, _)| first.as_slice())
    }

    /// Reads some columns of consecutive parts with blocks.
    pub(super) async fn blocks(&self, parts: Range<usize>, columns: &[TraceColumn]) -> Result<Vec<Vec<Rc<Block>>>> {
        let mut blocks: Vec<Vec<Option<Rc<Block>>>> = Vec::with_capacity(parts.len());
        let mut missing = Vec::new();
        instance_cache::with(|cache| {
            cache.trace_blocks.begin_query();
            for part in parts.clone() {
                let number = self.block(part).ok_or_else(damaged)?.number;
                let mut of_part = Vec::with_capacity(columns.len());
                for (index, column) in columns.iter().enumerate() {
                    let segment = cache.trace_blocks.segment(self.experiment, column);
                    let cached = segment
                        .and_then(|segment| segment.get(self.cache_number(part), number))
                        .cloned();
                    if cached.is_none() {
                        missing.push((part, number, index, column));
                    }
                    of_part.push(cached);
                }
                blocks.push(of_part);
            }
            Ok(())
        })?;
        for some in missing.chunks(BLOCKS_AT_ONCE) {
            let asked = some
                .iter()
                .map(|(_, number, _, column)| keys::column(self.experiment, *number, column));
            let records = get_all(asked.collect()).await?;
            for ((part, number, index, column), record) in some.iter().zip(records) {
                let block = Rc::new(Block::read(&record.value).map_err(|error| error.at(&record.key))?);
                let revision = BlockRevision {
                    experiment: self.experiment,
                    revision: *number,
                };
                let bytes = block.size();
                instance_cache::with(|cache| {
                    let blocks = &mut cache.trace_blocks;
                    blocks.insert(revision, column, self.cache_number(*part), Rc::clone(&block), bytes);
                });
                let of_part = blocks.get_mut(*part - parts.start);
                *of_part
                    .and_then(|of_part| of_part.get_mut(*index))
                    .ok_or_else(damaged)? = Some(block);
            }
        }
        let all = blocks
            .into_iter()
            .map(|of_part| of_part.into_iter().collect::<Option<Vec<_>>>());
        all.collect::<Option<_>>().ok_or_else(damaged)
    }

    /// The number under which a part's blocks are cached. It stays when newer traces are compacted.
    fn cache_number(&self, part: usize) -> u32 {
        u32::try_from(self.parts.len().saturating_sub(part)).unwrap_or(u32::MAX)
    }

    /// Reads rows. `None`: compaction changed the directory meanwhile, and what was read of blocks means nothing.
    pub(super) async fn rows(&self, wanted: &BTreeSet<RowsOf>) -> Result<Option<BTreeMap<RowsOf, Vec<Place>>>> {
        let mut asked = vec![keys::directory(self.experiment)];
        for (part, record) in wanted {
            let number = self.block(*part).ok_or_else(damaged)?.number;
            let record = u32::try_from(*record).map_err(|_| damaged())?;
            asked.push(keys::rows(self.experiment, number, record));
        }
        let records = get_all(asked).await?;
        let Some((_, records)) = records.split_first().filter(|(first, _)| first.version == self.version) else {
            return Ok(None);
        };
        let mut rows = BTreeMap::new();
        for (of, record) in wanted.iter().zip(records) {
            rows.insert(*of, record.decode(read_rows)?.ok_or_else(damaged)?);
        }
        Ok(Some(rows))
    }

    /// The number of traces of a part before a sort key. `None`: as for `rows`.
    pub(super) async fn rows_before(&self, part: usize, sort_key: &[u8]) -> Result<Option<u16>> {
        let count = self.block(part).map_or(0, |block| usize::from(block.rows));
        let wanted = (0..count.div_ceil(ROWS_TOGETHER))
            .map(|record| (part, record))
            .collect();
        let Some(rows) = self.rows(&wanted).await? else {
            return Ok(None);
        };
        let places = rows.into_values().flatten();
        let before = places.filter(|(start, id)| *key_of(*start, id) < *sort_key);
        Ok(Some(u16::try_from(before.count()).unwrap_or(u16::MAX)))
    }
}

/// The rows with a slot of a part, and the index among them.
pub(super) fn rows_of(part: usize, slot: u16) -> (RowsOf, usize) {
    let slot = usize::from(slot);
    ((part, slot / ROWS_TOGETHER), slot % ROWS_TOGETHER)
}

/// The place of a slot among rows that were read.
pub(super) fn place_in(rows: &BTreeMap<RowsOf, Vec<Place>>, part: usize, slot: u16) -> Result<Place> {
    let (of, index) = rows_of(part, slot);
    let place = rows.get(&of).and_then(|rows| rows.get(index));
    place.cloned().ok_or_else(damaged)
}
