//! Histories of one metric in several runs: their first points, or a sample of each.
//!
//! Points are read page by page through `history`, so nothing here depends on how they are stored.

use std::ops::RangeInclusive;

use super::history;
use crate::domain::id::RunId;
use crate::domain::metric::Point;
use crate::domain::sample::Sample;
use crate::error::{Error, Result};

/// Number of points that are read together.
const PAGE_POINTS: usize = 10_000;

/// Largest number of points that one request may read, for all runs and passes together.
const READ_POINTS_MAX: usize = 10_000_000;

/// Largest number of points of a run that is read once; a longer one is read twice. If the longer run's steps
/// grow with time, it is in step order already. Then only the sample is kept in memory.
const KEPT_POINTS_MAX: usize = 50_000;

/// Largest number of points of one run that are sorted by step in memory.
const SORTED_POINTS_MAX: usize = 1_000_000;

/// Returns the first `count` points by (run, time, step, value).
pub async fn first(runs: &[RunId], metric: &str, count: usize) -> Result<Vec<(RunId, Point)>> {
    let mut found = Vec::new();
    for run in runs {
        let left = count - found.len();
        if left == 0 {
            break;
        }
        let (points, _) = history::page(*run, metric, None, left).await?;
        found.extend(points.into_iter().map(|point| (*run, point)));
    }
    Ok(found)
}

/// Returns at most `count` points of each run within a range of steps, by (step, time, value): see `Sample`.
pub async fn sample(
    runs: &[RunId],
    metric: &str,
    steps: RangeInclusive<i64>,
    count: usize,
) -> Result<Vec<(RunId, Point)>> {
    let mut sampler = Sampler {
        metric,
        steps,
        count,
        left: READ_POINTS_MAX,
    };
    let mut found = Vec::new();
    for run in runs {
        let points = sampler.sample(*run).await?;
        found.extend(points.into_iter().map(|point| (*run, point)));
    }
    Ok(found)
}

/// Samples one run after the other, and counts the points that may still be read.
struct Sampler<'a> {
    metric: &'a str,
    steps: RangeInclusive<i64>,
    count: usize,
    left: usize,
}

impl Sampler<'_> {
    async fn sample(&mut self, run: RunId) -> Result<Vec<Point>> {
        let mut survey = Survey::default();
        self.each(run, |point| survey.add(point)).await?;
        let Survey {
            total,
            disordered,
            kept,
            ..
        } = survey;
        let sample = Sample::new(total, self.count);
        if kept.len() == total {
            return Ok(pick_sorted(kept, sample));
        }
        drop(kept);
        if !disordered {
            return self.pick(run, sample).await;
        }
        if total > SORTED_POINTS_MAX {
            return Err(Error::TooLarge(format!(
                "Run {run} has {total} points of this metric, whose steps do not grow with time; ask for fewer steps."
            )));
        }
        let mut points = Vec::with_capacity(total);
        self.each(run, |point| points.push(point)).await?;
        Ok(pick_sorted(points, sample))
    }

    /// Reads a history in step order for the second time and keeps the sample.
    async fn pick(&mut self, run: RunId, sample: Sample) -> Result<Vec<Point>> {
        let mut picked = Vec::with_capacity(sample.len());
        let mut wanted = sample.positions().peekable();
        let mut position = 0;
        self.each(run, |point| {
            if wanted.next_if_eq(&position).is_some() {
                picked.push(point);
            }
            position += 1;
        })
        .await?;
        Ok(picked)
    }

    /// Passes each point of a run within the steps to `see`, by (time, step, value).
    async fn each(&mut self, run: RunId, mut see: impl FnMut(Point)) -> Result<()> {
        let mut after = None;
        loop {
            let (points, next) = history::page(run, self.metric, after.as_ref(), PAGE_POINTS).await?;
            self.left = self.left.checked_sub(points.len()).ok_or_else(|| {
                Error::TooLarge(format!(
                    "These runs have more than {READ_POINTS_MAX} points of this metric; ask for fewer runs."
                ))
            })?;
            points
                .into_iter()
                .filter(|point| self.steps.contains(&point.step))
                .for_each(&mut see);
            if next.is_none() {
                return Ok(());
            }
            after = next;
        }
    }
}

fn pick_sorted(mut points: Vec<Point>, sample: Sample) -> Vec<Point> {
    points.sort_unstable_by(Point::by_step);
    let pick = |position: usize| points.get(position).copied();
    sample.positions().filter_map(pick).collect()
}

/// The result of a first pass over a history.
#[derive(Default)]
struct Survey {
    total: usize,
    last: Option<Point>,
    /// True if some point has a lower step than the one before it.
    disordered: bool,
    /// All points while they are at most `KEPT_POINTS_MAX`, else none.
    kept: Vec<Point>,
}

impl Survey {
    fn add(&mut self, point: Point) {
        self.total += 1;
        self.disordered |= self.last.is_some_and(|last| last.by_step(&point).is_gt());
        self.last = Some(point);
        if self.total <= KEPT_POINTS_MAX {
            self.kept.push(point);
        } else {
            self.kept = Vec::new();
        }
    }
}
