//! The plot area of a chart of lines.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::label::{cut, pushed_apart};
use super::line::{DrawnSeries, LineChart};
use super::scale::Scale;
use super::ticks::{self, Tick};
use super::{Axis, BUCKETS_MAX, Mark, Point, UNITS, float, reduce};
use crate::number;
use crate::words::Words;

/// Smallest number of buckets of a line.
const BUCKETS_MIN: usize = 12;
/// The part of the horizontal axis that stays free behind the end of a run that goes on.
const FUTURE: f64 = 0.03;
/// Width of the space for labels beside the plot area, in pixels. A wider label stands within the area.
const LABEL_WIDTH_MAX: f64 = 32.0;

/// A chart of lines, ready to be drawn.
pub(super) struct LinePlot<'a> {
    along: Scale,
    up: Scale,
    axis: Axis,
    height: f64,
    /// True if there is one line only: its last value stands at its end instead of its name.
    is_alone: bool,
    /// The grey lines first, and the first chosen one last: it lies on top.
    lines: Vec<DrawnLine<'a>>,
}

/// A line, cut where values are missing.
struct DrawnLine<'a> {
    name: &'a str,
    mark: Mark,
    /// The points of each unbroken piece of the values as they are, behind a smoothed line.
    raw: Vec<String>,
    pieces: Vec<String>,
    /// The places of points without neighbours: in per cent, and in pixels.
    lone: Vec<(f64, f64)>,
    /// The place of the last value, and the value.
    end: Option<(f64, f64, f64)>,
}

impl<'a> LinePlot<'a> {
    /// The plot with about `points_max` points of all lines together. `None`: no value can be drawn.
    pub(super) fn of(chart: &LineChart<'_>, drawn: &'a [DrawnSeries<'a>], points_max: usize) -> Option<Self> {
        let all = || {
            let raw = drawn.iter().flat_map(|drawn| drawn.raw.iter().flatten());
            drawn.iter().flat_map(|drawn| &drawn.points).chain(raw)
        };
        let up = Scale::of(all().map(|point| point.y), chart.is_log)?.roomy();
        let along = with_future(Scale::of(all().map(|point| point.x), false)?, drawn);
        let mut plot = LinePlot {
            along,
            up,
            axis: chart.axis,
            height: f64::from(chart.height),
            is_alone: drawn.len() == 1,
            lines: Vec::new(),
        };
        let count = drawn
            .iter()
            .map(|drawn| 1 + usize::from(drawn.raw.is_some()))
            .sum::<usize>();
        let buckets = (points_max / 2 / count.max(1)).clamp(BUCKETS_MIN, BUCKETS_MAX);
        let (chosen, context): (Vec<_>, Vec<_>) = drawn.iter().partition(|drawn| drawn.series.mark.colour().is_some());
        let ordered = context.into_iter().chain(chosen.into_iter().rev());
        let lines: Vec<_> = ordered.map(|drawn| plot.line(drawn, buckets)).collect();
        plot.lines = lines;
        Some(plot)
    }

    fn line(&self, drawn: &'a DrawnSeries<'a>, buckets: usize) -> DrawnLine<'a> {
        let (pieces, lone) = self.pieces(&reduce(&drawn.points, buckets));
        let raw = drawn.raw.as_deref().map(|raw| self.pieces(&reduce(raw, buckets)).0);
        let end = drawn.points.iter().rev().find(|point| self.up.can_draw(point.y));
        DrawnLine {
            name: drawn.series.name,
            mark: drawn.series.mark,
            raw: raw.unwrap_or_default(),
            pieces,
            lone,
            end: end.map(|point| {
                let (x, y) = self.place(*point);
                (x, y, point.y)
            }),
        }
    }

    /// Cuts a line where it breaks: into pieces, and points without neighbours.
    fn pieces(&self, points: &[Point]) -> (Vec<String>, Vec<(f64, f64)>) {
        let (mut pieces, mut lone) = (Vec::new(), Vec::new());
        for piece in points.split(|point| !self.up.can_draw(point.y)) {
            match piece {
                [] => {}
                [point] => lone.push(self.place(*point)),
                piece => {
                    let mut text = String::with_capacity(piece.len() * 8);
                    for point in piece {
                        let x = self.along.place(point.x) * UNITS;
                        let y = (1.0 - self.up.place(point.y)) * UNITS;
                        let space = if text.is_empty() { "" } else { " " };
                        // Writing to a text cannot fail.
                        _ = write!(text, "{space}{x:.0},{y:.0}");
                    }
                    pieces.push(text);
                }
            }
        }
        (pieces, lone)
    }

    /// A place in per cent from the left, and in pixels from the top.
    fn place(&self, point: Point) -> (f64, f64) {
        let x = self.along.place(point.x) * 100.0;
        (x, (1.0 - self.up.place(point.y)) * self.height)
    }

    /// The contents of the svg of the plot area.
    pub(super) fn contents(&self, words: &Words) -> Markup {
        html! {
            (grid(&ticks::numbers(self.up), self.up, self.height))
            (marks(&ticks::horizontal(words, self.axis, self.along), self.along, self.height))
            svg viewBox="0 0 1000 1000" width="100%" height="100%" preserveAspectRatio="none" {
                @for line in &self.lines {
                    @for piece in &line.raw { polyline class={ (line.mark.line()) " raw" } points=(piece) {} }
                }
                @for line in &self.lines {
                    @for piece in &line.pieces {
                        polyline class=(line.mark.line()) points=(piece) {
                            @if line.mark.colour().is_none() { title { (cut(line.name)) } }
                        }
                    }
                }
            }
            @for line in &self.lines {
                @for (x, y) in &line.lone { (dot(line.mark, *x, *y, "2.5")) }
            }
            (self.ends())
        }
    }

    /// The ends of the chosen lines, with their names pushed apart. The end of a single line has its value.
    fn ends(&self) -> Markup {
        let chosen = self.lines.iter().filter(|line| line.mark.colour().is_some());
        let ends: Vec<_> = chosen.filter_map(|line| line.end.map(|end| (line, end))).collect();
        let places: Vec<f64> = ends.iter().map(|(_, (_, y, _))| *y).collect();
        let pushed = pushed_apart(&places, self.height);
        html! {
            @for ((line, (x, y, value)), pushed) in ends.iter().zip(pushed) {
                (dot(line.mark, *x, *y, "2.5"))
                @if self.is_alone {
                    @let above = if *y < 20.0 { *y + 18.0 } else { *y - 8.0 };
                    text class=(line.mark.fill()) x=(percent(*x)) y=(pixels(above)) text-anchor=(if *x < 20.0 { "start" } else { "end" }) {
                        (number::metric(*value))
                    }
                } @else {
                    text class=(line.mark.fill()) x="100%" dx="8" y=(pixels(pushed + 4.0)) { (cut(line.name)) }
                }
            }
        }
    }
}

/// The horizontal axis with room behind the end of a run that goes on.
fn with_future(along: Scale, drawn: &[DrawnSeries<'_>]) -> Scale {
    let runs_on = |drawn: &DrawnSeries<'_>| {
        let last = drawn.points.last();
        drawn.series.is_running && last.is_some_and(|last| last.x >= along.high)
    };
    if !drawn.iter().any(runs_on) {
        return along;
    }
    let high = along.high + (along.high - along.low) * FUTURE;
    Scale {
        high: if high.is_finite() { high } else { along.high },
        ..along
    }
}

/// Horizontal lines with their numbers.
pub(super) fn grid(ticks: &[Tick], up: Scale, height: f64) -> Markup {
    html! {
        @for tick in ticks {
            @let y = (1.0 - up.place(tick.value)) * height;
            line.grid x2="100%" y1=(pixels(y)) y2=(pixels(y)) {}
            @if width(&tick.label) <= LABEL_WIDTH_MAX {
                text x="-8" y=(pixels(y + 4.0)) text-anchor="end" { (tick.label) }
            } @else {
                text x="2" y=(pixels(y - 3.0)) { (tick.label) }
            }
        }
    }
}

/// The marks below the plot area. Those at its edges are moved inwards.
pub(super) fn marks(ticks: &[Tick], along: Scale, height: f64) -> Markup {
    html! {
        @for tick in ticks {
            @let x = along.place(tick.value) * 100.0;
            @let anchor = if x < 4.0 { "start" } else if x > 92.0 { "end" } else { "middle" };
            text x=(percent(x)) y=(pixels(height + 18.0)) text-anchor=(anchor) { (tick.label) }
        }
    }
}

/// A dot at a place in per cent and pixels.
pub(super) fn dot(mark: Mark, x: f64, y: f64, radius: &str) -> Markup {
    html! { circle class=(mark.fill()) cx=(percent(x)) cy=(pixels(y)) r=(radius) {} }
}

/// A place across the plot area.
pub(super) fn percent(value: f64) -> String {
    let text = format!("{value:.2}");
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A place down the plot area.
pub(super) fn pixels(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// The part of the plot area that each of some things has, in per cent.
pub(super) fn share(count: usize) -> f64 {
    100.0 / float(count.max(1))
}

/// The width of a label in pixels, as most fonts have it.
fn width(label: &str) -> f64 {
    let of_char = |char| match char {
        '.' | ',' | ' ' => 3.5,
        '-' | '\u{2212}' => 5.0,
        'M' | 'G' => 9.5,
        _ => 6.4,
    };
    label.chars().map(of_char).sum()
}
