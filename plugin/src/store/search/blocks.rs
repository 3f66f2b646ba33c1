//! What a search reads of blocks, and how it finds the value of a run there.

use std::collections::BTreeMap;

use super::areas::Areas;
use crate::domain::run::NAME_TAG;
use crate::error::{Error, Result};
use crate::search::filter::{Clause, Field};
use crate::search::language::Subject;
use crate::search::runs::RunAttribute;
use crate::store::block::{Block, SLOTS, Value};
use crate::store::keys::{self, Column};
use crate::store::places::{self, Place};
use crate::store::records::{Entries, read_spans};
use crate::store::zones::row_of;

/// Where a value that a search asks for is found: mostly in a column, by its index among those that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
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
pub(super) struct Columns {
    columns: Vec<Column>,
    /// Whether the places of all runs are read too.
    with_places: bool,
}

impl Columns {
    /// The column of stages, and room for more.
    pub(super) fn stages() -> Self {
        Columns {
            columns: vec![Column::Stage],
            with_places: false,
        }
    }

    /// Where the value of a clause is found.
    pub(super) fn source_of_clause(&mut self, clause: &Clause<RunAttribute>) -> Source {
        match &clause.subject {
            // In filters the name is the tag.
            Subject::Attribute(RunAttribute::RunName) => Source::Text(self.name()),
            subject => self.source(subject),
        }
    }

    /// Where the value of a term of an order is found.
    pub(super) fn source(&mut self, subject: &Subject<RunAttribute>) -> Source {
        match subject {
            Subject::Metric(key) => Source::Float(self.index(Column::Metric(key.clone()))),
            Subject::Param(key) => Source::Text(self.index(Column::Param(key.clone()))),
            Subject::Tag(key) => Source::Text(self.index(Column::Tag(key.clone()))),
            Subject::Dataset(_) => Source::Run,
            Subject::Attribute(attribute) => match attribute {
                RunAttribute::RunId => {
                    self.with_places = true;
                    Source::Id
                }
                RunAttribute::StartTime => Source::Integer(self.index(Column::StartTime)),
                RunAttribute::Status => Source::Text(self.index(Column::Status)),
                RunAttribute::UserId => Source::Text(self.index(Column::UserId)),
                RunAttribute::EndTime => Source::Integer(self.index(Column::EndTime)),
                RunAttribute::ArtifactUri => Source::Run,
                // A run keeps its name when the tag is removed.
                RunAttribute::RunName => Source::TextOrRun(self.name()),
            },
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

/// The index of an experiment among the areas, and the number of a block of it.
pub(super) type BlockId = (usize, u32);

/// The bytes of some blocks.
pub(super) struct Cells {
    read: Entries,
    /// Of each range that was read the experiment's index and the column.
    ranges: Vec<(usize, usize)>,
    index_of: BTreeMap<BlockId, usize>,
    columns: usize,
    /// For each block its places by slot; none are kept when they are not asked for.
    places: Vec<Vec<Option<Place>>>,
}

impl Cells {
    /// Reads blocks, one range for each column and each row of neighbours among them.
    pub(super) async fn read(areas: &Areas, blocks: &[BlockId], columns: &Columns) -> Result<Self> {
        let mut index_of = BTreeMap::new();
        for (index, block) in blocks.iter().enumerate() {
            index_of.insert(*block, index);
        }
        let (mut ranges, mut spans) = (Vec::new(), Vec::new());
        for (area, first, last) in neighbours(index_of.keys().copied()) {
            let experiment = areas.areas.get(area).ok_or_else(corrupt)?.experiment;
            for (index, column) in columns.columns.iter().enumerate() {
                ranges.push((area, index));
                spans.push(keys::blocks(experiment, column, first, last));
            }
        }
        Ok(Cells {
            read: read_spans(spans).await?,
            ranges,
            index_of,
            columns: columns.columns.len(),
            places: match columns.with_places {
                true => places_of(areas, blocks).await?,
                false => Vec::new(),
            },
        })
    }

    /// The blocks, in the order asked.
    pub(super) fn tables(&self) -> Result<Vec<Table<'_>>> {
        let mut cells: Vec<&[u8]> = vec![&[]; self.columns * self.index_of.len()];
        for entry in self.read.iter() {
            let (range, key, value) = entry?;
            let (area, column) = self.ranges.get(range).ok_or_else(corrupt)?;
            let number = keys::block_number(key).ok_or_else(corrupt)?;
            let block = self.index_of.get(&(*area, number)).ok_or_else(corrupt)?;
            *cells.get_mut(block * self.columns + column).ok_or_else(corrupt)? = value;
        }
        cells
            .chunks(self.columns)
            .enumerate()
            .map(|(block, cells)| self.table(block, cells))
            .collect()
    }

    fn table<'a>(&'a self, block: usize, cells: &[&'a [u8]]) -> Result<Table<'a>> {
        let columns = cells.iter().map(|cell| Block::read(cell)).collect::<Result<_>>()?;
        let places = self.places.get(block).map_or(&[][..], Vec::as_slice);
        Ok(Table { columns, places })
    }
}

/// The places of all slots of some blocks.
async fn places_of(areas: &Areas, blocks: &[BlockId]) -> Result<Vec<Vec<Option<Place>>>> {
    let mut rows = Vec::with_capacity(blocks.len() * SLOTS);
    for (area, number) in blocks {
        let experiment = areas.areas.get(*area).ok_or_else(corrupt)?.experiment;
        let first = row_of(*number, 0);
        rows.extend((first..row_of(number.saturating_add(1), 0)).map(|row| (experiment, row)));
    }
    let places = places::look_up(&rows).await?;
    Ok(places.chunks(SLOTS).map(<[_]>::to_vec).collect())
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
pub(super) struct Table<'a> {
    columns: Vec<Block<'a>>,
    places: &'a [Option<Place>],
}

impl<'a> Table<'a> {
    /// A column.
    pub(super) fn column(&self, column: usize) -> Option<&Block<'a>> {
        self.columns.get(column)
    }

    /// A value of the run in a slot; none when only the run itself has it.
    pub(super) fn field(&self, source: Source, slot: u16) -> Option<Field<'a>> {
        let number = |column| self.column(column).and_then(|column| column.number(slot));
        match source {
            Source::Id => {
                let place = self.places.get(usize::from(slot))?.as_ref()?;
                Some(Field::Text(keys::run_of_place(place).1.to_string().into()))
            }
            Source::Run => None,
            Source::Float(column) => {
                let bits = number(column);
                Some(bits.map_or(Field::Absent, |bits| Field::Float(f64::from_le_bytes(bits))))
            }
            Source::Integer(column) => {
                let bits = number(column);
                Some(bits.map_or(Field::Absent, |bits| Field::Integer(i64::from_le_bytes(bits))))
            }
            Source::Text(column) | Source::TextOrRun(column) => source.text(self.column(column)?.get(slot)),
        }
    }
}

impl Source {
    /// The field that a value of a column of texts is; none when only the run itself has it.
    pub(super) fn text<'a>(&self, value: Value<'a>) -> Option<Field<'a>> {
        match value {
            Value::Here(bytes) => std::str::from_utf8(bytes).ok().map(Field::text),
            Value::Absent if !matches!(self, Source::TextOrRun(_)) => Some(Field::Absent),
            Value::Absent | Value::Elsewhere => None,
        }
    }
}
