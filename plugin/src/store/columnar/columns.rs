//! The columns of runs: the type of their values, and the stored form of the column of lifecycle stages.

use super::block_builder::ColumnType;
use crate::domain::lifecycle::{Lifecycle, Stage};
use crate::store::keys::Column;

/// The stage in the slot of a purged run.
pub const PURGED: &[u8] = &[2];

/// Returns the type of a column's values.
pub fn kind(column: &Column) -> ColumnType {
    match column {
        Column::Metric(_) | Column::StartTime | Column::EndTime => ColumnType::Numbers,
        Column::Stage | Column::Status | Column::UserId | Column::Param(_) | Column::Tag(_) => ColumnType::Texts,
    }
}

/// Writes a stage for its column. `None`: the stage that most runs have.
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

/// Reads a stage that `write_stage` wrote.
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
