//! Runs that are shown side by side, with no more of their values than is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::domain::id::{ExperimentId, RunId};
use crate::domain::lifecycle::Stage;
use crate::domain::metric::Point;
use crate::domain::name::cut;
use crate::domain::run::{FullRun, Status};
use crate::error::Result;
use crate::store::runs::read;

/// Longest name of a run, or value of a param, that a page keeps, in characters.
const VALUE_CHARS_MAX: usize = 200;
/// Largest number of portions of runs that are read. Runs after these are left out: they have more values than a page
/// can show.
const PORTIONS_MAX: usize = 4;
/// The beginning of the names of metrics of the machine.
const SYSTEM: &str = "system/";

/// A run that is shown beside others.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its id.
    pub id: RunId,
    /// Its experiment.
    pub experiment: ExperimentId,
    /// The beginning of its name.
    pub name: String,
    /// Its status.
    pub status: Status,
    /// Its effective stage.
    pub stage: Stage,
    /// Its start, in milliseconds since the Unix epoch.
    pub start_time_ms: i64,
    /// The values of its params.
    pub params: BTreeMap<String, ParamText>,
    /// The newest points of its metrics.
    pub metrics: BTreeMap<String, Point>,
}

/// The value of a param. Two are equal if the whole values are, as far as a hash can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamText {
    /// The beginning of the value.
    pub text: String,
    /// True if the value is longer.
    pub is_cut: bool,
    hash: u64,
}

impl ParamText {
    fn of(value: &str, chars_max: usize) -> Self {
        let text = cut(value.to_owned(), chars_max);
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        ParamText {
            is_cut: text.len() < value.len(),
            text,
            hash: hasher.finish(),
        }
    }
}

impl Column {
    fn of(full: &FullRun<'_>, chars_max: usize) -> Self {
        let params = full.params.iter();
        let metrics = full.metrics.iter();
        Column {
            id: full.run.id,
            experiment: full.run.experiment,
            name: cut(full.run.name.clone(), chars_max),
            status: full.run.status,
            stage: full.stage,
            start_time_ms: full.run.start_time_ms,
            params: params
                .map(|(key, value)| (key.to_string(), ParamText::of(value, chars_max)))
                .collect(),
            metrics: metrics.map(|metric| (metric.key.to_string(), metric.point)).collect(),
        }
    }

    /// True if more points may come.
    pub fn is_running(&self) -> bool {
        matches!(self.status, Status::Running | Status::Scheduled)
    }
}

/// Reads runs, in the order asked. Those that do not exist are left out, and those after `PORTIONS_MAX` portions.
pub async fn read(ids: &[RunId]) -> Result<Vec<Column>> {
    read_cut(ids, VALUE_CHARS_MAX).await
}

/// Reads runs as `read` does, with their whole names and the whole values of their params.
pub async fn read_whole(ids: &[RunId]) -> Result<Vec<Column>> {
    read_cut(ids, usize::MAX).await
}

async fn read_cut(ids: &[RunId], chars_max: usize) -> Result<Vec<Column>> {
    let mut columns = Vec::with_capacity(ids.len());
    let mut rest = ids;
    for _ in 0..PORTIONS_MAX {
        if rest.is_empty() {
            break;
        }
        let read = read::read_some(rest).await?;
        for full in read.iter() {
            columns.push(Column::of(&full?, chars_max));
        }
        rest = rest.get(read.looked_at.max(1)..).unwrap_or_default();
    }
    Ok(columns)
}

/// The names of all params, in order.
pub fn param_names(columns: &[Column]) -> BTreeSet<&str> {
    columns
        .iter()
        .flat_map(|column| column.params.keys().map(String::as_str))
        .collect()
}

/// The names of all metrics: those that most runs have first, and those of the machine last.
pub fn metric_names(columns: &[Column]) -> Vec<&str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in columns.iter().flat_map(|column| column.metrics.keys()) {
        *counts.entry(name).or_default() += 1;
    }
    let mut names: Vec<(&str, usize)> = counts.into_iter().collect();
    names.sort_by_key(|(name, count)| (name.starts_with(SYSTEM), std::cmp::Reverse(*count)));
    names.into_iter().map(|(name, _)| name).collect()
}

/// True if not all columns have the same value.
pub fn differs<T: PartialEq>(values: &[Option<T>]) -> bool {
    values
        .windows(2)
        .any(|pair| matches!(pair, [one, other] if one != other))
}
