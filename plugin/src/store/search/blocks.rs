//! What a search reads of blocks, and how it finds the value of a run there.

use std::collections::BTreeMap;

use super::areas::{Areas, BlockRef};
use crate::domain::run::NAME_TAG;
use crate::error::{Error, Result};
use crate::search::filter::{Clause, Field};
use crate::search::language::Subject;
use crate::search::runs::RunAttribute;
use crate::store::block::{Block, Value};
use crate::store::keys::{self, Column};
use crate::store::records::scan_all;

/// Where a value that a search asks for is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The start time, in the place.
    Start,
    /// The id, in the place.
    Id,
    /// A column, by its index among those that the search reads.
    Column(usize),
    /// The same; a run that has nothing there must be read itself.
    ColumnOrRun(usize),
    /// Only the run itself has it.
    Run,
}

/// The columns that a search reads, the one of runs first.
pub(super) struct Columns(Vec<Column>);

impl Columns {
    /// The column of runs alone.
    pub(super) fn new() -> Self {
        Columns(vec![Column::Runs])
    }

    /// Where the value of a clause is found.
    pub(super) fn source_of_clause(&mut self, clause: &Clause<RunAttribute>) -> Source {
        match &clause.subject {
            // In filters the name is the tag.
            Subject::Attribute(RunAttribute::RunName) => self.column(Column::Tag(NAME_TAG.to_owned())),
            subject => self.source(subject),
        }
    }

    /// Where the value of a term of an order is found.
    pub(super) fn source(&mut self, subject: &Subject<RunAttribute>) -> Source {
        match subject {
            Subject::Metric(key) => self.column(Column::Metric(key.clone())),
            Subject::Param(key) => self.column(Column::Param(key.clone())),
            Subject::Tag(key) => self.column(Column::Tag(key.clone())),
            Subject::Dataset(_) => Source::Run,
            Subject::Attribute(attribute) => match attribute {
                RunAttribute::RunId => Source::Id,
                RunAttribute::StartTime => Source::Start,
                RunAttribute::Status => self.column(Column::Status),
                RunAttribute::UserId => self.column(Column::UserId),
                RunAttribute::EndTime => self.column(Column::EndTime),
                RunAttribute::ArtifactUri => Source::Run,
                // A run keeps its name when the tag is removed.
                RunAttribute::RunName => match self.column(Column::Tag(NAME_TAG.to_owned())) {
                    Source::Column(index) => Source::ColumnOrRun(index),
                    source => source,
                },
            },
        }
    }

    fn column(&mut self, column: Column) -> Source {
        let known = self.0.iter().position(|other| *other == column);
        Source::Column(known.unwrap_or_else(|| {
            self.0.push(column);
            self.0.len() - 1
        }))
    }
}

/// The bytes of some blocks, for each block one text of bytes a column.
pub(super) struct Cells {
    cells: Vec<Vec<u8>>,
    columns: usize,
}

impl Cells {
    /// Reads blocks, one range for each column and each row of neighbours among them.
    pub(super) async fn read(areas: &Areas, blocks: &[BlockRef], columns: &Columns) -> Result<Self> {
        let width = columns.0.len();
        let mut index_of = BTreeMap::new();
        for (index, block) in blocks.iter().enumerate() {
            index_of.insert((block.area, block.number), index);
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
    /// What the column of runs holds.
    pub(super) fn run(&self, slot: usize) -> Option<&'a [u8]> {
        match self.columns.first()?.get(slot) {
            Value::Here(bytes) => Some(bytes),
            Value::Absent | Value::Elsewhere => None,
        }
    }

    /// A value of the run in a slot; none when only the run itself has it.
    pub(super) fn field(&self, source: Source, slot: usize, numbers: Numbers) -> Option<Field<'a>> {
        let (column, or_run) = match source {
            Source::Column(column) => (column, false),
            Source::ColumnOrRun(column) => (column, true),
            Source::Start | Source::Id | Source::Run => return None,
        };
        match self.columns.get(column)?.get(slot) {
            Value::Absent if or_run => None,
            Value::Absent => Some(Field::Absent),
            Value::Elsewhere => None,
            Value::Here(bytes) => match numbers {
                Numbers::None => std::str::from_utf8(bytes).ok().map(Field::text),
                Numbers::Floats => bytes.try_into().ok().map(|bits| Field::Float(f64::from_be_bytes(bits))),
                Numbers::Integers => bytes
                    .try_into()
                    .ok()
                    .map(|bits| Field::Integer(i64::from_be_bytes(bits))),
            },
        }
    }
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// Texts.
    None,
    /// Floats of 8 bytes.
    Floats,
    /// Integers of 8 bytes.
    Integers,
}

impl Numbers {
    /// What the values of this subject are.
    pub(super) fn of(subject: &Subject<RunAttribute>) -> Self {
        match subject {
            Subject::Metric(_) => Numbers::Floats,
            Subject::Attribute(RunAttribute::EndTime) => Numbers::Integers,
            _ => Numbers::None,
        }
    }
}
