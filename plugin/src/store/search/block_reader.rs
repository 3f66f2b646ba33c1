//! Reads the blocks that a search needs, and finds the value of a run in them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::snapshot::{BlockId, SearchSnapshot};
use crate::domain::run::NAME_TAG;
use crate::error::{Error, Result};
use crate::host::records::read_spans;
use crate::search::filter::{Clause, Field};
use crate::search::language::Subject;
use crate::search::runs::RunAttribute;
use crate::store::columnar::block::{Block, Value};
use crate::store::columnar::cache::RevisionCache;
use crate::store::columnar::row_keys;
use crate::store::columnar::row_keys::RunSortKey;
use crate::store::columnar::slot_bitmap::SLOTS;
use crate::store::columnar::zone_map::row_of;
use crate::store::keys::{self, Column};

/// Where a value that a search asks for is found: mostly in a column, by its index among those that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueSource {
    /// The id, in the places.
    Id,
    /// A text.
    Text(usize),
    /// The same; a run that has nothing there must be read itself.
    TextOrRun(usize),
    /// A float.
    Float(usize),
    /// An integer.
    Integer(usize),
    /// Only the run itself has it.
    Run,
}

/// The columns that a search reads.
#[derive(Clone)]
pub(super) struct ColumnProjection {
    columns: Vec<Column>,
    /// True if the places of all runs are read too.
    with_sort_keys: bool,
}

impl ColumnProjection {
    /// The column of stages, and room for more.
    pub(super) fn stages() -> Self {
        ColumnProjection {
            columns: vec![Column::Stage],
            with_sort_keys: false,
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.columns.len()
    }

    /// Where the value of a clause is found.
    pub(super) fn source_of_clause(&mut self, clause: &Clause<RunAttribute>) -> ValueSource {
        match &clause.subject {
            // In filters the name is the tag.
            Subject::Attribute(RunAttribute::RunName) => ValueSource::Text(self.name()),
            subject => self.source(subject),
        }
    }

    /// Where the value of a term of an order is found.
    pub(super) fn source(&mut self, subject: &Subject<RunAttribute>) -> ValueSource {
        match subject {
            Subject::Metric(key) => self.source_of_value(Column::Metric(key.clone()), ValueSource::Float),
            Subject::Param(key) => self.source_of_value(Column::Param(key.clone()), ValueSource::Text),
            Subject::Tag(key) => self.source_of_value(Column::Tag(key.clone()), ValueSource::Text),
            Subject::Dataset(_) => ValueSource::Run,
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
        match column.is_stored() {
            true => source(self.index(column)),
            false => ValueSource::Run,
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

/// Bytes of blocks that an instance keeps: the numbers of 100,000 runs in seven columns.
const KEPT_BYTES_MAX: usize = 6 << 20;

thread_local! {
    static KEPT: RefCell<RevisionCache<Column, Block>> = const { RefCell::new(RevisionCache::new(KEPT_BYTES_MAX)) };
}

/// A search begins: what it reads is kept for the next.
pub(super) fn begin() {
    KEPT.with_borrow_mut(RevisionCache::begin);
}

/// Some blocks.
pub(super) struct BlockSet {
    /// Of each block all columns, then those of the next.
    blocks: Vec<Rc<Block>>,
    columns: usize,
    /// For each block its places by slot; none are kept when they are not asked for.
    sort_keys: Vec<Vec<Option<RunSortKey>>>,
}

impl BlockSet {
    /// Reads those blocks that are not kept.
    pub(super) async fn read(areas: &SearchSnapshot, blocks: &[BlockId], columns: &ColumnProjection) -> Result<Self> {
        let mut grid = BlockFetch::of_kept(areas, blocks, columns)?;
        grid.read_missing(areas).await?;
        let empty = Rc::new(Block::empty());
        let or_empty = |block: Option<Rc<Block>>| block.unwrap_or_else(|| Rc::clone(&empty));
        Ok(BlockSet {
            blocks: grid.cells.into_iter().map(or_empty).collect(),
            columns: columns.columns.len(),
            sort_keys: match columns.with_sort_keys {
                true => sort_keys_of(areas, blocks).await?,
                false => Vec::new(),
            },
        })
    }

    /// The blocks, in the order asked.
    pub(super) fn tables(&self) -> impl Iterator<Item = RowGroup<'_>> {
        self.blocks
            .chunks(self.columns)
            .enumerate()
            .map(|(block, columns)| RowGroup {
                columns,
                sort_keys: self.sort_keys.get(block).map_or(&[][..], Vec::as_slice),
            })
    }
}

/// Blocks while they are gathered.
struct BlockFetch<'a> {
    /// Of each block all columns, then those of the next; none where nothing was read yet.
    cells: Vec<Option<Rc<Block>>>,
    blocks: &'a [BlockId],
    columns: &'a [Column],
}

/// Blocks of a column that lie side by side.
struct MissingRange {
    area: usize,
    first: u32,
    last: u32,
    column: usize,
}

impl<'a> BlockFetch<'a> {
    /// Those that are kept.
    fn of_kept(areas: &SearchSnapshot, blocks: &'a [BlockId], columns: &'a ColumnProjection) -> Result<Self> {
        let columns = columns.columns.as_slice();
        let mut cells = vec![None; blocks.len() * columns.len()];
        KEPT.with_borrow_mut(|kept| {
            for (index, column) in columns.iter().enumerate() {
                let (mut row, mut of) = (None, None);
                for (id, cell) in blocks.iter().zip(cells.iter_mut().skip(index).step_by(columns.len())) {
                    let edition = areas.edition(*id).ok_or_else(corrupt)?;
                    if of != Some(edition.experiment) {
                        row = kept.row(edition.experiment, column);
                        of = Some(edition.experiment);
                    }
                    *cell = row.and_then(|row| row.get(id.1, edition.revision)).cloned();
                }
            }
            Ok(())
        })?;
        Ok(BlockFetch { cells, blocks, columns })
    }

    /// Reads the others, one range for each column and each row of neighbours among them.
    async fn read_missing(&mut self, areas: &SearchSnapshot) -> Result<()> {
        if self.cells.iter().all(Option::is_some) {
            return Ok(());
        }
        let index_of: BTreeMap<BlockId, usize> = self.blocks.iter().copied().zip(0..).collect();
        let mut gaps = Vec::new();
        for column in 0..self.columns.len() {
            let is_missing = |block: &usize| matches!(self.cells.get(block * self.columns.len() + column), Some(None));
            let missing = index_of.iter().filter(|(_, block)| is_missing(block));
            for (area, first, last) in neighbours(missing.map(|(block, _)| *block)) {
                gaps.push(MissingRange {
                    area,
                    first,
                    last,
                    column,
                });
            }
        }
        let span = |gap: &MissingRange| {
            let experiment = areas.areas.get(gap.area).ok_or_else(corrupt)?.experiment;
            let column = self.columns.get(gap.column).ok_or_else(corrupt)?;
            Ok(keys::blocks(experiment, column, gap.first, gap.last))
        };
        let read = read_spans(gaps.iter().map(span).collect::<Result<_>>()?).await?;
        for entry in read.iter() {
            let (gap, key, value) = entry?;
            let gap = gaps.get(gap).ok_or_else(corrupt)?;
            let number = keys::block_number(key).ok_or_else(corrupt)?;
            *self.cell(&index_of, gap, number)? = Some(Rc::new(Block::read(value)?));
        }
        self.keep(areas, &gaps, &index_of)
    }

    /// Keeps what was read, and that there is nothing where nothing was found.
    fn keep(
        &mut self,
        areas: &SearchSnapshot,
        gaps: &[MissingRange],
        index_of: &BTreeMap<BlockId, usize>,
    ) -> Result<()> {
        let empty = Rc::new(Block::empty());
        KEPT.with_borrow_mut(|kept| {
            for gap in gaps {
                let column = self.columns.get(gap.column).ok_or_else(corrupt)?;
                for number in gap.first..=gap.last {
                    let block = self.cell(index_of, gap, number)?;
                    let block = Rc::clone(block.get_or_insert_with(|| Rc::clone(&empty)));
                    let edition = areas.edition((gap.area, number)).ok_or_else(corrupt)?;
                    let bytes = block.size();
                    kept.keep(edition, column, number, block, bytes);
                }
            }
            Ok(())
        })
    }

    fn cell(
        &mut self,
        index_of: &BTreeMap<BlockId, usize>,
        gap: &MissingRange,
        number: u32,
    ) -> Result<&mut Option<Rc<Block>>> {
        let block = index_of.get(&(gap.area, number)).ok_or_else(corrupt)?;
        let cell = self.cells.get_mut(block * self.columns.len() + gap.column);
        cell.ok_or_else(corrupt)
    }
}

/// The places of all slots of some blocks.
async fn sort_keys_of(areas: &SearchSnapshot, blocks: &[BlockId]) -> Result<Vec<Vec<Option<RunSortKey>>>> {
    let mut rows = Vec::with_capacity(blocks.len() * SLOTS);
    for (area, number) in blocks {
        let edition = areas.edition((*area, *number)).ok_or_else(corrupt)?;
        let first = row_of(*number, 0);
        rows.extend((first..row_of(number.saturating_add(1), 0)).map(|row| (edition, row)));
    }
    let sort_keys = row_keys::look_up(&rows).await?;
    Ok(sort_keys.chunks(SLOTS).map(<[_]>::to_vec).collect())
}

/// Blocks that lie side by side: experiment, first and last number.
fn neighbours(sorted: impl Iterator<Item = (usize, u32)>) -> Vec<(usize, u32, u32)> {
    let mut found: Vec<(usize, u32, u32)> = Vec::new();
    for (area, number) in sorted {
        match found.last_mut() {
            Some((same, _, last)) if *same == area && *last + 1 == number => *last = number,
            _ => found.push((area, number, number)),
        }
    }
    found
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
    /// Of these columns; places are not asked for.
    #[cfg(test)]
    pub(super) fn new(columns: &'a [Rc<Block>]) -> Self {
        RowGroup {
            columns,
            sort_keys: &[],
        }
    }

    /// A column.
    pub(super) fn column(&self, column: usize) -> Option<&'a Block> {
        self.columns.get(column).map(Rc::as_ref)
    }

    /// A value of the run in a slot; none when only the run itself has it.
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
    /// The field that a value of a column of texts is; none when only the run itself has it.
    pub(super) fn text<'a>(&self, value: Value<'a>) -> Option<Field<'a>> {
        match value {
            Value::Text(text) => Some(Field::text(text)),
            Value::Absent if !matches!(self, ValueSource::TextOrRun(_)) => Some(Field::Absent),
            Value::Absent | Value::Bytes(_) | Value::Elsewhere => None,
        }
    }
}
