//! The columns of a block of traces: which values they hold, and how they are built.

use std::collections::BTreeMap;

use crate::domain::trace::Trace;
use crate::domain::trace::assessment::{Assessment, Content};
use crate::domain::trace::id::TraceId;
use crate::error::Result;
use crate::store::codec::trace_columns::write_rows;
use crate::store::columnar::block::TEXT_BYTES_MAX;
use crate::store::columnar::block_builder::{BlockBuilder, ColumnType};
use crate::store::keys::trace_columns::TraceColumn;

/// Largest number of columns of a block. Those that the fewest traces have are left out.
pub const COLUMNS_MAX: usize = 100;

/// Number of rows in a record.
pub const ROWS_TOGETHER: usize = 32;

/// The values of a trace that columns hold.
pub struct TraceRow {
    /// Its start in milliseconds since the Unix epoch, and its id.
    pub place: (i64, TraceId),
    cells: Vec<(TraceColumn, Vec<u8>)>,
}

impl TraceRow {
    /// Takes the values of a trace. A text that is too long for a block is cut to a length that still shows that.
    pub fn of(trace: &Trace) -> Self {
        let mut cells = vec![
            (TraceColumn::Start, trace.start_ms.to_le_bytes().to_vec()),
            (TraceColumn::State, text(trace.state.name())),
        ];
        let duration = trace.duration_ms.map(|ms| ms.to_le_bytes().to_vec());
        cells.extend(duration.map(|duration| (TraceColumn::Duration, duration)));
        let client = trace.client_request_id.as_deref().map(text);
        cells.extend(client.map(|client| (TraceColumn::ClientRequestId, client)));
        let tags = trace.tags.iter();
        cells.extend(tags.map(|(key, value)| (TraceColumn::Tag(key.clone()), text(value))));
        cells.extend(judgements(&trace.assessments));
        let metadata = trace.metadata.iter();
        cells.extend(metadata.map(|(key, value)| (TraceColumn::Metadata(key.clone()), text(value))));
        cells.retain(|(column, _)| column.is_stored());
        TraceRow {
            place: (trace.start_ms, trace.id.clone()),
            cells,
        }
    }
}

/// The records of a block.
pub struct PackedBlock {
    /// The columns.
    pub columns: Vec<(TraceColumn, Vec<u8>)>,
    /// The starts and ids of the traces, some in a record.
    pub rows: Vec<Vec<u8>>,
    /// True if each value of the traces has a column.
    pub is_whole: bool,
}

/// Builds the block of some traces in default order.
pub fn build(traces: &[TraceRow]) -> Result<PackedBlock> {
    let mut counts: BTreeMap<&TraceColumn, usize> = BTreeMap::new();
    for (column, _) in traces.iter().flat_map(|row| &row.cells) {
        *counts.entry(column).or_default() += 1;
    }
    let mut kept: Vec<(&TraceColumn, usize)> = counts.into_iter().collect();
    let is_whole = kept.len() <= COLUMNS_MAX;
    kept.sort_by_key(|(_, count)| usize::MAX - count);
    kept.truncate(COLUMNS_MAX);
    let mut builders = BTreeMap::new();
    for (column, _) in kept {
        builders.insert(column, BlockBuilder::read(&[])?);
    }
    for (slot, row) in traces.iter().enumerate() {
        for (column, value) in &row.cells {
            if let Some(builder) = builders.get_mut(column) {
                builder.set(slot, Some(value));
            }
        }
    }
    let write = |(column, builder): (&TraceColumn, BlockBuilder)| {
        let kind = if column.is_of_numbers() {
            ColumnType::Numbers
        } else {
            ColumnType::Texts
        };
        (column.clone(), builder.write(kind))
    };
    let places: Vec<(i64, TraceId)> = traces.iter().map(|row| row.place.clone()).collect();
    Ok(PackedBlock {
        columns: builders.into_iter().map(write).collect(),
        rows: places.chunks(ROWS_TOGETHER).map(write_rows).collect(),
        is_whole,
    })
}

/// The values of assessments by kind and name. Where a trace has several, only the trace tells them.
fn judgements(assessments: &[Assessment]) -> impl Iterator<Item = (TraceColumn, Vec<u8>)> {
    let mut values: BTreeMap<TraceColumn, Vec<u8>> = BTreeMap::new();
    for assessment in assessments.iter().filter(|assessment| assessment.valid) {
        let column = match assessment.content {
            Content::Feedback { .. } => TraceColumn::Feedback(assessment.name.clone()),
            Content::Expectation { .. } | Content::Serialized { .. } => {
                TraceColumn::Expectation(assessment.name.clone())
            }
            Content::Issue { .. } => continue,
        };
        let value = text(assessment.content.value());
        let several = |value: &mut Vec<u8>| *value = vec![b' '; TEXT_BYTES_MAX + 1];
        values.entry(column).and_modify(several).or_insert(value);
    }
    values.into_iter()
}

fn text(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    bytes.get(..=TEXT_BYTES_MAX).unwrap_or(bytes).to_vec()
}
