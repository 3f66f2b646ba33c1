//! Reads the blocks that a search needs, and finds the value of a run in them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::rc::Rc;

use super::snapshot::{BlockId, SearchSnapshot};
use crate::domain::run::NAME_TAG;
use crate::error::{Error, Result};
use crate::host::records::read_spans;
use crate::search::filter::{Clause, Field};
use crate::search::runs::RunAttribute;
use crate::search::schema::Subject;
use crate::store::columnar::block::{Block, Value};
use crate::store::columnar::instance_cache;
use crate::store::columnar::row_keys;
use crate::store::columnar::row_keys::RunSortKey;
use crate::store::columnar::slot_bitmap::SLOTS;
use crate::store::columnar::zone_map::row_of;
use crate::store::contiguous;
use crate::store::keys::{self, Column};

/// The source of a value that a search asks for. It is usually a column, given as its index among those that
/// are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueSource {
    /// The id in the row key.
    Id,
    /// A column of texts.
    Text(usize),
    /// A column of texts. A run that has no value there must be read itself.
    TextOrRun(usize),
    /// A column of floats.
    Float(usize),
    /// A column of integers.
    Integer(usize),
    /// The run's own records.
    Run,
}

/// The columns that a search reads.
#[derive(Clone)]
pub(super) struct ColumnProjection {
    columns: Vec<Column>,
    /// True if the row keys of all runs are read too.
    with_sort_keys: bool,
}

impl ColumnProjection {
    /// Begins with the column of stages. Others are added later.
    pub(super) fn stages() -> Self {
        ColumnProjection {
            columns: vec![Column::Stage],
            with_sort_keys: false,
        }
    }

    /// Number of columns.
    pub(super) fn count(&self) -> usize {
        self.columns.len()
    }

    /// Returns the source of a clause's value.
    pub(super) fn source_of_clause(&mut self, clause: &Clause<RunAttribute>) -> ValueSource {
        match &clause.subject {
            // In filters the name is the tag.
            Subject::Attribute(RunAttribute::RunName) => ValueSource::Text(self.name()),
            subject => self.source(subject),
        }
    }

    /// Returns the source of the value of an order's term.
    pub(super) fn source(&mut self, subject: &Subject<RunAttribute>) -> ValueSource {
        match subject {
            Subject::Metric(key) => self.source_of_value(Column::Metric(key.clone()), ValueSource::Float),
            Subject::Param(key) => self.source_of_value(Column::Param(key.clone()), ValueSource::Text),
            Subject::Tag(key) => self.source_of_value(Column::Tag(key.clone()), ValueSource::Text),
            Subject::Dataset(_) | Subject::Named(..) => ValueSource::Run,
            Subject::Attribute(attribute) => match attribute {
                RunAttribute::RunId => {
                    self.with_sort_keys = true;
                    ValueSource::Id
                }
                RunAttribute::StartTime => ValueSource::Integer(self.index(Column::StartTime)),
                RunAttribute::Status => ValueSource::Text(self.index(Column::Status)),
                RunAttribute::UserId => ValueSource::Text(self.index(Column::UserId)),
                RunAttribute::EndTime => ValueSource::Integer(self.index(Column::EndTime)),
                RunAttribute::ArtifactUri => ValueSource::Run,
                // A run keeps its name when the tag is removed.
                RunAttribute::RunName => ValueSource::TextOrRun(self.name()),
            },
        }
    }

    fn source_of_value(&mut self, column: Column, source: fn(usize) -> ValueSource) -> ValueSource {
        if column.is_stored() {
            source(self.index(column))
        } else {
            ValueSource::Run
        }
    }

    fn name(&mut self) -> usize {
        self.index(Column::Tag(NAME_TAG.to_owned()))
    }

    fn index(&mut self, column: Column) -> usize {
        let known = self.columns.iter().position(|other| *other == column);
        known.unwrap_or_else(|| {
            self.columns.push(column);
            self.columns.len() - 1
        })
    }
}

/// Begins a search: the blocks that it reads stay in the cache until it ends.
pub(super) fn begin_query() {
    instance_cache::with(|cache| cache.blocks.begin_query());
}

/// Blocks that were read, with all columns of each.
pub(super) struct BlockSet {
    /// All columns of the first block, then those of the next.
    blocks: Vec<Rc<Block>>,
    columns: usize,
    /// Sort keys of each block by slot. Empty when they are not asked for.
    sort_keys: Vec<Vec<Option<RunSortKey>>>,
}

impl BlockSet {
    /// Reads the blocks that are not cached, and takes the others from the cache.
    pub(super) async fn read(
        snapshot: &SearchSnapshot,
        blocks: &[BlockId],
        columns: &ColumnProjection,
    ) -> Result<Self> {
        let mut fetch = BlockFetch::from_cache(snapshot, blocks, columns)?;
        fetch.read_missing(snapshot).await?;
        let empty = Rc::new(Block::empty());
        let or_empty = |block: Option<Rc<Block>>| block.unwrap_or_else(|| Rc::clone(&empty));
        Ok(BlockSet {
            blocks: fetch.cells.into_iter().map(or_empty).collect(),
            columns: columns.columns.len(),
            sort_keys: if columns.with_sort_keys {
                sort_keys_of(snapshot, blocks).await?
            } else {
                Vec::new()
            },
        })
    }

    /// Returns the blocks in the order asked.
    pub(super) fn row_groups(&self) -> impl Iterator<Item = RowGroup<'_>> {
        self.blocks
            .chunks(self.columns)
            .enumerate()
            .map(|(block, columns)| RowGroup {
                columns,
                sort_keys: self.sort_keys.get(block).map_or(&[][..], Vec::as_slice),
            })
    }
}

/// Gathers blocks from the cache and from storage.
struct BlockFetch<'a> {
    /// All columns of the first block, then those of the next. `None`: not read yet.
    cells: Vec<Option<Rc<Block>>>,
    blocks: &'a [BlockId],
    columns: &'a [Column],
}

/// Consecutive blocks of one column that are not cached.
struct MissingRange {
    experiment: usize,
    numbers: RangeInclusive<u32>,
    column: usize,
}

impl<'a> BlockFetch<'a> {
    /// Takes the cached blocks.
    fn from_cache(snapshot: &SearchSnapshot, blocks: &'a [BlockId], columns: &'a ColumnProjection) -> Result<Self> {
        let columns = columns.columns.as_slice();
        let mut cells = vec![None; blocks.len() * columns.len()];
        instance_cache::with(|cache| {
            for (index, column) in columns.iter().enumerate() {
                let (mut segment, mut of) = (None, None);
                for (id, cell) in blocks.iter().zip(cells.iter_mut().skip(index).step_by(columns.len())) {
                    let revision = snapshot.revision(*id).ok_or_else(corrupt)?;
                    if of != Some(revision.experiment) {
                        segment = cache.blocks.segment(revision.experiment, column);
                        of = Some(revision.experiment);
                    }
                    *cell = segment
                        .and_then(|segment| segment.get(id.number, revision.revision))
                        .cloned();
                }
            }
            Ok(())
        })?;
        Ok(BlockFetch { cells, blocks, columns })
    }

    /// Reads the missing blocks: one range for each column and each sequence of consecutive blocks.
    async fn read_missing(&mut self, snapshot: &SearchSnapshot) -> Result<()> {
        if self.cells.iter().all(Option::is_some) {
            return Ok(());
        }
        let index_of: BTreeMap<BlockId, usize> = self.blocks.iter().copied().zip(0..).collect();
        let mut ranges = Vec::new();
        for column in 0..self.columns.len() {
            let is_missing = |block: &usize| matches!(self.cells.get(block * self.columns.len() + column), Some(None));
            let missing = index_of.iter().filter(|(_, block)| is_missing(block));
            for (experiment, numbers) in contiguous::ranges(missing.map(|(block, _)| (block.experiment, block.number)))
            {
                ranges.push(MissingRange {
                    experiment,
                    numbers,
                    column,
                });
            }
        }
        let span = |range: &MissingRange| {
            let experiment = snapshot
                .experiments
                .get(range.experiment)
                .ok_or_else(corrupt)?
                .experiment;
            let column = self.columns.get(range.column).ok_or_else(corrupt)?;
            Ok(keys::blocks(
                experiment,
                column,
                *range.numbers.start(),
                *range.numbers.end(),
            ))
        };
        let read = read_spans(ranges.iter().map(span).collect::<Result<_>>()?).await?;
        for entry in read.iter() {
            let (range, key, value) = entry?;
            let range = ranges.get(range).ok_or_else(corrupt)?;
            let number = keys::block_number(key).ok_or_else(corrupt)?;
            *self.cell(&index_of, range, number)? = Some(Rc::new(Block::read(value).map_err(|error| error.at(key))?));
        }
        self.insert(snapshot, &ranges, &index_of)
    }

    /// Caches the blocks that were read, and an empty block where no record was found.
    fn insert(
        &mut self,
        snapshot: &SearchSnapshot,
        ranges: &[MissingRange],
        index_of: &BTreeMap<BlockId, usize>,
    ) -> Result<()> {
        let empty = Rc::new(Block::empty());
        instance_cache::with(|cache| {
            for range in ranges {
                let column = self.columns.get(range.column).ok_or_else(corrupt)?;
                for number in range.numbers.clone() {
                    let block = self.cell(index_of, range, number)?;
                    let block = Rc::clone(block.get_or_insert_with(|| Rc::clone(&empty)));
                    let revision = snapshot
                        .revision(BlockId {
                            experiment: range.experiment,
                            number,
                        })
                        .ok_or_else(corrupt)?;
                    let bytes = block.size();
                    cache.blocks.insert(revision, column, number, block, bytes);
                }
            }
            Ok(())
        })
    }

    fn cell(
        &mut self,
        index_of: &BTreeMap<BlockId, usize>,
        range: &MissingRange,
        number: u32,
    ) -> Result<&mut Option<Rc<Block>>> {
        let block = index_of
            .get(&BlockId {
                experiment: range.experiment,
                number,
            })
            .ok_or_else(corrupt)?;
        let cell = self.cells.get_mut(block * self.columns.len() + range.column);
        cell.ok_or_else(corrupt)
    }
}

/// Returns the sort keys of all slots of some blocks.
async fn sort_keys_of(snapshot: &SearchSnapshot, blocks: &[BlockId]) -> Result<Vec<Vec<Option<RunSortKey>>>> {
    let mut rows = Vec::with_capacity(blocks.len() * SLOTS);
    for block in blocks {
        let revision = snapshot.revision(*block).ok_or_else(corrupt)?;
        let first = row_of(block.number, 0);
        rows.extend((first..row_of(block.number.saturating_add(1), 0)).map(|row| (revision, row)));
    }
    let sort_keys = row_keys::look_up(&rows).await?;
    Ok(sort_keys.chunks(SLOTS).map(<[_]>::to_vec).collect())
}

fn corrupt() -> Error {
    Error::Corrupt("an experiment's blocks".to_owned())
}

/// The columns of one block.
pub(super) struct RowGroup<'a> {
    columns: &'a [Rc<Block>],
    sort_keys: &'a [Option<RunSortKey>],
}

impl<'a> RowGroup<'a> {
    /// A group of these columns without row keys.
    #[cfg(test)]
    pub(super) fn new(columns: &'a [Rc<Block>]) -> Self {
        RowGroup {
            columns,
            sort_keys: &[],
        }
    }

    /// Returns a column's block.
    pub(super) fn column(&self, column: usize) -> Option<&'a Block> {
        self.columns.get(column).map(Rc::as_ref)
    }

    /// Returns the value of the run in a slot. `None`: only the run's own records have it.
    pub(super) fn field(&self, source: ValueSource, slot: u16) -> Option<Field<'a>> {
        let number = |column| self.column(column).and_then(|column| column.number(slot));
        match source {
            ValueSource::Id => {
                let sort_key = self.sort_keys.get(usize::from(slot))?.as_ref()?;
                Some(Field::Text(keys::run_of_sort_key(sort_key).1.to_string().into()))
            }
            ValueSource::Run => None,
            ValueSource::Float(column) => {
                let bits = number(column);
                Some(bits.map_or(Field::Absent, |bits| Field::Float(f64::from_le_bytes(bits))))
            }
            ValueSource::Integer(column) => {
                let bits = number(column);
                Some(bits.map_or(Field::Absent, |bits| Field::Integer(i64::from_le_bytes(bits))))
            }
            ValueSource::Text(column) | ValueSource::TextOrRun(column) => source.text(self.column(column)?.get(slot)),
        }
    }
}

impl ValueSource {
    /// Returns the field of a value in a column of texts. `None`: only the run's own records have it.
    pub(super) fn text<'a>(&self, value: Value<'a>) -> Option<Field<'a>> {
        match value {
            Value::Text(text) => Some(Field::text(text)),
            Value::Absent if !matches!(self, ValueSource::TextOrRun(_)) => Some(Field::Absent),
            Value::Absent | Value::Bytes(_) | Value::Oversized => None,
        }
    }
}
