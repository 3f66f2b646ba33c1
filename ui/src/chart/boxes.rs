//! The box plot: how a number spreads in each of some groups of runs.

use maud::{Markup, html};

use super::label::cut;
use super::line_plot::{dot, grid, percent, pixels, share};
use super::scale::Scale;
use super::{Mark, as_logged, float, numbers, ticks};
use crate::number::metric;
use crate::words::{Words, fill};

/// Largest number of runs of a group that have a dot each.
const DOTS_MAX: usize = 50;

/// A group of runs, with one value of a param.
#[derive(Clone, Debug)]
pub struct BoxGroup<'a> {
    /// The value of the param.
    pub name: &'a str,
    /// The numbers of the runs. Those that are NaN or infinite are left out.
    pub values: Vec<f64>,
}

/// A box plot.
#[derive(Clone, Debug)]
pub struct BoxPlot<'a> {
    /// The name of the number.
    pub y_name: &'a str,
    /// The name of the param by which runs are grouped.
    pub by: &'a str,
    /// Height of the plot area in pixels.
    pub height: u32,
    /// The groups. Some eight fit.
    pub groups: Vec<BoxGroup<'a>>,
}

/// The numbers of a group: sorted, and five of them.
struct Spread {
    sorted: Vec<f64>,
    low: f64,
    first: f64,
    median: f64,
    third: f64,
    high: f64,
}

impl Spread {
    /// `None`: there is no number.
    fn of(values: &[f64]) -> Option<Self> {
        let finite = values.iter().copied().filter(|value| as_logged(*value).is_finite());
        let mut sorted: Vec<f64> = finite.collect();
        sorted.sort_by(f64::total_cmp);
        Some(Spread {
            low: *sorted.first()?,
            first: quantile(&sorted, 1)?,
            median: quantile(&sorted, 2)?,
            third: quantile(&sorted, 3)?,
            high: *sorted.last()?,
            sorted,
        })
    }
}

/// The value below which so many quarters of the sorted values are, between the two nearest.
fn quantile(sorted: &[f64], quarters: usize) -> Option<f64> {
    let scaled = sorted.len().checked_sub(1)? * quarters;
    let (index, rest) = (scaled / 4, scaled % 4);
    let low = sorted.get(index)?;
    let high = sorted.get(index + 1).unwrap_or(low);
    let part = float(rest) / 4.0;
    Some(low * (1.0 - part) + high * part)
}

impl BoxPlot<'_> {
    /// Draws the figure: caption, plot, and a table of the numbers.
    pub fn draw(&self, words: &Words) -> Markup {
        let charts = &words.charts;
        let title = fill(charts.by_param, &[self.y_name, self.by]);
        let groups = self.groups.iter();
        let spreads: Vec<_> = groups
            .filter_map(|group| Spread::of(&group.values).map(|spread| (group.name, spread)))
            .collect();
        let head = html! {
            th scope="col" { bdi { (self.by) } }
            @for text in [charts.lowest, charts.median, charts.highest] { th.num scope="col" { (text) } }
        };
        let row = |(name, spread): &(&str, Spread)| {
            html! {
                th scope="row" { bdi { (cut(name)) } }
                @for value in [spread.low, spread.median, spread.high] { td.num { (metric(value)) } }
            }
        };
        let rows: Vec<Markup> = spreads.iter().map(row).collect();
        let up = Scale::of(spreads.iter().flat_map(|(_, spread)| [spread.low, spread.high]), false);
        html! {
            figure {
                figcaption { bdi { (title) } span.mut.small { (charts.box_how) } }
                @match up {
                    Some(up) => {
                        svg.plot.nl height=(self.height) role="img" aria-label=(title) {
                            (self.contents(up.roomy(), &spreads))
                        }
                    },
                    None => p.mut { (charts.no_number) },
                }
                (numbers::table(words, &title, &head, &rows))
            }
        }
    }

    fn contents(&self, up: Scale, spreads: &[(&str, Spread)]) -> Markup {
        let height = f64::from(self.height);
        let place = |value: f64| (1.0 - up.place(value)) * height;
        let share = share(spreads.len());
        html! {
            (grid(&ticks::numbers(up), up, height))
            @for (index, (name, spread)) in spreads.iter().enumerate() {
                @let middle = share * (float(index) + 0.5);
                @let (left, right) = (middle - share * 0.2, middle + share * 0.2);
                line.axis x1=(percent(middle)) x2=(percent(middle)) y1=(pixels(place(spread.high))) y2=(pixels(place(spread.low))) {}
                rect.box x=(percent(left)) width=(percent(right - left)) y=(pixels(place(spread.third)))
                    height=(pixels((place(spread.first) - place(spread.third)).max(1.0))) {}
                line.med x1=(percent(left)) x2=(percent(right)) y1=(pixels(place(spread.median))) y2=(pixels(place(spread.median))) {}
                @for (nth, value) in spread.sorted.iter().take(DOTS_MAX).enumerate() {
                    // Dots of near values stand beside each other.
                    @let x = middle + share * 0.05 * (float(nth % 3) - 1.0);
                    (dot(Mark::Context, x, place(*value), "3"))
                }
                text x=(percent(middle)) y=(pixels(height + 18.0)) text-anchor="middle" {
                    (cut(name)) " (" (spread.sorted.len()) ")"
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_values() {
        let spread = Spread::of(&[4.0, 1.0, 3.0, 2.0, f64::NAN]).unwrap();
        assert_eq!(
            [spread.low, spread.first, spread.median, spread.third, spread.high],
            [1.0, 1.75, 2.5, 3.25, 4.0]
        );
        let one = Spread::of(&[7.0]).unwrap();
        assert_eq!([one.low, one.first, one.median, one.third, one.high], [7.0; 5]);
        assert!(Spread::of(&[f64::NAN, f64::MAX]).is_none());
    }
}
