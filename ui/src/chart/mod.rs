//! Charts, drawn on the server as SVG that needs no script.
//!
//! The svg of a chart is its plot area: x in per cent of it, y in pixels, and labels outside of it. Lines are in a nested svg of
//! 1000 × 1000 units that is stretched, while texts and strokes keep their size. So a chart fills any width.
//!
//! The caller bounds how much is drawn: a chart draws every series that it gets, each reduced to `BUCKETS` buckets.

mod line;
mod reduce;
mod spark;

pub use line::LineChart;
pub use reduce::reduce;
pub use spark::sparkline;

/// Number of buckets to which a line is reduced. Each keeps its lowest and its highest point.
pub const BUCKETS: usize = 110;

/// A point of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The place on the horizontal axis: see `Axis`.
    pub x: f64,
    /// The value. It may be NaN or infinite: the line breaks there.
    pub y: f64,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Grey, without a name at its end.
    Context,
    /// In one of six colours, each with a dash of its own: 1 to 6. Another number is grey.
    Chosen(u8),
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
}

/// A line of a chart.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    /// The name, which stands at the end of the line and in the table.
    pub name: &'a str,
    /// The points by growing x. They may be more than are drawn: the chart reduces them.
    pub points: Vec<Point>,
    /// How it is drawn.
    pub mark: Mark,
    /// True if more points may come: the name says so.
    pub is_running: bool,
}
