//! The stored form of what compaction writes of traces: the directory of blocks, rows, and dirty markers.

use super::{Reader, Writer};
use crate::domain::trace::id::TraceId;
use crate::error::Result;

/// The default order of an experiment's traces, divided into parts. Before the first part nothing is compacted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// The number of the next block. Numbers begin at random and are never used twice.
    pub next_block: u64,
    /// The parts in default order.
    pub parts: Vec<Part>,
}

/// A part of the default order: it ends where the next one begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The start of the first trace that can be in it, in milliseconds since the Unix epoch, and its id.
    pub first: (i64, TraceId),
    /// The block of its traces. `None`: they are not compacted.
    pub block: Option<BlockRef>,
}

/// A reference to a block of traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRef {
    /// Its number.
    pub number: u64,
    /// Number of its traces.
    pub rows: u16,
    /// True if each value of its traces has a column. Otherwise an absent column says nothing.
    pub is_whole: bool,
}

/// Writes a directory.
pub fn write_directory(directory: &Directory) -> Vec<u8> {
    let writer = Writer::new().number(directory.next_block);
    let part = |writer: Writer, part: &Part| {
        let writer = writer.signed(part.first.0).text(part.first.1.as_str());
        writer.optional(part.block, |writer, block| {
            let writer = writer.number(block.number).number(u64::from(block.rows));
            writer.byte(u8::from(block.is_whole))
        })
    };
    directory.parts.iter().fold(writer, part).0
}

/// Reads a directory.
pub fn read_directory(bytes: &[u8]) -> Result<Directory> {
    let mut reader = Reader::new("directory of traces", bytes)?;
    let next_block = reader.number()?;
    let mut parts = Vec::new();
    while !reader.is_at_end() {
        parts.push(Part {
            first: (reader.signed()?, TraceId::stored(&reader.text()?)),
            block: reader.optional(|reader| {
                Ok(BlockRef {
                    number: reader.number()?,
                    rows: u16::try_from(reader.number()?).map_err(|_| reader.corrupt())?,
                    is_whole: reader.byte()? == 1,
                })
            })?,
        });
    }
    Ok(Directory { next_block, parts })
}

/// Writes the starts and ids of traces.
pub fn write_rows(rows: &[(i64, TraceId)]) -> Vec<u8> {
    let row = |writer: Writer, (start_ms, id): &(i64, TraceId)| writer.signed(*start_ms).compact_text(id.as_str());
    rows.iter().fold(Writer::new(), row).0
}

/// Reads the starts and ids of traces.
pub fn read_rows(bytes: &[u8]) -> Result<Vec<(i64, TraceId)>> {
    let mut reader = Reader::new("rows of traces", bytes)?;
    let mut rows = Vec::new();
    while !reader.is_at_end() {
        rows.push((reader.signed()?, TraceId::stored(reader.compact_str()?)));
    }
    Ok(rows)
}

/// Writes a dirty marker: the time of the change in milliseconds since the Unix epoch.
pub fn write_trace_marker(changed_ms: i64) -> Vec<u8> {
    Writer::new().signed(changed_ms).0
}

/// Reads a dirty marker.
pub fn read_trace_marker(bytes: &[u8]) -> Result<i64> {
    let mut reader = Reader::new("dirty marker of a trace", bytes)?;
    let changed_ms = reader.signed()?;
    reader.end(changed_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn a_row() -> impl Strategy<Value = (i64, TraceId)> {
        (any::<i64>(), ".{1,5}").prop_map(|(start, id)| (start, TraceId::stored(&id)))
    }

    fn a_part() -> impl Strategy<Value = Part> {
        let reference = (any::<u64>(), any::<u16>(), any::<bool>());
        let reference = reference.prop_map(|(number, rows, is_whole)| BlockRef { number, rows, is_whole });
        (a_row(), prop::option::of(reference)).prop_map(|(first, block)| Part { first, block })
    }

    proptest! {
        #[test]
        fn what_compaction_writes_of_traces_reads_back(
            next_block in any::<u64>(), parts in prop::collection::vec(a_part(), 0..5), rows in prop::collection::vec(a_row(), 0..5), time in any::<i64>(),
        ) {
            let directory = Directory { next_block, parts };
            prop_assert_eq!(read_directory(&write_directory(&directory)), Ok(directory));
            prop_assert_eq!(read_rows(&write_rows(&rows)), Ok(rows));
            prop_assert_eq!(read_trace_marker(&write_trace_marker(time)), Ok(time));
        }

        #[test]
        fn damaged_bytes_are_an_error_and_no_panic(mut bytes in any::<Vec<u8>>()) {
            if let Some(first) = bytes.first_mut() {
                *first = crate::store::codec::VERSION;
            }
            let _ = (read_directory(&bytes), read_rows(&bytes), read_trace_marker(&bytes));
        }
    }
}
