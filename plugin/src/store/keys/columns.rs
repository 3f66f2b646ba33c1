//! The keys of compaction: dirty markers, zone maps, row keys and blocks of columns. They are the kinds `q`,
//! `z`, `w` and `k` of the table in `keys.rs`.

use super::Key;
use crate::domain::id::{ExperimentId, RunId};
use crate::host::records::Span;

/// Key of a run's dirty marker.
pub fn dirty_marker(experiment: ExperimentId, id: RunId) -> Vec<u8> {
    Key::new(b'q').experiment(experiment).run(id).0
}

/// Span of an experiment's dirty markers.
pub fn dirty_markers(experiment: ExperimentId) -> Span {
    let start = Key::new(b'q').experiment(experiment).0;
    Span {
        // No experiment has this number: ids count from 0 and are never used up.
        end: Key::new(b'q')
            .experiment(ExperimentId(experiment.0.saturating_add(1)))
            .0,
        start,
    }
}

/// Span of the dirty markers of all experiments.
pub fn all_dirty_markers() -> Span {
    Span::of_prefix(vec![b'q'])
}

/// Returns the experiment and the run of a dirty marker's key.
pub fn dirty_run_of(key: &[u8]) -> Option<(ExperimentId, RunId)> {
    let (experiment, run) = key.get(1..)?.split_first_chunk()?;
    Some((
        ExperimentId(u64::from_be_bytes(*experiment)),
        RunId(run.try_into().ok()?),
    ))
}

/// Key of an experiment's zone map.
pub fn zones(experiment: ExperimentId) -> Vec<u8> {
    Key::new(b'z').experiment(experiment).0
}

/// Key of the sort keys of some rows.
pub fn row_keys(experiment: ExperimentId, number: u32) -> Vec<u8> {
    let mut key = Key::new(b'w').experiment(experiment).0;
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// Span of consecutive records of row keys, both ends included.
pub fn row_keys_between(experiment: ExperimentId, first: u32, last: u32) -> Span {
    Span {
        start: row_keys(experiment, first),
        end: row_keys(experiment, last),
    }
    .with_end()
}

/// Span of all records of row keys of an experiment.
pub fn all_row_keys(experiment: ExperimentId) -> Span {
    row_keys_between(experiment, 0, u32::MAX)
}

/// A column: one attribute, metric, param or tag of an experiment's runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// Stages of runs. A run that was never deleted or restored has no value.
    Stage,
    /// Names of run statuses.
    Status,
    /// Start times of runs.
    StartTime,
    /// End times of runs.
    EndTime,
    /// Users who created the runs.
    UserId,
    /// Newest values of the metric with this key.
    Metric(String),
    /// Values of the param with this key.
    Param(String),
    /// Values of the tag with this key.
    Tag(String),
}

/// Longest key of a metric, param or tag that is a column, in bytes. It keeps the keys of blocks and of a
/// run's values within a storage's 2,560 bytes, even where each byte is written as two. The API takes 250
/// characters, but earlier versions stored longer keys of tags of new runs.
const COLUMN_KEY_BYTES_MAX: usize = 1_250;

impl Column {
    /// True if the column is stored. A value with a longer key is read from the runs themselves.
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

/// Key of a column's block.
pub fn block(experiment: ExperimentId, column: &Column, block: u32) -> Vec<u8> {
    let mut key = column.prefix(experiment).0;
    key.extend_from_slice(&block.to_be_bytes());
    key
}

/// Span of consecutive blocks of a column, both ends included.
pub fn blocks(experiment: ExperimentId, column: &Column, first: u32, last: u32) -> Span {
    Span {
        start: block(experiment, column, first),
        end: block(experiment, column, last),
    }
    .with_end()
}

/// Returns the number that ends the key of a block or of row keys.
pub fn block_number(key: &[u8]) -> Option<u32> {
    key.last_chunk().map(|number| u32::from_be_bytes(*number))
}
