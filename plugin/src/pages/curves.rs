//! The histories of metrics of several runs, as charts draw them.

use std::collections::BTreeMap;

use mlforge_ui::chart::{Axis, Mark, Point, Series, as_logged};

use super::columns::Column;
use crate::convert::to_f64;
use crate::domain::id::RunId;
use crate::domain::metric;
use crate::error::Result;
use crate::store::metrics::summary::{self, Room, Summary};

/// Histories of some metrics of some runs.
#[derive(Default)]
pub struct Curves {
    found: BTreeMap<(RunId, String), Summary>,
}

impl Curves {
    /// Reads the histories of some metrics of each run, with a bound that all share.
    pub async fn read(columns: &[Column], metrics: &[&str]) -> Result<Self> {
        let of = columns.iter().flat_map(|column| {
            let its = metrics.iter().filter(|metric| column.metrics.contains_key(**metric));
            its.map(|metric| (column.id, *metric))
        });
        let of: Vec<(RunId, &str)> = of.collect();
        let summaries = summary::read_all(&of, Room::shared(columns.len() * metrics.len())).await?;
        let keys = of.into_iter().map(|(run, metric)| (run, metric.to_owned()));
        Ok(Curves {
            found: keys.zip(summaries).collect(),
        })
    }

    /// True if a history is longer than what was read of it.
    pub fn has_sample(&self) -> bool {
        self.found.values().any(|summary| summary.is_sample)
    }

    /// True if each run has one point of the metric at most, so a line shows nothing.
    pub fn is_single(&self, columns: &[Column], metric: &str) -> bool {
        let summaries = columns.iter().filter_map(|column| self.of(column, metric));
        summaries.into_iter().all(|summary| summary.points.len() < 2)
    }

    fn of(&self, column: &Column, metric: &str) -> Option<&Summary> {
        self.found.get(&(column.id, metric.to_owned()))
    }

    /// The lines of a metric: one for each run that has it.
    pub fn series<'a>(&self, columns: &'a [Column], metric: &str, axis: Axis) -> Vec<Series<'a>> {
        let lines = columns.iter().enumerate().filter_map(|(index, column)| {
            let summary = self.of(column, metric)?;
            Some(Series {
                name: &column.name,
                points: points(&summary.points, axis, column.start_time_ms),
                mark: Mark::nth(index),
                is_running: column.is_running(),
            })
        });
        lines.collect()
    }
}

/// The points of a history at their places on an axis.
pub fn points(history: &[metric::Point], axis: Axis, start_time_ms: i64) -> Vec<Point> {
    let mut points = history.to_vec();
    points.sort_unstable_by(metric::Point::by_step);
    let drawn = points.iter().map(|point| Point {
        x: to_f64(match axis {
            Axis::Step | Axis::Run => point.step,
            Axis::Time => point.timestamp_ms,
            Axis::Relative => point.timestamp_ms.saturating_sub(start_time_ms),
        }),
        y: as_logged(point.value),
    });
    drawn.collect()
}
