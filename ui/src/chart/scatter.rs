//! The chart of one number against another, a dot for each run.

use maud::{Markup, html};

use super::label::{cut, pushed_apart};
use super::line_plot::{dot, grid, marks, percent, pixels};
use super::scale::Scale;
use super::{Mark, as_logged, numbers, ticks};
use crate::number::metric;
use crate::words::{Words, fill};

/// The ratio of the ends of a horizontal axis from which it is logarithmic.
pub(super) const LOG_RATIO: f64 = 100.0;

/// A dot.
#[derive(Clone, Copy, Debug)]
pub struct Dot<'a> {
    /// The name of the run.
    pub name: &'a str,
    /// The number across.
    pub x: f64,
    /// The number upwards.
    pub y: f64,
    /// The mark with which it is drawn.
    pub mark: Mark,
}

/// A chart of one number against another.
#[derive(Clone, Debug)]
pub struct ScatterChart<'a> {
    /// The name of the number across.
    pub x_name: &'a str,
    /// The name of the number upwards.
    pub y_name: &'a str,
    /// Height of the plot area in pixels.
    pub height: u32,
    /// The dots. Those with a number that is NaN or infinite are only in the table.
    pub dots: Vec<Dot<'a>>,
}

/// An axis of numbers that need not be near each other: a logarithmic one, if they are all above 0 and far apart.
pub(super) fn spread(values: impl Iterator<Item = f64> + Clone) -> Option<Scale> {
    let linear = Scale::of(values.clone(), false)?;
    if linear.low > 0.0 && linear.high / linear.low >= LOG_RATIO {
        return Scale::of(values, true);
    }
    Some(linear)
}

impl ScatterChart<'_> {
    /// Draws the figure: caption, plot, and a table of the numbers.
    pub fn draw(&self, words: &Words) -> Markup {
        let title = fill(words.charts.against, &[self.y_name, self.x_name]);
        let count = fill(words.charts.runs, &[&self.dots.len().to_string()]);
        let is_log = self.scales().is_some_and(|(along, _)| along.is_log);
        let head = html! {
            th scope="col" { (words.charts.run) }
            th.num scope="col" { bdi { (self.x_name) } }
            th.num scope="col" { bdi { (self.y_name) } }
        };
        let row = |dot: &Dot<'_>| {
            html! {
                th scope="row" { bdi { (cut(dot.name)) } }
                td.num { (metric(as_logged(dot.x))) }
                td.num { (metric(as_logged(dot.y))) }
            }
        };
        let rows: Vec<Markup> = self.dots.iter().map(row).collect();
        html! {
            figure {
                figcaption {
                    bdi { (title) }
                    span.mut.small { (count) @if is_log { ", " (words.charts.log_scale) } }
                }
                @match self.scales() {
                    Some((along, up)) => {
                        svg.plot height=(self.height) role="img" aria-label=(title) { (self.contents(along, up)) }
                    },
                    None => p.mut { (words.charts.no_number) },
                }
                (numbers::table(words, &title, &head, &rows))
            }
        }
    }

    fn scales(&self) -> Option<(Scale, Scale)> {
        let shown = || {
            let dots = self.dots.iter().map(|dot| (as_logged(dot.x), as_logged(dot.y)));
            dots.filter(|(x, y)| x.is_finite() && y.is_finite())
        };
        let along = spread(shown().map(|(x, _)| x))?;
        Some((along.roomy(), Scale::of(shown().map(|(_, y)| y), false)?.roomy()))
    }

    fn contents(&self, along: Scale, up: Scale) -> Markup {
        let height = f64::from(self.height);
        let place = |dot: &Dot<'_>| {
            let can_draw = along.can_draw(as_logged(dot.x)) && up.can_draw(as_logged(dot.y));
            can_draw.then(|| (along.place(dot.x) * 100.0, (1.0 - up.place(dot.y)) * height))
        };
        let placed = self.dots.iter().filter_map(|dot| place(dot).map(|place| (dot, place)));
        let (named, grey): (Vec<_>, Vec<_>) = placed.partition(|(dot, _)| dot.mark.colour().is_some());
        let pushed = pushed_apart(&named.iter().map(|(_, (_, y))| *y).collect::<Vec<_>>(), height);
        html! {
            (grid(&ticks::numbers(up), up, height))
            (marks(&ticks::numbers(along), along, height))
            @for (grey, (x, y)) in &grey { (dot(grey.mark, *x, *y, "4")) }
            @for ((named, (x, y)), pushed) in named.iter().zip(pushed) {
                (dot(named.mark, *x, *y, "5"))
                text class=(named.mark.fill()) x=(percent(*x)) dx="9" y=(pixels(pushed + 4.0)) { (cut(named.name)) }
            }
        }
    }
}
