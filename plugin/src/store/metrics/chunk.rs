//! The stored form of a batch of points: many points of one metric as a few records, *chunks*, and few as a
//! record each.
//!
//! Chunks of a metric never overlap. A chunk is only written after the end of all others, which is the
//! metric's *high-water mark*. The writer of a chunk checks the mark's version and rewrites it. So of two
//! writers at once, one conflicts and decides again. Points that come late, or again, are records of their
//! own, which need no check. Readers merge both (`history_merge.rs`).

use std::collections::BTreeMap;

use crate::domain::id::RunId;
use crate::domain::metric::Point;
use crate::error::{Error, Result};
use crate::host::records::{Change, Record};
use crate::store::{codec, keys};

/// Smallest number of points of a chunk. Fewer points of a metric are stored one by one, since a chunk costs
/// two records and a check.
const CHUNK_POINTS_MIN: usize = 8;

/// Largest number of points of a chunk. Such chunks share a page of SQLite with others, whereas a longer
/// record would leave the page half empty. And a reader of a single point has no more than these to decode.
pub const CHUNK_POINTS_MAX: usize = 64;

/// The points of one metric in a batch.
pub struct Series<'a> {
    metric: &'a str,
    /// The points in the order of histories, without duplicates.
    points: Vec<Point>,
}

impl<'a> Series<'a> {
    /// Sorts the points of each metric and removes duplicates.
    pub fn of_batch(metrics: &'a BTreeMap<String, Vec<Point>>) -> Vec<Self> {
        let series = |(metric, points): (&'a String, &Vec<Point>)| {
            let mut points = points.clone();
            points.sort_unstable_by(Point::by_time);
            points.dedup_by(|a, b| a.by_time(b).is_eq());
            Series { metric, points }
        };
        metrics.iter().map(series).collect()
    }

    fn is_long(&self) -> bool {
        self.points.len() >= CHUNK_POINTS_MIN
    }

    /// Stores the points, those after the high-water mark in chunks. Without a mark's record it stores all of
    /// them one by one.
    fn put(&self, change: &mut Change, run: RunId, high_water_mark: Option<&Record>) -> Result<()> {
        let (single, chunk) = match high_water_mark {
            None => (&self.points[..], &[][..]),
            Some(high_water_mark) => self.divide(high_water_mark)?,
        };
        for point in single {
            change.put(keys::point(run, self.metric, *point), Vec::new());
        }
        if let (Some(high_water_mark), Some(last)) = (high_water_mark, chunk.last()) {
            change.require_version(keys::high_water_mark(run, self.metric), high_water_mark.version);
            change.put(
                keys::high_water_mark(run, self.metric),
                keys::point_sort_key(*last).to_vec(),
            );
            for some in evenly(chunk) {
                let end = some.last().unwrap_or(last);
                change.put(keys::chunk(run, self.metric, *end), codec::write_chunk(some));
            }
        }
        if let Some(newest) = self.points.iter().max_by(|a, b| a.by_step(b)) {
            change.put_max(keys::run_metric(run, self.metric), keys::newest_point(*newest));
        }
        Ok(())
    }

    /// Splits the points into those up to the high-water mark and those after it. The second part is empty if
    /// it is too short for a chunk.
    fn divide(&self, high_water_mark: &Record) -> Result<(&[Point], &[Point])> {
        let late = match high_water_mark.existing().map(keys::point_at) {
            None => 0,
            Some(Some(end)) => self.points.partition_point(|point| point.by_time(&end).is_le()),
            Some(None) => return Err(Error::Corrupt("high-water mark of a metric's chunks".to_owned())),
        };
        let (single, chunk) = self.points.split_at_checked(late).unwrap_or_default();
        Ok(match chunk.len() {
            CHUNK_POINTS_MIN.. => (single, chunk),
            _ => (&self.points, &[]),
        })
    }
}

/// Splits points into as few parts as possible, all but the last equally long.
fn evenly(points: &[Point]) -> impl Iterator<Item = &[Point]> {
    let parts = points.len().div_ceil(CHUNK_POINTS_MAX).max(1);
    points.chunks(points.len().div_ceil(parts).max(1))
}

/// Returns the keys of the high-water marks of those metrics that have enough points for a chunk.
pub fn keys_of_high_water_marks<'a>(run: RunId, series: &'a [Series<'a>]) -> impl Iterator<Item = Vec<u8>> {
    let long = series.iter().filter(|series| series.is_long());
    long.map(move |series| keys::high_water_mark(run, series.metric))
}

/// Stores all points and raises the newest point of each metric. `high_water_marks` are the records of
/// `keys_of_high_water_marks`, or empty. When they are empty, the change does not depend on what others log
/// meanwhile.
pub fn put(change: &mut Change, run: RunId, series: &[Series<'_>], high_water_marks: &[Record]) -> Result<()> {
    let mut high_water_marks = high_water_marks.iter();
    for series in series {
        let high_water_mark = if series.is_long() {
            high_water_marks.next()
        } else {
            None
        };
        series.put(change, run, high_water_mark)?;
    }
    Ok(())
}
