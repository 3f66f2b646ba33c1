//! Charts of a run's metrics, and the choices of how they are drawn, which stand in the address.

use maud::{Markup, html};
use mlforge_ui::Words;
use mlforge_ui::chart::{Axis, LineChart, Mark, Point, Series, sparkline};
use mlforge_ui::link::Address;

use super::view::View;
use crate::domain::metric;
use crate::error::Result;
use crate::request::params::Params;
use crate::store::metrics::summary::Summary;

/// Height of a chart in pixels.
const HEIGHT: u32 = 170;
/// The weights of the past that may be chosen.
const SMOOTHINGS: [(&str, f64); 3] = [("0.9", 0.9), ("0.95", 0.95), ("0.99", 0.99)];

/// The way in which charts are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    axis: Axis,
    is_log: bool,
    smoothing: Option<(&'static str, f64)>,
}

const AXES: [(Axis, &str); 3] = [(Axis::Step, "step"), (Axis::Time, "time"), (Axis::Relative, "relative")];

impl Look {
    /// The way in an address. An unknown word counts as the default.
    pub fn of(params: &Params<'_>) -> Result<Self> {
        let text = |name| Ok::<&str, crate::error::Error>(params.text(name)?.unwrap_or_default());
        let axis = text("axis")?;
        let smoothing = text("smooth")?;
        Ok(Look {
            axis: AXES
                .into_iter()
                .find(|(_, word)| *word == axis)
                .map_or(Axis::Step, |(axis, _)| axis),
            is_log: text("scale")? == "log",
            smoothing: SMOOTHINGS.into_iter().find(|(word, _)| *word == smoothing),
        })
    }

    /// Adds the choices to an address.
    pub fn onto(self, address: Address) -> Address {
        let axis = AXES.into_iter().find(|(axis, _)| *axis == self.axis);
        let axis = axis.map_or("", |(axis, word)| if axis == Axis::Step { "" } else { word });
        let address = address.with_filled("axis", axis);
        let address = address.with_filled("scale", if self.is_log { "log" } else { "" });
        address.with_filled("smooth", self.smoothing.map_or("", |(word, _)| word))
    }

    /// The links that choose. `address` is that of the page without these choices.
    pub fn bar(self, words: &Words, address: &Address) -> Markup {
        let runs = &words.runs;
        let axes = AXES.map(|(axis, _)| {
            let text = match axis {
                Axis::Step | Axis::Run => runs.by_step,
                Axis::Time => runs.by_time,
                Axis::Relative => runs.by_relative_time,
            };
            (text, Look { axis, ..self })
        });
        let scales = [false, true].map(|is_log| {
            let text = if is_log { runs.log_scale } else { runs.linear_scale };
            (text, Look { is_log, ..self })
        });
        let none = Look {
            smoothing: None,
            ..self
        };
        let smoothed = SMOOTHINGS.map(|chosen| {
            let smoothing = Some(chosen);
            (chosen.0, Look { smoothing, ..self })
        });
        let smoothings: Vec<(&str, Look)> = std::iter::once((runs.raw, none)).chain(smoothed).collect();
        html! {
            (self.choice(runs.axis, &axes, address))
            (self.choice(runs.scale, &scales, address))
            (self.choice(runs.smoothing, &smoothings, address))
        }
    }

    fn choice(self, label: &str, choices: &[(&str, Look)], address: &Address) -> Markup {
        html! {
            nav.seg aria-label=(label) {
                @for (text, look) in choices {
                    a href=(look.onto(address.clone())) aria-current=[(*look == self).then_some("true")] { (text) }
                }
            }
        }
    }

    /// The chart of a metric.
    pub fn chart(self, view: &View<'_>, id: &str, metric: &str, summary: &Summary) -> Markup {
        let series = Series {
            name: metric,
            points: self.points(view, summary),
            mark: Mark::Chosen(1),
            is_running: view.is_running(),
        };
        let chart = LineChart {
            id,
            title: metric,
            axis: self.axis,
            is_log: self.is_log,
            smoothing: self.smoothing.map(|(_, weight)| weight),
            height: HEIGHT,
            series: vec![series],
        };
        chart.draw(view.words)
    }

    fn points(self, view: &View<'_>, summary: &Summary) -> Vec<Point> {
        let start_ms = view.full.run.start_time_ms;
        let x = |point: &metric::Point| match self.axis {
            // A chart of one run has no axis of runs.
            Axis::Step | Axis::Run => point.step,
            Axis::Time => point.timestamp_ms,
            Axis::Relative => point.timestamp_ms.saturating_sub(start_ms),
        };
        let drawn = |point: &metric::Point| Point {
            x: float(x(point)),
            y: point.value,
        };
        summary.drawn().iter().map(drawn).collect()
    }
}

/// The shape of a metric.
pub fn spark(words: &Words, metric: &str, summary: &Summary) -> Markup {
    let mut points = summary.drawn().into_owned();
    points.sort_unstable_by(metric::Point::by_step);
    let values: Vec<f64> = points.iter().map(|point| point.value).collect();
    let label = mlforge_ui::words::fill(words.runs.shape_of, &[metric]);
    sparkline(&label, &values)
}

/// The value that a client logged. Infinities are stored as the largest numbers, which nobody logs.
pub fn as_logged(value: f64) -> f64 {
    if value == f64::MAX {
        f64::INFINITY
    } else if value == f64::MIN {
        f64::NEG_INFINITY
    } else {
        value
    }
}

/// An integer as a place on an axis. Beyond 2^53 it is not exact, which no one sees.
#[allow(clippy::cast_precision_loss)]
fn float(number: i64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinities_are_shown_as_they_were_logged() {
        let stored = |value| as_logged(metric::Point::new(value, 0, 0).value);
        assert_eq!(stored(f64::INFINITY), f64::INFINITY);
        assert_eq!(stored(f64::NEG_INFINITY), f64::NEG_INFINITY);
        assert_eq!(stored(-0.5), -0.5);
        assert!(stored(f64::NAN).is_nan());
    }
}
