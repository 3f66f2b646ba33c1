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

    /// For a metric of which a sparkline shows the shape.
    pub const SPARKLINE: Room = Room {
        points: 500,
        chunks: 24,
        moments: 24,
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
    is_sample: bool,
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

    fn into_summary(self) -> Summary {
        let Read {
            mut points, is_sample, ..
        } = self;
        points.sort_unstable_by(Point::by_time);
        points.dedup_by(|a, b| a.by_time(b).is_eq());
        Summary { points, is_sample }
    }
}

fn damaged() -> Error {
    Error::Corrupt("key of a metric's history".to_owned())
}

/// Reads the histories of some metrics, each of a run: in two reads of ranges, and three more if any is long. A metric that
/// does not exist has no points.
pub async fn read_all(of: &[(RunId, &str)], room: Room) -> Result<Vec<Summary>> {
    let mut read: Vec<Read> = of.iter().map(|_| Read::default()).collect();
    let singles = of.iter().map(|(run, metric)| keys::history(*run, metric, None));
    scan_into(&mut read, singles.collect(), room.points, |read, key, _| {
        read.add_single(key)
    })
    .await?;
    let chunks = of.iter().map(|(run, metric)| keys::chunks(*run, metric, None));
    scan_into(&mut read, chunks.collect(), room.chunks, |read, _, value| {
        read.add_chunk(value)
    })
    .await?;
    let mut samples = Vec::new();
    for ((of, read), index) in of.iter().zip(&mut read).zip(0..) {
        read.is_sample = !read.is_whole(room);
        if read.is_sample {
            samples.push((index, *of));
        }
    }
    sample(&samples, room, &mut read).await?;
    Ok(read.into_iter().map(Read::into_summary).collect())
}

/// Reads the histories of some metrics of a run, as `read_all` does.
pub async fn read_some(run: RunId, metrics: &[&str], room: Room) -> Result<Vec<Summary>> {
    let of: Vec<(RunId, &str)> = metrics.iter().map(|metric| (run, *metric)).collect();
    read_all(&of, room).await
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

/// A metric of a run, with the index of what was read of it.
type Sampled<'a> = (usize, (RunId, &'a str));

/// Adds samples of long histories, and their last points, to their beginnings.
async fn sample(samples: &[Sampled<'_>], room: Room, read: &mut [Read]) -> Result<()> {
    let mut moments = Vec::new();
    for ((index, of), [single, chunk]) in samples.iter().zip(last_points(samples).await?) {
        let Some(read) = read.get_mut(*index) else { continue };
        read.points.extend(single.iter().chain(&chunk));
        let first = read.points.iter().copied().min_by(Point::by_time);
        let last = single.into_iter().chain(chunk).max_by(Point::by_time);
        if let Some((first, last)) = first.zip(last) {
            moments.extend(moments_between(first, last, room.moments).map(|moment| (*index, *of, moment)));
        }
    }
    let mut add_at = |at: usize, add: &dyn Fn(&mut Read) -> Result<()>| {
        let read = moments.get(at).and_then(|(index, ..)| read.get_mut(*index));
        read.map_or(Ok(()), add)
    };
    let spans = moments.iter();
    let singles = spans.map(|(_, (run, metric), moment)| keys::history(*run, metric, Some(*moment)));
    scan_all(singles.collect(), POINTS_AT_MOMENT, |at, key, _| {
        add_at(at, &|read| read.add_single(key))
    })
    .await?;
    let spans = moments.iter();
    let chunks = spans.map(|(_, (run, metric), moment)| keys::chunks(*run, metric, Some(*moment)));
    scan_all(chunks.collect(), 1, |at, _, value| {
        add_at(at, &|read| read.add_chunk(value))
    })
    .await
}

/// The last single point of each history, and the last one that a chunk's key tells.
async fn last_points(samples: &[Sampled<'_>]) -> Result<Vec<[Option<Point>; 2]>> {
    let ends = samples
        .iter()
        .flat_map(|(_, (run, metric))| [keys::history(*run, metric, None), keys::chunks(*run, metric, None)]);
    let ends: Vec<Span> = ends.collect();
    let point = |key: &Option<Vec<u8>>| match key {
        Some(key) => keys::point_of(key).map(Some).ok_or_else(damaged),
        None => Ok(None),
    };
    let last = last_keys(&ends).await?;
    let (pairs, _) = last.as_chunks::<2>();
    pairs
        .iter()
        .map(|[single, chunk]| Ok([point(single)?, point(chunk)?]))
        .collect()
}

/// Evenly spaced moments between two points, by time, or by step if all is of one time.
fn moments_between(first: Point, last: Point, count: usize) -> impl Iterator<Item = Point> {
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
            let all: Vec<Point> = moments_between(first, last, count).collect();
            prop_assert_eq!(all.len(), count);
            prop_assert!(all.is_sorted_by_key(|point| point.timestamp_ms));
            prop_assert!(all.iter().all(|point| (first.timestamp_ms..=last.timestamp_ms).contains(&point.timestamp_ms)));
        }
    }
}
