//! The charts of a comparison: a metric each, with a line for each run.

use maud::{Markup, html};
use mlforge_ui::chart::{Bar, BarChart, Mark};
use mlforge_ui::words::fill;

use super::asked::Asked;
use crate::error::Result;
use crate::pages::columns::{self, Column};
use crate::pages::curves::Curves;
use crate::request::site::Site;

/// Largest number of lines of all charts.
const LINES_MAX: usize = 120;
/// Largest number of charts.
pub(super) const METRICS_MAX: usize = 8;
/// Largest number of names from which to choose, and of their bytes.
const NAMES_MAX: usize = 200;
const NAMES_BYTES_MAX: usize = 8_000;
/// Height of a chart in pixels.
const HEIGHT: u32 = 230;

/// The metrics that are drawn, and their histories.
pub(super) struct Drawn {
    names: Vec<String>,
    metrics: Vec<String>,
    curves: Curves,
}

impl Drawn {
    /// Reads the histories of the metrics that are asked for, or else of the first ones.
    pub(super) async fn read(asked: &Asked<'_>, columns: &[Column]) -> Result<Self> {
        let names = columns::metric_names(columns);
        let count = (LINES_MAX / columns.len().max(1)).min(METRICS_MAX);
        let is_asked = |name: &&str| asked.metrics.is_empty() || asked.metrics.contains(name);
        let metrics: Vec<&str> = names.iter().copied().filter(is_asked).take(count).collect();
        Ok(Drawn {
            curves: Curves::read(columns, &metrics).await?,
            metrics: metrics.into_iter().map(str::to_owned).collect(),
            names: names.into_iter().map(str::to_owned).collect(),
        })
    }

    /// The first metric that is drawn.
    pub(super) fn first_metric(&self) -> Option<&str> {
        self.metrics.first().map(String::as_str)
    }

    /// The section of charts. Nothing, if the runs have no metric.
    pub(super) fn section(&self, site: &Site, asked: &Asked<'_>, columns: &[Column]) -> Markup {
        let words = site.words();
        if self.names.is_empty() {
            return html! {};
        }
        let counts = [self.metrics.len(), self.names.len()].map(|count| count.to_string());
        let [drawn, all] = counts.each_ref().map(String::as_str);
        html! {
            section aria-labelledby="charts" {
                div.bar {
                    h2 #charts { (words.compare.charts) }
                    (choice(site, asked, &self.names))
                    (asked.look.bar(words, &asked.address(site)))
                }
                @if drawn != all { p.mut { (fill(words.compare.more_metrics, &[drawn, all])) } br; }
                @if self.curves.has_sample() { p.mut { (words.compare.thinned) } br; }
                div.half {
                    @for (index, metric) in self.metrics.iter().enumerate() {
                        (self.chart(site, asked, columns, &format!("chart-{index}"), metric))
                    }
                }
            }
        }
    }

    /// A metric's chart: lines, or bars if no run has more than one point.
    fn chart(&self, site: &Site, asked: &Asked<'_>, columns: &[Column], id: &str, metric: &str) -> Markup {
        let words = site.words();
        if !self.curves.is_single(columns, metric) {
            let series = self.curves.series(columns, metric, asked.look.axis);
            return asked.look.chart(id, metric, HEIGHT, series).draw(words);
        }
        let bars = columns.iter().enumerate().map(|(index, column)| Bar {
            name: &column.name,
            value: column.metrics.get(metric).map(|point| point.value),
            mark: Mark::nth(index),
        });
        let chart = BarChart {
            id,
            title: metric,
            bars: bars.collect(),
        };
        chart.draw(words)
    }
}

/// The form that chooses a metric.
fn choice(site: &Site, asked: &Asked<'_>, names: &[String]) -> Markup {
    let words = site.words();
    let chosen = match asked.metrics.as_slice() {
        [one] => *one,
        _ => "",
    };
    let fields = html! {
        label.vh for="metric" { (words.compare.metric) }
        input #metric name="metric" list="metrics" value=(chosen) placeholder=(words.compare.all_metrics) autocomplete="off";
        (options("metrics", names.iter().map(String::as_str)))
        button.btn { (words.common.show) }
    };
    asked.form(site, &["metric"], &fields)
}

/// The names that a field offers. There may be more: a field takes any.
pub fn options<'a>(id: &str, names: impl Iterator<Item = &'a str>) -> Markup {
    let mut bytes = 0;
    let fitting = names.take(NAMES_MAX).take_while(|name| {
        bytes += name.len();
        bytes <= NAMES_BYTES_MAX
    });
    let fitting: Vec<&str> = fitting.collect();
    html! { datalist id=(id) { @for name in fitting { option value=(name) {} } } }
}
