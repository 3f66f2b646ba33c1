//! Builds the commit that compacts some runs of an experiment.

use std::collections::{BTreeMap, BTreeSet};

use super::SetAsideRun;
use super::budget::{BlockBudget, NEW_TAGS_MAX, RUNS_MAX};
use super::input::RunInput;
use crate::convert::to_u64;
use crate::domain::id::ExperimentId;
use crate::domain::run::{Run, TextPair};
use crate::error::Result;
use crate::host::records::{Change, exist, get_all};
use crate::store::columnar::block::TEXT_BYTES_MAX;
use crate::store::columnar::block_builder::BlockBuilder;
use crate::store::columnar::columns::{kind, write_stage};
use crate::store::columnar::dirty::{DirtyMarker, SetAside};
use crate::store::columnar::packed_run::{PACKED_BYTES_MAX, PackedRun, RunDelta};
use crate::store::columnar::row_keys;
use crate::store::columnar::row_keys::RunSortKey;
use crate::store::columnar::slot_bitmap::SLOTS;
use crate::store::columnar::zone_map::{ZoneMap, block_and_slot};
use crate::store::keys;
use crate::store::keys::Column;
use crate::store::runs::read::RunParts;

/// Number of blocks that are read and rewritten together. As blocks of texts these have 13 MiB.
const BLOCKS_AT_ONCE: usize = 256;

/// Largest number of tags that one pass stores one by one.
const UNPACKED_MAX: usize = 5_000;

/// A column and a run's value in it. `None`: the run has no value.
pub type Cell = (Column, Option<Vec<u8>>);

/// A slot of a block and its new value. `None`: no value.
type SlotValue = (usize, Option<Vec<u8>>);

/// Gathers the changes that a pass makes to the columns of an experiment.
pub struct Compactor {
    experiment: ExperimentId,
    zones: ZoneMap,
    first_row: u64,
    /// The new slot values of each block.
    blocks: BTreeMap<(Column, u32), Vec<SlotValue>>,
    budget: BlockBudget,
    /// Sort keys of the runs that got rows in this pass.
    sort_keys: Vec<RunSortKey>,
    moved: usize,
    set_aside: Vec<SetAsideRun>,
}

impl Compactor {
    /// Begins a pass on an experiment with this zone map.
    pub fn new(experiment: ExperimentId, zones: ZoneMap) -> Self {
        Compactor {
            experiment,
            first_row: zones.rows,
            zones,
            blocks: BTreeMap::new(),
            budget: BlockBudget::default(),
            sort_keys: Vec::new(),
            moved: 0,
            set_aside: Vec::new(),
        }
    }

    /// Adds a run, or leaves it for another pass. Returns false when no other run may follow.
    pub async fn add(&mut self, change: &mut Change, input: RunInput) -> Result<bool> {
        let parts = &input.parts;
        let Some(run) = &parts.run else {
            input.put_mark(change, self.experiment, None);
            self.moved += 1;
            return Ok(true);
        };
        let mut merged = parts.values()?;
        let is_new = merged.row.is_none();
        // The row is used only below: a run that is too large gets none.
        let row = *merged.row.get_or_insert(self.zones.rows);
        let bytes = merged.write();
        if bytes.len() > PACKED_BYTES_MAX {
            self.put_aside(change, &input);
            return Ok(true);
        }
        if is_new && let Some(many) = too_many_tags(parts)? {
            let is_alone = self.moved == 0;
            if is_alone {
                self.unpack_tags(change, &input, many).await?;
            }
            return Ok(false);
        }
        let cells = cells(run, &merged, &parts.loose, is_new);
        if !input.is_whole && !self.has_most_of(&cells, row) {
            return Ok(true);
        }
        if !self.takes(&cells, row) {
            return Ok(false);
        }
        if is_new {
            self.zones.add(run.start_time_ms);
            self.sort_keys.push(keys::run_sort_key(run.start_time_ms, run.id));
        }
        let (block, slot) = block_and_slot(row);
        for (column, value) in cells {
            self.blocks.entry((column, block)).or_default().push((slot, value));
        }
        change.put(keys::packed_run(run.id), bytes);
        input.put_mark(change, self.experiment, (!input.is_whole).then_some(input.run.mark));
        input.moved.into_iter().for_each(|key| change.delete(key));
        self.moved += 1;
        Ok(true)
    }

    /// True if most blocks of these cells are rewritten anyway, or none is yet. A run of which only a part is
    /// compacted otherwise waits for a pass that begins with its columns. Added here, it would get ahead of
    /// runs that could share the writing of its blocks.
    fn has_most_of(&self, cells: &[Cell], row: u64) -> bool {
        self.blocks.is_empty() || 2 * self.new_blocks(cells, row).count() <= cells.len()
    }

    /// Returns the columns of those cells whose blocks are not rewritten so far.
    fn new_blocks<'c>(&self, cells: &'c [Cell], row: u64) -> impl Iterator<Item = &'c Column> {
        let (block, _) = block_and_slot(row);
        let is_new = move |column: &&Column| !self.blocks.contains_key(&((*column).clone(), block));
        cells.iter().map(|(column, _)| column).filter(is_new)
    }

    /// True if the budget has room for the blocks that these cells need besides those that are rewritten
    /// anyway. They are then counted.
    fn takes(&mut self, cells: &[Cell], row: u64) -> bool {
        let (block, _) = block_and_slot(row);
        let before = u64::from(block) * to_u64(SLOTS);
        let rows = self.first_row.saturating_sub(before);
        let rows = usize::try_from(rows)
            .unwrap_or(SLOTS)
            .saturating_add(RUNS_MAX)
            .min(SLOTS);
        let new: Vec<_> = self.new_blocks(cells, row).map(|column| (kind(column), rows)).collect();
        self.budget.takes(new.into_iter())
    }

    fn put_aside(&mut self, change: &mut Change, input: &RunInput) {
        let reason = SetAside::TooLarge;
        let mark = DirtyMarker {
            set_aside: Some(reason),
            ..input.run.mark
        };
        input.put_mark(change, self.experiment, Some(mark));
        self.set_aside.push(SetAsideRun {
            experiment: self.experiment,
            run: input.run.id,
            reason,
        });
        self.moved += 1;
    }

    /// Stores tags of a new run one by one, so that they become columns in later passes. A tag that was set
    /// since keeps its newer value.
    async fn unpack_tags(&mut self, change: &mut Change, input: &RunInput, tags: Vec<TextPair<'_>>) -> Result<()> {
        let id = input.run.id;
        let stored = input.parts.packed.as_deref().unwrap_or_default();
        let mut left = PackedRun::read(stored)?;
        let unpacked: BTreeSet<&str> = tags.iter().map(|(key, _)| key.as_ref()).collect();
        left.tags.retain(|(key, _)| !unpacked.contains(key.as_ref()));
        let keys: Vec<Vec<u8>> = tags.iter().map(|(key, _)| keys::run_tag(id, key)).collect();
        let are_set = exist(&keys).await?;
        for ((key, (_, value)), is_set) in keys.into_iter().zip(tags).zip(are_set) {
            if !is_set {
                change.put(key, value.as_bytes().to_vec());
            }
        }
        change.put(keys::packed_run(id), left.write());
        input.put_mark(change, self.experiment, Some(input.run.mark));
        self.moved += 1;
        Ok(())
    }

    /// Writes the blocks, the row keys and the zone map. Returns the number of runs that were added, and
    /// those that are set aside. The change must check the zone map's version. Blocks are not checked, since
    /// every writer of a block also rewrites the zone map.
    pub async fn finish(mut self, change: &mut Change) -> Result<(usize, Vec<SetAsideRun>)> {
        if self.moved == 0 {
            return Ok((0, Vec::new()));
        }
        self.zones.bump(self.blocks.keys().map(|(_, block)| *block));
        change.put(keys::zones(self.experiment), self.zones.write());
        row_keys::append(change, self.experiment, self.first_row, &self.sort_keys).await?;
        let blocks: Vec<_> = self.blocks.iter().collect();
        for some in blocks.chunks(BLOCKS_AT_ONCE) {
            let key = |(column, block): &(Column, u32)| keys::block(self.experiment, column, *block);
            let records = get_all(some.iter().map(|(of, _)| key(of)).collect()).await?;
            for ((of, values), record) in some.iter().zip(&records) {
                let mut draft = BlockBuilder::read(&record.value)?;
                for (slot, value) in *values {
                    draft.set(*slot, value.as_deref());
                }
                change.put(key(of), draft.write(kind(&of.0)));
            }
        }
        Ok((self.moved, self.set_aside))
    }
}

/// Returns the tags of a new run that are too many to become columns at once: all after the first
/// `NEW_TAGS_MAX`. `None`: there are none.
fn too_many_tags(parts: &RunParts) -> Result<Option<Vec<TextPair<'_>>>> {
    let Some(packed) = parts.packed.as_deref() else {
        return Ok(None);
    };
    let tags = PackedRun::read(packed)?.tags.into_iter();
    let tags = tags.filter(|(key, _)| Column::Tag(key.to_string()).is_stored());
    let many: Vec<TextPair<'_>> = tags.skip(NEW_TAGS_MAX).take(UNPACKED_MAX).collect();
    Ok((!many.is_empty()).then_some(many))
}

/// Returns the cells of a run. A run that is new to the columns has all of them, any other one its attributes
/// and what is new.
fn cells(run: &Run, merged: &PackedRun<'_>, loose: &RunDelta, is_new: bool) -> Vec<Cell> {
    let mut cells = own_cells(run);
    if is_new {
        cells.push((Column::StartTime, Some(run.start_time_ms.to_le_bytes().to_vec())));
        cells.extend(packed_cells(merged));
    } else {
        cells.extend(loose_cells(merged, loose));
    }
    cells.retain(|(column, _)| column.is_stored());
    cells
}

/// The cells of a run that is packed and has not changed since.
pub fn cells_of(run: &Run, packed: &PackedRun<'_>) -> Vec<Cell> {
    cells(run, packed, &RunDelta::default(), true)
}

/// Returns the attributes of a run that may change.
fn own_cells(run: &Run) -> Vec<Cell> {
    let end = run.end_time_ms.map(|end| end.to_le_bytes().to_vec());
    vec![
        (Column::Stage, write_stage(run.lifecycle)),
        (Column::Status, Some(text(run.status.name()))),
        (Column::UserId, Some(text(&run.user_id))),
        (Column::EndTime, end),
    ]
}

/// Returns all values of a run.
fn packed_cells(packed: &PackedRun<'_>) -> impl Iterator<Item = Cell> {
    let metrics = packed.metrics.iter().map(|metric| {
        let value = metric.point.value.to_le_bytes().to_vec();
        (Column::Metric(metric.key.to_string()), Some(value))
    });
    let params = packed.params.iter();
    let params = params.map(|(key, value)| (Column::Param(key.to_string()), Some(text(value))));
    let tags = packed.tags.iter();
    let tags = tags.map(|(key, value)| (Column::Tag(key.to_string()), Some(text(value))));
    metrics.chain(params).chain(tags)
}

/// Returns the new values of a run.
fn loose_cells(merged: &PackedRun<'_>, loose: &RunDelta) -> impl Iterator<Item = Cell> {
    let metrics = loose.metrics.iter().map(|(key, _)| {
        let value = merged.metric(key).map(|newest| newest.value.to_le_bytes().to_vec());
        (Column::Metric(key.clone()), value)
    });
    let params = loose.params.iter();
    let params = params.map(|(key, value)| (Column::Param(key.clone()), Some(text(value))));
    let tags = loose.tags.iter();
    let tags = tags.map(|(key, value)| (Column::Tag(key.clone()), value.as_deref().map(text)));
    metrics.chain(params).chain(tags)
}

/// Returns a text for a block. A text that is too long for one is cut to a length that still shows that.
fn text(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    bytes.get(..=TEXT_BYTES_MAX).unwrap_or(bytes).to_vec()
}
