//! Histories as pages show them: whole while they are short, and else a sample whose cost does not grow with the history.
//!
//! A sample has the beginning of the history, and a few points after each of many evenly spaced moments between its first and
//! its last point. Each moment is a range of the storage that is read from its start, so the points between cost nothing.

use std::borrow::Cow;

use crate::domain::id::RunId;
use crate::domain::metric::Point;
use crate::error::{Error, Result};
use crate::host::records::{Span, last_keys, scan_all};
use crate::store::{codec, keys};

/// Number of single points that are read after a moment. A chunk has more, and one is enough.
const POINTS_AT_MOMENT: usize = 4;

/// Number of parts of a long history, of which each is drawn by a few points: more than a chart has pixels.
const DRAWN_PARTS: usize = 2_000;
/// Number of points up to which a history is drawn whole.
const DRAWN_WHOLE_MAX: usize = 10 * DRAWN_PARTS;

/// The bounds of what is read of each metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Number of single points. A longer history is sampled.
    points: usize,
    /// Number of chunks. A longer history is sampled.
    chunks: usize,
    /// Number of moments of a sample.
    moments: usize,
}

impl Room {
    /// For one metric that is looked at closely: 100,000 single points and a million in chunks are read whole.
    pub const ALONE: Room = Room {
        points: 100_000,
        chunks: 16_000,
        moments: 1_000,
    };

    /// For some metrics that are shown together, which share the room.
    pub fn shared(metrics: usize) -> Room {
        let each = |all: usize, least: usize, most: usize| (all / metrics.max(1)).clamp(least, most);
        Room {
            points: each(40_000, 500, 10_000),
            chunks: each(4_000, 40, 1_000),
            moments: each(4_000, 40, 200),
        }
    }
}

/// The points of a metric that were read.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// The points by (time, step, value), without duplicates.
    pub points: Vec<Point>,
    /// True if these are some points of more.
    pub is_sample: bool,
}

impl Summary {
    /// The lowest point that was read. `None`: there is none but NaN.
    pub fn lowest(&self) -> Option<Point> {
        lowest(self.numbers())
    }

    /// The highest point that was read. `None`: there is none but NaN.
    pub fn highest(&self) -> Option<Point> {
        highest(self.numbers())
    }

    fn numbers(&self) -> impl Iterator<Item = Point> {
        numbers(&self.points)
    }

    /// The points that a drawing needs. Of a long history these are the first, the lowest and the highest point and a NaN of
    /// each of many parts, and the last one of all.
    pub fn drawn(&self) -> Cow<'_, [Point]> {
        if self.points.len() <= DRAWN_WHOLE_MAX {
            return Cow::Borrowed(&self.points);
        }
        let mut drawn = Vec::with_capacity(4 * DRAWN_PARTS + 1);
        for part in self.points.chunks(self.points.len().div_ceil(DRAWN_PARTS)) {
            drawn.extend(part.first());
            drawn.extend(lowest(numbers(part)));
            drawn.extend(highest(numbers(part)));
            drawn.extend(part.iter().find(|point| point.value.is_nan()));
        }
        drawn.extend(self.points.last());
        drawn.sort_unstable_by(Point::by_time);
        drawn.dedup_by(|a, b| a.by_time(b).is_eq());
        Cow::Owned(drawn)
    }
}

fn numbers(points: &[Point]) -> impl Iterator<Item = Point> {
    points.iter().copied().filter(|point| !point.value.is_nan())
}

fn lowest(numbers: impl Iterator<Item = Point>) -> Option<Point> {
    numbers.reduce(|best, next| if next.value < best.value { next } else { best })
}

/// Of equal points the first counts, as for the lowest.
fn highest(numbers: impl Iterator<Item = Point>) -> Option<Point> {
    numbers.reduce(|best, next| if next.value > best.value { next } else { best })
}

/// The points and chunks that were read of a metric.
#[derive(Default)]
struct Read {
    points: Vec<Point>,
    singles: usize,
    chunks: usize,
}

impl Read {
    fn add_single(&mut self, key: &[u8]) -> Result<()> {
        self.singles += 1;
        self.points.push(keys::point_of(key).ok_or_else(damaged)?);
        Ok(())
    }

    fn add_chunk(&mut self, value: &[u8]) -> Result<()> {
        self.chunks += 1;
        self.points.extend(codec::read_chunk(value)?);
        Ok(())
    }

    fn is_whole(&self, room: Room) -> bool {
        self.singles < room.points && self.chunks < room.chunks
    }
}

fn damaged() -> Error {
    Error::Corrupt("key of a metric's history".to_owned())
}

/// Reads the histories of some metrics of a run. A metric that does not exist has no points.
pub async fn read_some(run: RunId, metrics: &[&str], room: Room) -> Result<Vec<Summary>> {
    let mut read: Vec<Read> = metrics.iter().map(|_| Read::default()).collect();
    let singles = metrics.iter().map(|metric| keys::history(run, metric, None));
    scan_into(&mut read, singles.collect(), room.points, |read, key, _| {
        read.add_single(key)
    })
    .await?;
    let chunks = metrics.iter().map(|metric| keys::chunks(run, metric, None));
    scan_into(&mut read, chunks.collect(), room.chunks, |read, _, value| {
        read.add_chunk(value)
    })
    .await?;
    let mut summaries = Vec::with_capacity(metrics.len());
    for (metric, mut read) in metrics.iter().zip(read) {
        let is_sample = !read.is_whole(room);
        if is_sample {
            sample(run, metric, room, &mut read).await?;
        }
        read.points.sort_unstable_by(Point::by_time);
        read.points.dedup_by(|a, b| a.by_time(b).is_eq());
        let points = read.points;
        summaries.push(Summary { points, is_sample });
    }
    Ok(summaries)
}

/// Reads the history of one metric.
pub async fn read(run: RunId, metric: &str, room: Room) -> Result<Summary> {
    Ok(read_some(run, &[metric], room).await?.pop().unwrap_or_default())
}

/// Reads the first entries of spans, each into what was read of its metric.
async fn scan_into(
    read: &mut [Read],
    spans: Vec<Span>,
    limit: usize,
    add: impl Fn(&mut Read, &[u8], &[u8]) -> Result<()>,
) -> Result<()> {
    scan_all(spans, limit, |index, key, value| match read.get_mut(index) {
        Some(read) => add(read, key, value),
        None => Ok(()),
    })
    .await
}

/// Adds a sample of a long history, and its last point, to its beginning.
async fn sample(run: RunId, metric: &str, room: Room, read: &mut Read) -> Result<()> {
    let ends = [keys::history(run, metric, None), keys::chunks(run, metric, None)];
    let last_of_kinds = last_keys(&ends).await?;
    let mut ends = Vec::new();
    for key in last_of_kinds.iter().flatten() {
        ends.push(keys::point_of(key).ok_or_else(damaged)?);
    }
    read.points.extend(&ends);
    let first = read.points.iter().copied().min_by(Point::by_time);
    let last = ends.into_iter().max_by(Point::by_time);
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(());
    };
    let moments: Vec<Point> = moments(first, last, room.moments).collect();
    let singles = moments.iter().map(|moment| keys::history(run, metric, Some(*moment)));
    scan_all(singles.collect(), POINTS_AT_MOMENT, |_, key, _| read.add_single(key)).await?;
    let chunks = moments.iter().map(|moment| keys::chunks(run, metric, Some(*moment)));
    scan_all(chunks.collect(), 1, |_, _, value| read.add_chunk(value)).await
}

/// Evenly spaced moments between two points, by time, or by step if all is of one time.
fn moments(first: Point, last: Point, count: usize) -> impl Iterator<Item = Point> {
    let is_of_one_time = first.timestamp_ms == last.timestamp_ms;
    let between = move |from: i64, to: i64, index: usize| {
        let (from, to) = (i128::from(from), i128::from(to));
        let parts = i128::try_from(count.max(1)).unwrap_or(1);
        let at = from + (to - from) * i128::try_from(index).unwrap_or(0) / parts;
        i64::try_from(at).unwrap_or(i64::MAX)
    };
    (0..count).map(move |index| Point {
        value: f64::MIN,
        timestamp_ms: between(first.timestamp_ms, last.timestamp_ms, index),
        step: if is_of_one_time {
            between(first.step, last.step, index)
        } else {
            i64::MIN
        },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nan_is_neither_lowest_nor_highest() {
        let summary = |values: &[f64]| Summary {
            points: values
                .iter()
                .zip(0..)
                .map(|(value, step)| Point::new(*value, 0, step))
                .collect(),
            is_sample: false,
        };
        let found = summary(&[f64::NAN, 2.0, 1.0, 2.0, 1.0, f64::NAN]);
        assert_eq!(found.lowest().map(|point| (point.value, point.step)), Some((1.0, 2)));
        assert_eq!(found.highest().map(|point| (point.value, point.step)), Some((2.0, 1)));
        assert_eq!(summary(&[f64::NAN]).lowest(), None);
    }

    #[test]
    fn a_drawing_of_a_long_history_keeps_its_ends_its_extremes_and_nan() {
        let mut points: Vec<Point> = (0..1_000_000).map(|step| Point::new(0.5, step, step)).collect();
        for (place, value) in [(400_001, -7.0), (777_777, 9.0), (123_456, f64::NAN)] {
            points[place].value = value;
        }
        let summary = Summary {
            points,
            is_sample: false,
        };
        let drawn = summary.drawn();
        assert!(drawn.len() < 9_000, "{}", drawn.len());
        assert!(drawn.is_sorted_by_key(|point| point.step));
        let steps: Vec<i64> = drawn.iter().map(|point| point.step).collect();
        for step in [0, 123_456, 400_001, 777_777, 999_999] {
            assert!(steps.contains(&step), "{step}");
        }
    }

    #[test]
    fn metrics_that_are_shown_together_share_the_room() {
        for count in [0, 1, 6, 50, 1_000] {
            let room = Room::shared(count);
            assert!(room.points * count <= 500_000 && room.points >= 500, "{count}");
        }
    }

    proptest! {
        #[test]
        fn moments_lie_between_the_ends(a in any::<(i64, i64)>(), b in any::<(i64, i64)>(), count in 1_usize..300) {
            let (first, last) = (Point::new(0.0, a.0.min(b.0), a.1), Point::new(0.0, a.0.max(b.0), b.1));
            let all: Vec<Point> = moments(first, last, count).collect();
            prop_assert_eq!(all.len(), count);
            prop_assert!(all.is_sorted_by_key(|point| point.timestamp_ms));
            prop_assert!(all.iter().all(|point| (first.timestamp_ms..=last.timestamp_ms).contains(&point.timestamp_ms)));
        }
    }
}
