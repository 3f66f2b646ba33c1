//! The keys of packing: marks, zones, places and blocks of columns, kinds `q`, `z`, `w` and `k` of the table in `keys.rs`.

use super::Key;
use crate::domain::id::{ExperimentId, RunId};
use crate::host::records::Span;

/// The mark of a run that is not packed.
pub fn mark(experiment: ExperimentId, id: RunId) -> Vec<u8> {
    Key::new(b'q').experiment(experiment).run(id).0
}

/// The marks of an experiment.
pub fn marks(experiment: ExperimentId) -> Span {
    let start = Key::new(b'q').experiment(experiment).0;
    Span {
        // No experiment has this number: ids count from 0 and are never used up.
        end: Key::new(b'q')
            .experiment(ExperimentId(experiment.0.saturating_add(1)))
            .0,
        start,
    }
}

/// The marks of all experiments.
pub fn all_marks() -> Span {
    Span::of_prefix(vec![b'q'])
}

/// The experiment and the run that the key of a mark names.
pub fn marked(key: &[u8]) -> Option<(ExperimentId, RunId)> {
    let (experiment, run) = key.get(1..)?.split_first_chunk()?;
    Some((
        ExperimentId(u64::from_be_bytes(*experiment)),
        RunId(run.try_into().ok()?),
    ))
}

/// What the blocks of an experiment hold.
pub fn zones(experiment: ExperimentId) -> Vec<u8> {
    Key::new(b'z').experiment(experiment).0
}

/// The places of some rows of packed runs.
pub fn row_keys(experiment: ExperimentId, number: u32) -> Vec<u8> {
    let mut key = Key::new(b'w').experiment(experiment).0;
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// Such records that follow each other, both ends included.
pub fn row_keys_between(experiment: ExperimentId, first: u32, last: u32) -> Span {
    Span {
        start: row_keys(experiment, first),
        end: row_keys(experiment, last),
    }
    .with_end()
}

/// What the runs of a block are looked up by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// Their stages; nothing for what was never deleted nor restored.
    Stage,
    /// The names of their statuses.
    Status,
    /// When they started.
    StartTime,
    /// When they ended.
    EndTime,
    /// Who made them.
    UserId,
    /// The newest values of the metric with this key.
    Metric(String),
    /// The values of the param with this key.
    Param(String),
    /// The values of the tag with this key.
    Tag(String),
}

/// The longest key of a metric, param or tag that is a column, in bytes: with it the keys of blocks, and those of a run's values,
/// have at most the 4,096 bytes that a storage takes, also where each byte of it is written as two. The API takes 250 characters;
/// tags of new runs were stored with longer keys once.
const COLUMN_KEY_BYTES_MAX: usize = 2_000;

impl Column {
    /// True if runs are looked up by it. What has a longer key is read from the runs themselves.
    pub fn is_stored(&self) -> bool {
        match self {
            Column::Metric(key) | Column::Param(key) | Column::Tag(key) => key.len() <= COLUMN_KEY_BYTES_MAX,
            _ => true,
        }
    }

    fn prefix(&self, experiment: ExperimentId) -> Key {
        let key = Key::new(b'k').experiment(experiment);
        match self {
            Column::Stage => key.byte(b'g'),
            Column::Status => key.byte(b's'),
            Column::StartTime => key.byte(b'b'),
            Column::EndTime => key.byte(b'e'),
            Column::UserId => key.byte(b'u'),
            Column::Metric(name) => key.byte(b'm').text(name),
            Column::Param(name) => key.byte(b'p').text(name),
            Column::Tag(name) => key.byte(b't').text(name),
        }
    }
}

/// A block of a column.
pub fn block(experiment: ExperimentId, column: &Column, block: u32) -> Vec<u8> {
    let mut key = column.prefix(experiment).0;
    key.extend_from_slice(&block.to_be_bytes());
    key
}

/// Some blocks of a column that follow each other, both ends included.
pub fn blocks(experiment: ExperimentId, column: &Column, first: u32, last: u32) -> Span {
    Span {
        start: block(experiment, column, first),
        end: block(experiment, column, last),
    }
    .with_end()
}

/// The number that the key of a block, or of places, ends with.
pub fn block_number(key: &[u8]) -> Option<u32> {
    key.last_chunk().map(|number| u32::from_be_bytes(*number))
}
