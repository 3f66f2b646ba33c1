//! The chart of bars: one number of each of some runs.

use maud::{Markup, html};

use super::label::cut;
use super::line_plot::{percent, pixels};
use super::scale::Scale;
use super::{Mark, as_logged, float, numbers};
use crate::number::metric;
use crate::words::{Words, fill};

/// Height of a bar with its name, in pixels.
const BAR_PX: f64 = 30.0;

/// A bar.
#[derive(Clone, Copy, Debug)]
pub struct Bar<'a> {
    /// The name of the run.
    pub name: &'a str,
    /// The number. `None`: the run has none.
    pub value: Option<f64>,
    /// The mark with which it is drawn.
    pub mark: Mark,
}

/// A chart of bars.
#[derive(Clone, Debug)]
pub struct BarChart<'a> {
    /// The id of the figure in the page. Empty: it has none.
    pub id: &'a str,
    /// The caption: the name of the metric.
    pub title: &'a str,
    /// The bars, from the top.
    pub bars: Vec<Bar<'a>>,
}

impl BarChart<'_> {
    /// Draws the figure: caption, plot, and a table of the numbers. Bars begin at 0.
    pub fn draw(&self, words: &Words) -> Markup {
        let count = fill(words.charts.runs, &[&self.bars.len().to_string()]);
        let head = html! {
            th scope="col" { (words.charts.run) }
            th.num scope="col" { bdi { (self.title) } }
        };
        let row = |bar: &Bar<'_>| {
            html! { th scope="row" { bdi { (cut(bar.name)) } } td.num { (shown(*bar)) } }
        };
        let rows: Vec<Markup> = self.bars.iter().map(row).collect();
        let along = Scale::of(self.bars.iter().filter_map(|bar| bar.value).map(as_logged), false).map(Scale::with_zero);
        html! {
            figure id=[(!self.id.is_empty()).then_some(self.id)] {
                figcaption { bdi { (self.title) } span.mut.small { (count) } }
                @match along {
                    Some(along) => {
                        svg.plot.nl height=(pixels(BAR_PX * float(self.bars.len()))) role="img" aria-label=(self.title) {
                            (self.contents(along))
                        }
                    },
                    None => p.mut { (words.charts.no_number) },
                }
                (numbers::table(words, self.title, &head, &rows))
            }
        }
    }

    fn contents(&self, along: Scale) -> Markup {
        let zero = along.place(0.0) * 100.0;
        html! {
            @for (index, bar) in self.bars.iter().enumerate() {
                @let top = BAR_PX * float(index);
                text class=[bar.mark.colour().map(|colour| format!("t{colour}"))] y=(pixels(top + 10.0)) { (cut(bar.name)) }
                text x="100%" y=(pixels(top + 10.0)) text-anchor="end" { (shown(*bar)) }
                @if let Some(value) = bar.value.map(as_logged).filter(|value| value.is_finite()) {
                    @let end = along.place(value) * 100.0;
                    rect class=(bar.mark.fill()) x=(percent(zero.min(end))) width=(percent((end - zero).abs()))
                        y=(pixels(top + 15.0)) height="8" {}
                }
            }
            line.axis x1=(percent(zero)) x2=(percent(zero)) y2="100%" {}
        }
    }
}

fn shown(bar: Bar<'_>) -> String {
    bar.value
        .map_or_else(|| "–".to_owned(), |value| metric(as_logged(value)))
}
