//! The histories of metrics that an experiment's page draws: sparklines in the table, and a strip of small charts above it.

use std::collections::{BTreeMap, HashMap};

use maud::{Markup, html};
use mlforge_ui::Words;
use mlforge_ui::chart::{Axis, LineChart, Mark, Point, Series, as_logged};

use super::asked::Asked;
use super::cell::shortened;
use super::column::Column;
use super::found::Shown;
use crate::domain::id::RunId;
use crate::domain::run::{FullRun, Status};
use crate::error::Result;
use crate::pages::curves;
use crate::pages::run::charts::spark;
use crate::store::metrics::summary::{self, Room, Summary};

/// Largest number of charts of the strip.
const CHARTS_MAX: usize = 4;
/// Largest number of runs that a chart draws by step. Each has a colour of its own.
const LINES_MAX: usize = 6;
/// Height of a chart in pixels.
const HEIGHT: u32 = 132;

/// The histories that are drawn of a page of runs.
pub(super) struct Histories<'a> {
    /// The page.
    pub(super) shown: &'a Shown<'a>,
    /// The metrics of the strip: that by which runs are sorted, and then the most common ones.
    metrics: Vec<&'a str>,
    /// The first runs with one of these metrics. Each has a colour in all charts.
    drawn: Vec<&'a FullRun<'a>>,
    /// The histories of these metrics, each with the place of its run among those that are drawn.
    lines: BTreeMap<&'a str, Vec<(usize, Summary)>>,
    sparklines: HashMap<(RunId, &'a str), Summary>,
}

impl<'a> Histories<'a> {
    /// Reads the histories: the metrics of the strip of six runs, and those of the columns with sparklines of every run.
    pub(super) async fn read(asked: &'a Asked<'a>, shown: &'a Shown<'a>) -> Result<Self> {
        let metrics = metrics_of_strip(asked, shown);
        let having = shown
            .runs
            .iter()
            .filter(|run| metrics.iter().any(|metric| has(run, metric)));
        let drawn: Vec<&FullRun<'_>> = having.take(LINES_MAX).collect();
        let lines = read_lines(&metrics, &drawn).await?;
        let keys = shown.columns.iter().filter_map(|column| match column {
            Column::Sparkline(key) => Some(key.as_str()),
            _ => None,
        });
        let of = keys.flat_map(|key| {
            let having = shown.runs.iter().filter(move |run| has(run, key));
            having.map(move |run| (run.run.id, key))
        });
        let of: Vec<(RunId, &str)> = of.collect();
        let read = summary::read_all(&of, Room::SPARKLINE).await?;
        Ok(Histories {
            shown,
            metrics,
            drawn,
            lines,
            sparklines: of.into_iter().zip(read).collect(),
        })
    }

    /// The shape of a metric of a run. Nothing if it has no more than one point.
    pub(super) fn sparkline(&self, words: &Words, run: RunId, metric: &str) -> Markup {
        let summary = self.sparklines.get(&(run, metric));
        html! {
            @match summary.filter(|summary| summary.points.len() > 1) {
                Some(summary) => (spark(words, &shortened(metric), summary)),
                None => "–",
            }
        }
    }

    /// The strip of charts. Nothing if there is no metric with several values.
    pub(super) fn strip(&self, words: &Words) -> Markup {
        let charts: Vec<Markup> = self
            .metrics
            .iter()
            .copied()
            .filter_map(|metric| self.chart(words, metric))
            .collect();
        html! {
            @if !charts.is_empty() {
                section.strip tabindex="0" role="region" aria-label=(words.experiment_page.strip) {
                    @for chart in charts { (chart) }
                }
            }
        }
    }

    /// The chart of a metric: lines by step, or if no run has more than one point, the latest values of all runs shown.
    fn chart(&self, words: &Words, metric: &'a str) -> Option<Markup> {
        let (title, lines) = (shortened(metric), self.lines.get(metric)?);
        let (axis, series) = if is_by_step(lines) {
            let lines = lines.iter().filter_map(|(index, summary)| self.line(*index, summary));
            (Axis::Step, lines.collect())
        } else {
            (Axis::Run, vec![self.latest(metric)?])
        };
        let chart = LineChart {
            id: "",
            title: &title,
            axis,
            is_log: false,
            smoothing: None,
            height: HEIGHT,
            series,
        };
        Some(chart.draw_small(words))
    }

    /// The key of a run's line, which stands beside its name. Nothing if no chart draws it by step.
    pub(super) fn key_of(&self, run: RunId) -> Markup {
        let index = self.drawn.iter().position(|drawn| drawn.run.id == run);
        let index = index.filter(|_| self.lines.values().any(|lines| is_by_step(lines)));
        html! { @if let Some(index) = index { (Mark::nth(index).key()) } }
    }

    fn line<'b>(&'b self, index: usize, summary: &Summary) -> Option<Series<'b>> {
        let run = &self.drawn.get(index)?.run;
        Some(Series {
            name: &run.name,
            points: curves::points(&summary.points, Axis::Step, run.start_time_ms),
            mark: Mark::nth(index),
            is_running: run.status == Status::Running,
        })
    }

    /// The latest values of the runs shown, by their start. `None`: there is one at most.
    fn latest(&self, metric: &'a str) -> Option<Series<'a>> {
        let mut runs: Vec<&FullRun<'_>> = self.shown.runs.iter().collect();
        runs.sort_by_key(|run| (run.run.start_time_ms, run.run.id));
        let points = runs.iter().zip(1_u32..).filter_map(|(run, number)| {
            let metric = run.metrics.iter().find(|other| other.key == metric)?;
            Some(Point {
                x: f64::from(number),
                y: as_logged(metric.point.value),
            })
        });
        let points: Vec<Point> = points.collect();
        (points.len() > 1).then_some(Series {
            name: metric,
            points,
            mark: Mark::Chosen(1),
            is_running: false,
        })
    }
}

/// Reads the histories of some metrics of some runs.
async fn read_lines<'a>(
    metrics: &[&'a str],
    runs: &[&FullRun<'_>],
) -> Result<BTreeMap<&'a str, Vec<(usize, Summary)>>> {
    let places = metrics.iter().flat_map(|metric| {
        let having = runs.iter().enumerate().filter(|(_, run)| has(run, metric));
        having.map(|(index, run)| (index, run.run.id, *metric))
    });
    let places: Vec<(usize, RunId, &str)> = places.collect();
    let of: Vec<(RunId, &str)> = places.iter().map(|(_, run, metric)| (*run, *metric)).collect();
    let read = summary::read_all(&of, Room::shared(of.len())).await?;
    let mut lines: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for ((index, _, metric), summary) in places.into_iter().zip(read) {
        lines.entry(metric).or_default().push((index, summary));
    }
    Ok(lines)
}

/// True if a history has several points, so that a line by step shows something.
fn is_by_step(lines: &[(usize, Summary)]) -> bool {
    lines.iter().any(|(_, summary)| summary.points.len() > 1)
}

fn has(run: &FullRun<'_>, metric: &str) -> bool {
    run.metrics.iter().any(|other| other.key == metric)
}

/// The metrics of the strip.
fn metrics_of_strip<'a>(asked: &'a Asked<'a>, shown: &'a Shown<'a>) -> Vec<&'a str> {
    let sorted = asked.sort.as_ref().and_then(|sort| match sort {
        Column::Metric(key) if shown.runs.iter().any(|run| has(run, key)) => Some(key.as_str()),
        _ => None,
    });
    let common = shown.keys.own_metrics().map(|key| key.name.as_str());
    let others = common.filter(|key| Some(*key) != sorted);
    sorted.into_iter().chain(others).take(CHARTS_MAX).collect()
}
