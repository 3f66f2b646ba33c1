//! The columns of runs: the type of their values, and how the column of the lifecycle stage is written.

use super::block_builder::ColumnType;
use crate::domain::lifecycle::{Lifecycle, Stage};
use crate::store::keys::Column;

/// The stage in the slot of a run that is no more.
pub const PURGED: &[u8] = &[2];

/// What the values of a column are.
pub fn kind(column: &Column) -> ColumnType {
    match column {
        Column::Metric(_) | Column::StartTime | Column::EndTime => ColumnType::Numbers,
        Column::Stage | Column::Status | Column::UserId | Column::Param(_) | Column::Tag(_) => ColumnType::Texts,
    }
}

/// A stage in its column; what most runs have is nothing.
pub fn write_stage(lifecycle: Lifecycle) -> Option<Vec<u8>> {
    let usual = Lifecycle {
        stage: Stage::Active,
        epoch: 0,
    };
    (lifecycle != usual).then(|| {
        let mut stage = vec![u8::from(lifecycle.stage == Stage::Deleted)];
        stage.extend_from_slice(&lifecycle.epoch.to_be_bytes());
        stage
    })
}

/// Reads what `write_stage` wrote.
pub fn read_stage(stage: Option<&[u8]>) -> Lifecycle {
    let (deleted, epoch) = match stage.and_then(<[u8]>::split_first) {
        Some((deleted, epoch)) => (
            *deleted == 1,
            epoch.try_into().map(u64::from_be_bytes).unwrap_or_default(),
        ),
        None => (false, 0),
    };
    let stage = if deleted { Stage::Deleted } else { Stage::Active };
    Lifecycle { stage, epoch }
}
