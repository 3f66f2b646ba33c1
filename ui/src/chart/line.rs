//! The chart of lines.

use maud::{Markup, html};

use super::line_plot::LinePlot;
use super::{Axis, Series, as_logged, numbers, smooth};
use crate::chart::Point;
use crate::time::exact;
use crate::words::{Words, fill};

/// Longest title in the name of a drawing, which is repeated, in characters.
const LABEL_CHARS_MAX: usize = 60;
/// Number of points of all lines of a chart together, so that a page with several charts stays small.
pub(super) const POINTS_MAX: usize = 1_000;
/// Largest number of points of all lines of a small chart.
const SMALL_POINTS_MAX: usize = 160;

/// A chart of lines: one metric of one or many runs.
#[derive(Clone, Debug)]
pub struct LineChart<'a> {
    /// The id of the figure in the page, to which links lead. Empty: it has none.
    pub id: &'a str,
    /// The caption: the name of the metric.
    pub title: &'a str,
    /// The horizontal axis.
    pub axis: Axis,
    /// True for a logarithmic vertical axis. Values of 0 and below cannot be drawn on it: the caption says so.
    pub is_log: bool,
    /// The weight of the past in an exponential moving average, from 0 to below 1. `None`: the values as they are.
    pub smoothing: Option<f64>,
    /// Height of the plot area in pixels.
    pub height: u32,
    /// The lines. Grey ones are drawn first.
    pub series: Vec<Series<'a>>,
}

/// A series as it is drawn.
pub(super) struct DrawnSeries<'a> {
    pub(super) series: &'a Series<'a>,
    /// The values, smoothed if that is asked for, by growing x.
    pub(super) points: Vec<Point>,
    /// The values as they are. `None`: they are drawn, or would hide the others.
    pub(super) raw: Option<Vec<Point>>,
}

impl<'a> LineChart<'a> {
    /// Draws the figure: caption, plot, and a table of the numbers.
    pub fn draw(&self, words: &Words) -> Markup {
        let drawn = self.drawn();
        let table = numbers::of_lines(words, self, &drawn, &self.label(words));
        self.figure(words, &drawn, POINTS_MAX, &table)
    }

    /// Draws a small figure, for a page that shows the numbers elsewhere. It has fewer points, and no table.
    pub fn draw_small(&self, words: &Words) -> Markup {
        self.figure(words, &self.drawn(), SMALL_POINTS_MAX, &html! {})
    }

    fn figure(&self, words: &Words, drawn: &[DrawnSeries<'_>], points_max: usize, table: &Markup) -> Markup {
        let is_alone = self.series.len() == 1;
        html! {
            figure id=[(!self.id.is_empty()).then_some(self.id)] {
                figcaption { bdi { (self.title) } span.mut.small { (self.how(words, drawn)) } }
                @match LinePlot::of(self, drawn, points_max) {
                    Some(plot) => {
                        svg class=(if is_alone { "plot nl" } else { "plot" }) height=(self.height) role="img"
                            aria-label=(self.label(words)) {
                            (plot.contents(words))
                        }
                    },
                    None => p.mut { (words.charts.no_number) },
                }
                (table)
            }
        }
    }

    /// The series with their points in order, and smoothed.
    pub(super) fn drawn(&'a self) -> Vec<DrawnSeries<'a>> {
        let drawn = self.series.iter().map(|series| {
            let mut points: Vec<Point> = series
                .points
                .iter()
                .filter(|point| point.x.is_finite())
                .map(|point| Point {
                    x: point.x,
                    y: as_logged(point.y),
                })
                .collect();
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            match self.smoothing {
                None => DrawnSeries {
                    series,
                    points,
                    raw: None,
                },
                Some(weight) => DrawnSeries {
                    series,
                    points: smooth::smooth(&points, weight),
                    raw: series.mark.colour().map(|_| points),
                },
            }
        });
        drawn.collect()
    }

    /// The way in which the lines are drawn, and the values that are not.
    fn how(&self, words: &Words, drawn: &[DrawnSeries<'_>]) -> String {
        let charts = &words.charts;
        let mut parts = vec![match self.axis {
            Axis::Step => charts.by_step.to_owned(),
            Axis::Relative => charts.by_relative.to_owned(),
            Axis::Run => charts.by_run.to_owned(),
            Axis::Time => match first_x(drawn) {
                Some(first) => fill(charts.by_time_from, &[&exact(super::ticks::whole(first))]),
                None => charts.by_time.to_owned(),
            },
        }];
        if self.is_log {
            parts.push(charts.log_scale.to_owned());
        }
        if let Some(weight) = self.smoothing {
            parts.push(fill(charts.smoothed, &[&weight.to_string()]));
        }
        let count = |is_left_out: &dyn Fn(f64) -> bool| {
            let points = drawn.iter().flat_map(|drawn| &drawn.points);
            points.filter(|point| is_left_out(point.y)).count()
        };
        let not_finite = count(&|y| !y.is_finite());
        if not_finite > 0 {
            parts.push(fill(charts.not_finite, &[&not_finite.to_string()]));
        }
        let not_positive = count(&|y| self.is_log && y <= 0.0 && y.is_finite());
        if not_positive > 0 {
            parts.push(fill(charts.not_positive, &[&not_positive.to_string()]));
        }
        parts.join(", ")
    }

    /// The name of the drawing, for those who do not see it.
    pub(super) fn label(&self, words: &Words) -> String {
        let charts = &words.charts;
        let by = match self.axis {
            Axis::Step => charts.by_step,
            Axis::Time => charts.by_time,
            Axis::Relative => charts.by_relative,
            Axis::Run => charts.by_run,
        };
        let title: String = self.title.chars().take(LABEL_CHARS_MAX).collect();
        match self.series.len() {
            1 => format!("{title} {by}"),
            count => format!("{title} {by}, {}", fill(charts.lines, &[&count.to_string()])),
        }
    }
}

fn first_x(drawn: &[DrawnSeries<'_>]) -> Option<f64> {
    let firsts = drawn.iter().filter_map(|drawn| drawn.points.first());
    firsts.map(|point| point.x).reduce(f64::min)
}
