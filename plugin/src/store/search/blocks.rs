//! What a search reads of blocks, and how it finds the value of a run there.

use std::collections::BTreeMap;

use super::areas::Areas;
use crate::domain::run::NAME_TAG;
use crate::error::{Error, Result};
use crate::search::filter::{Clause, Field};
use crate::search::language::Subject;
use crate::search::runs::RunAttribute;
use crate::store::block::{Block, Value};
use crate::store::keys::{self, Column, PLACE_BYTES};
use crate::store::records::scan_all;

/// Where a value that a search asks for is found: mostly in a column, by its index among those that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The start time, in the column of places.
    Start(usize),
    /// The id, in the column of places.
    Id(usize),
    /// A text.
    Text(usize),
    /// The same; a run that has nothing there must be read itself.
    TextOrRun(usize),
    /// A float of 8 bytes.
    Float(usize),
    /// An integer of 8 bytes.
    Integer(usize),
    /// Only the run itself has it.
    Run,
}

/// The columns that a search reads.
pub(super) struct Columns(Vec<Column>);

impl Columns {
    /// The column of places alone.
    pub(super) fn places() -> Self {
        Columns(vec![Column::Places])
    }

    /// The column of stages, and room for more.
    pub(super) fn stages() -> Self {
        Columns(vec![Column::Stage])
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
                RunAttribute::RunId => Source::Id(self.index(Column::Places)),
                RunAttribute::StartTime => Source::Start(self.index(Column::Places)),
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
        let known = self.0.iter().position(|other| *other == column);
        known.unwrap_or_else(|| {
            self.0.push(column);
            self.0.len() - 1
        })
    }
}

/// The index of an experiment among the areas, and the number of a block of it.
pub(super) type BlockId = (usize, u32);

/// The bytes of some blocks, for each block one text of bytes a column.
pub(super) struct Cells {
    cells: Vec<Vec<u8>>,
    columns: usize,
}

impl Cells {
    /// Reads blocks, one range for each column and each row of neighbours among them.
    pub(super) async fn read(areas: &Areas, blocks: &[BlockId], columns: &Columns) -> Result<Self> {
        let width = columns.0.len();
        let mut index_of = BTreeMap::new();
        for (index, block) in blocks.iter().enumerate() {
            index_of.insert(*block, index);
        }
        let mut wanted = Vec::new();
        for (area, first, last) in neighbours(index_of.keys().copied()) {
            let experiment = areas.areas.get(area).ok_or_else(corrupt)?.experiment;
            for (index, column) in columns.0.iter().enumerate() {
                wanted.push((area, index, keys::blocks(experiment, column, first, last)));
            }
        }
        let mut cells = vec![Vec::new(); width * blocks.len()];
        let spans = wanted.iter().map(|(.., span)| span.clone()).collect();
        scan_all(spans, usize::MAX, |index, key, value| {
            let (area, column, _) = wanted.get(index).ok_or_else(corrupt)?;
            let number = keys::block_number(key).ok_or_else(corrupt)?;
            let block = index_of.get(&(*area, number)).ok_or_else(corrupt)?;
            value.clone_into(cells.get_mut(block * width + column).ok_or_else(corrupt)?);
            Ok(())
        })
        .await?;
        Ok(Cells { cells, columns: width })
    }

    /// A block of these, by its index.
    pub(super) fn table(&self, block: usize) -> Result<Table<'_>> {
        let start = block * self.columns;
        let cells = self.cells.get(start..start + self.columns).unwrap_or_default();
        let columns = cells.iter().map(|cell| Block::read(cell)).collect::<Result<_>>()?;
        Ok(Table { columns })
    }
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
}

impl<'a> Table<'a> {
    /// Whether no slot has anything in a column.
    pub(super) fn is_empty(&self, column: usize) -> bool {
        self.columns.get(column).is_none_or(Block::is_empty)
    }

    /// What a slot holds in a column.
    pub(super) fn get(&self, column: usize, slot: u16) -> Value<'a> {
        let column = self.columns.get(column);
        column.map_or(Value::Absent, |column| column.get(usize::from(slot)))
    }

    /// The place of the run in a slot.
    pub(super) fn place(&self, column: usize, slot: u16) -> Option<&'a [u8; PLACE_BYTES]> {
        match self.get(column, slot) {
            Value::Here(bytes) => bytes.try_into().ok(),
            Value::Absent | Value::Elsewhere => None,
        }
    }

    /// The float in a slot; none when there is none.
    pub(super) fn float(&self, column: usize, slot: u16) -> Option<f64> {
        match self.get(column, slot) {
            Value::Here(bytes) => bytes.try_into().ok().map(f64::from_be_bytes),
            Value::Absent | Value::Elsewhere => None,
        }
    }

    /// A value of the run in a slot; none when only the run itself has it.
    pub(super) fn field(&self, source: Source, slot: u16) -> Option<Field<'a>> {
        let text = |bytes| std::str::from_utf8(bytes).ok().map(Field::text);
        let run = |column| self.place(column, slot).map(keys::run_of_place);
        match source {
            Source::Start(column) => run(column).map(|(start, _)| Field::Integer(start)),
            Source::Id(column) => run(column).map(|(_, id)| Field::Text(id.to_string().into())),
            Source::Run => None,
            Source::Float(column) => Some(self.float(column, slot).map_or(Field::Absent, Field::Float)),
            Source::Integer(column) => match self.get(column, slot) {
                Value::Here(bytes) => bytes
                    .try_into()
                    .ok()
                    .map(|bits| Field::Integer(i64::from_be_bytes(bits))),
                _ => Some(Field::Absent),
            },
            Source::Text(column) => match self.get(column, slot) {
                Value::Here(bytes) => text(bytes),
                Value::Absent => Some(Field::Absent),
                Value::Elsewhere => None,
            },
            Source::TextOrRun(column) => match self.get(column, slot) {
                Value::Here(bytes) => text(bytes),
                Value::Absent | Value::Elsewhere => None,
            },
        }
    }
}
