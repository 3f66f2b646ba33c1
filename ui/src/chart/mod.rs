//! Charts, drawn on the server as SVG that needs no script.
//!
//! The svg of a chart is its plot area: x in per cent of it, y in pixels, and labels outside of it. Lines are in a nested svg of
//! 1000 × 1000 units that is stretched, while texts and strokes keep their size. So a chart fills any width.
//!
//! The caller bounds the number of charts and series. A chart bounds the points that it draws, whatever it gets.

mod bars;
mod boxes;
mod file;
mod label;
mod line;
mod line_plot;
mod numbers;
mod parallel;
mod reduce;
mod scale;
mod scatter;
mod smooth;
mod spark;
mod ticks;

pub use bars::{Bar, BarChart};
pub use boxes::{BoxGroup, BoxPlot};
pub use file::{badge, file};
pub use line::LineChart;
pub use parallel::{Line, ParallelChart, Value, Vertical};
pub use reduce::reduce;
pub use scatter::{Dot, ScatterChart};
pub use spark::sparkline;

#[cfg(test)]
mod tests;

/// Largest number of buckets to which a line is reduced. Each keeps its lowest and its highest point.
pub const BUCKETS_MAX: usize = 110;

/// Number of units of the stretched svg, in each direction.
const UNITS: f64 = 1000.0;

/// A point of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The place on the horizontal axis: see `Axis`.
    pub x: f64,
    /// The value. It may be NaN or infinite: the line breaks there. The largest finite numbers count as infinite, since
    /// the store keeps infinities so.
    pub y: f64,
}

/// The mark with which a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Grey, without a name at its end.
    Context,
    /// In one of six colours, each with a dash of its own: 1 to 6. Another number is grey.
    Chosen(u8),
}

impl Mark {
    /// The mark of the nth of some chosen things, from 0. From the seventh on they are grey.
    pub fn nth(index: usize) -> Self {
        match u8::try_from(index) {
            Ok(index @ 0..6) => Mark::Chosen(index + 1),
            _ => Mark::Context,
        }
    }

    /// The colour, 1 to 6. `None`: grey.
    fn colour(self) -> Option<u8> {
        match self {
            Mark::Chosen(colour @ 1..=6) => Some(colour),
            _ => None,
        }
    }

    /// The class of a line.
    fn line(self) -> String {
        self.colour()
            .map_or_else(|| "l".to_owned(), |colour| format!("l s{colour}"))
    }

    /// The class of a dot or text.
    fn fill(self) -> String {
        self.colour()
            .map_or_else(|| "dot".to_owned(), |colour| format!("t{colour}"))
    }

    /// A piece of the line, which stands beside the name in tables. Nothing for a grey one.
    pub fn key(self) -> maud::Markup {
        maud::html! {
            @if self.colour().is_some() {
                svg.key viewBox="0 0 22 10" aria-hidden="true" { path class=(self.line()) d="M0 5h22" {} }
            }
        }
    }
}

/// The meaning of the horizontal axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Axis {
    /// Steps.
    Step,
    /// Milliseconds since the Unix epoch, shown in UTC.
    Time,
    /// Milliseconds since the start of the run.
    Relative,
    /// Numbers of runs in the order of their creation, from 1.
    Run,
}

/// A line of a chart.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    /// The name, which stands at the end of the line and in the table.
    pub name: &'a str,
    /// The points. They may be more than are drawn, and in any order.
    pub points: Vec<Point>,
    /// The mark with which it is drawn.
    pub mark: Mark,
    /// True if more points may come: the line ends before the edge.
    pub is_running: bool,
}

/// A value as it was logged: the largest finite numbers are what the store keeps of infinities.
pub fn as_logged(value: f64) -> f64 {
    if value.abs() >= f64::MAX {
        f64::INFINITY.copysign(value)
    } else {
        value
    }
}

/// A count as a float. Counts here are far below the number at which that loses digits.
fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
