//! Columns: each packed run has the same values in its slot as in its own record, and its sort key in its row.

use std::collections::BTreeMap;

use super::{Problem, Repair, Source};
use crate::domain::id::ExperimentId;
use crate::domain::run::Run;
use crate::error::{Error, Result};
use crate::store::columnar::block::{Block, TEXT_BYTES_MAX, Value};
use crate::store::columnar::block_builder::BlockBuilder;
use crate::store::columnar::columns;
use crate::store::columnar::packed_run::PackedRun;
use crate::store::columnar::row_keys;
use crate::store::columnar::zone_map::block_and_slot;
use crate::store::compaction::compactor::cells_of;
use crate::store::keys::{self, Column};

/// Number of blocks of rows whose columns are kept. Runs come in the order of their creation, as rows do in each experiment.
const BLOCKS_KEPT_MAX: usize = 16;

/// The columns that were looked at last, and all wrong values.
#[derive(Default)]
pub(super) struct Columns {
    /// The columns of blocks by experiment and number. `None`: the column's block cannot be read, which is told of its record.
    blocks: BTreeMap<(ExperimentId, u32), BTreeMap<Column, Option<Block>>>,
    /// Slots that have another value than their runs, with the right ones.
    wrong: BTreeMap<(ExperimentId, u32, Column), Vec<SlotValue>>,
}

type SlotValue = (usize, Option<Vec<u8>>);

impl Columns {
    /// Compares a packed run that has not changed since.
    pub(super) fn run(
        &mut self,
        source: &impl Source,
        problems: &mut Vec<Problem>,
        run: &Run,
        packed: &PackedRun<'_>,
        row: u64,
    ) -> Result<()> {
        let (block, slot) = block_and_slot(row);
        let record = source.get(&keys::row_keys(run.experiment, row_keys::record_number(row)))?;
        let sort_key = record.and_then(|record| row_keys::sort_key_of(&record, row));
        if sort_key != Some(keys::run_sort_key(run.start_time_ms, run.id)) {
            problems.push(Problem {
                text: format!(
                    "row {row} of experiment {} is not that of run {}",
                    run.experiment, run.id
                ),
                repair: None,
            });
            return Ok(());
        }
        for (column, value) in cells_of(run, packed) {
            let stored = self.load(source, run.experiment, block, &column)?;
            if stored.is_some_and(|stored| !agrees(stored, slot, value.as_deref())) {
                problems.push(Problem {
                    text: format!("{column:?} of run {} has another value in its column", run.id),
                    repair: None,
                });
                let wrong = self.wrong.entry((run.experiment, block, column)).or_default();
                wrong.push((slot, value));
            }
        }
        Ok(())
    }

    /// A block. `None`: it cannot be read.
    fn load(
        &mut self,
        source: &impl Source,
        experiment: ExperimentId,
        block: u32,
        column: &Column,
    ) -> Result<Option<&Block>> {
        if self.blocks.len() > BLOCKS_KEPT_MAX {
            self.blocks.clear();
        }
        let columns = self.blocks.entry((experiment, block)).or_default();
        if !columns.contains_key(column) {
            let stored = source.get(&keys::block(experiment, column, block))?.unwrap_or_default();
            let read = match Block::read(&stored) {
                Ok(block) => Some(block),
                Err(Error::Corrupt(_)) => None,
                Err(error) => return Err(error),
            };
            columns.insert(column.clone(), read);
        }
        Ok(columns.get(column).and_then(Option::as_ref))
    }

    /// The repairs of all blocks with wrong values.
    pub(super) fn repairs(self, source: &impl Source) -> Result<Vec<Problem>> {
        let mut problems = Vec::new();
        for ((experiment, number, column), wrong) in self.wrong {
            let key = keys::block(experiment, &column, number);
            let mut builder = BlockBuilder::read(&source.get(&key)?.unwrap_or_default())?;
            for (slot, value) in &wrong {
                builder.set(*slot, value.as_deref());
            }
            let repair = if builder.is_empty() {
                Repair::Delete(key)
            } else {
                Repair::Put(key, builder.write(columns::kind(&column)))
            };
            problems.push(Problem {
                text: format!("block {number} of {column:?} in experiment {experiment} has wrong values"),
                repair: Some(repair),
            });
        }
        Ok(problems)
    }
}

/// True if the slot has this value.
fn agrees(block: &Block, slot: usize, expected: Option<&[u8]>) -> bool {
    let slot = u16::try_from(slot).unwrap_or(u16::MAX);
    match (block.get(slot), expected) {
        (Value::Absent, expected) => expected.is_none(),
        (Value::Oversized, expected) => expected.is_some_and(|value| value.len() > TEXT_BYTES_MAX),
        (value, expected) => value.bytes() == expected,
    }
}
