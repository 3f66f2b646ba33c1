//! The metrics, params and tags that the runs of a page have, and the columns that are shown if the address names none.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::asked::Asked;
use super::cell::Cell;
use super::column::{COLUMNS_MAX, Column, Field};
use crate::domain::run::FullRun;
use crate::pages::parts::html_bytes;

/// Largest number of keys of each kind among which a reader chooses, and of their bytes.
const CHOICES_MAX: usize = 40;
const CHOICES_BYTES_MAX: usize = 3_000;
/// Largest number of metrics that are shown by default.
const METRICS_DEFAULT: usize = 6;
/// Largest number of params that are shown by default.
const PARAMS_DEFAULT: usize = COLUMNS_MAX - METRICS_DEFAULT - Field::CHOICES.len();
/// Beginnings of the keys of tags that the client and the server write themselves.
const OWN_TAGS: [&str; 2] = ["mlflow.", "mlforge."];
/// Beginning of the keys of metrics about the machine.
const SYSTEM: &str = "system/";

/// The keys that the runs of a page have, of each kind the most common ones, and params that differ before others.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Keys of metrics.
    pub(super) metrics: Vec<Key>,
    /// Keys of params.
    pub(super) params: Vec<Key>,
    /// Keys of tags, without those that the client or the server writes.
    pub(super) tags: Vec<Key>,
    has_job: bool,
    has_commit: bool,
}

/// A key of some of the runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// The key.
    pub(super) name: String,
    /// The value that all runs have. `None`: they differ, or some lack it.
    pub(super) same: Option<String>,
}

impl Keys {
    /// The keys of some runs.
    pub(super) fn of(runs: &[FullRun<'_>]) -> Self {
        let metrics = runs.iter().flat_map(|run| &run.metrics);
        let params = runs.iter().flat_map(|run| &run.params);
        let tags = runs.iter().flat_map(|run| &run.tags);
        let is_own = |key: &str| OWN_TAGS.iter().any(|start| key.starts_with(start));
        let tags = tags.filter(|(key, _)| !is_own(key));
        let has = |column: Column| {
            let mut cells = runs.iter().map(|run| Cell::of(&column, run, 0));
            cells.any(|cell| cell != Cell::Absent)
        };
        Keys {
            metrics: keys(runs.len(), metrics.map(|metric| (metric.key.as_ref(), "")), |key| {
                key.name.starts_with(SYSTEM)
            }),
            params: keys(
                runs.len(),
                params.map(|(key, value)| (key.as_ref(), value.as_ref())),
                |key| key.same.is_some(),
            ),
            tags: keys(
                runs.len(),
                tags.map(|(key, value)| (key.as_ref(), value.as_ref())),
                |_| false,
            ),
            has_job: has(Column::Field(Field::Job)),
            has_commit: has(Column::Field(Field::Commit)),
        }
    }

    /// The columns that are shown: the chosen ones, or the newest metrics, the params that differ, and facts. The column by
    /// which runs are sorted is always shown.
    pub(super) fn columns(&self, asked: &Asked<'_>, runs: usize) -> Vec<Column> {
        let mut columns = match asked.columns.as_slice() {
            [] => self.default_columns(runs),
            chosen => chosen.to_vec(),
        };
        let is_beside_name = |column: &Column| matches!(column, Column::Field(Field::Name | Field::Status));
        if let Some(sort) = &asked.sort
            && !is_beside_name(sort)
            && !columns.contains(sort)
        {
            columns.insert(0, sort.clone());
        }
        columns.truncate(COLUMNS_MAX);
        columns.sort_by_key(Column::group);
        columns
    }

    /// The keys of metrics, but for those about the machine.
    pub(super) fn own_metrics(&self) -> impl Iterator<Item = &Key> {
        self.metrics.iter().filter(|key| !key.name.starts_with(SYSTEM))
    }

    fn default_columns(&self, runs: usize) -> Vec<Column> {
        let metrics = self.own_metrics().map(|key| Column::Metric(key.name.clone()));
        // Nothing differs from a single run.
        let params = self.params.iter().filter(|key| runs == 1 || key.same.is_none());
        let params = params.map(|key| Column::Param(key.name.clone()));
        let fields = Field::CHOICES.into_iter().filter(|field| match field {
            Field::Job => self.has_job,
            Field::Commit => self.has_commit,
            _ => true,
        });
        metrics
            .take(METRICS_DEFAULT)
            .chain(params.take(PARAMS_DEFAULT))
            .chain(fields.map(Column::Field))
            .collect()
    }
}

/// The most common of some keys with values, those of which `is_last` holds after the others.
fn keys<'a>(runs: usize, values: impl Iterator<Item = (&'a str, &'a str)>, is_last: impl Fn(&Key) -> bool) -> Vec<Key> {
    let mut seen: HashMap<&str, (usize, Option<&str>)> = HashMap::new();
    for (key, value) in values {
        let (count, same) = seen.entry(key).or_insert((0, Some(value)));
        *count += 1;
        *same = same.filter(|same| *same == value);
    }
    let mut found: Vec<(usize, Key)> = seen
        .into_iter()
        .map(|(name, (count, same))| {
            let same = same.filter(|_| count == runs).map(str::to_owned);
            let name = name.to_owned();
            (count, Key { name, same })
        })
        .collect();
    found.sort_by(|(count, key), (other_count, other)| {
        let order = |count: usize, key: &Key| (is_last(key), Reverse(count));
        order(*count, key)
            .cmp(&order(*other_count, other))
            .then_with(|| key.name.cmp(&other.name))
    });
    let mut bytes = 0;
    let fitting = found
        .into_iter()
        .take(CHOICES_MAX)
        .map(|(_, key)| key)
        .take_while(|key| {
            bytes += html_bytes(&key.name);
            bytes <= CHOICES_BYTES_MAX
        });
    fitting.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_that_differ_come_first_and_common_keys_before_rare_ones() {
        let values = [("lr", "1"), ("a", "x"), ("lr", "2"), ("a", "x"), ("b", "1")];
        let found = keys(2, values.into_iter(), |key| key.same.is_some());
        let found: Vec<_> = found
            .iter()
            .map(|key| (key.name.as_str(), key.same.as_deref()))
            .collect();
        assert_eq!(found, [("lr", None), ("b", None), ("a", Some("x"))]);
    }
}
