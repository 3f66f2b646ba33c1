//! The charts of an experiment: the latest value of each of the newest runs, and the newest few by step.

use maud::{Markup, html};
use mlforge_ui::chart::{Axis, Mark, Point, Series, as_logged};
use mlforge_ui::link::Address;
use mlforge_ui::words::fill;

use super::columns::{self, Column};
use super::compare::options;
use super::curves::Curves;
use super::experiment::head::{Head, Tab};
use super::look::Look;
use crate::domain::id::ExperimentId;
use crate::domain::lifecycle::View;
use crate::error::Result;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::request::site::Site;
use crate::search::runs::{RunFilter, RunOrder};
use crate::store::query::SearchQuery;
use crate::store::search;

/// Number of runs whose latest values are drawn.
const RUNS_MAX: usize = 60;
/// Number of runs that are drawn by step.
const LINES_MAX: usize = 20;
/// Number of metrics that are drawn.
const METRICS_MAX: usize = 6;
/// Height of a chart in pixels.
const HEIGHT: u32 = 170;

/// Shows the charts of an experiment.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    let id = ExperimentId::parse(call.params.required_text("experiment_id")?)?;
    let look = Look::of(&call.params)?;
    let head = Head::read(id).await?;
    let columns = newest(id).await?;
    let names = columns::metric_names(&columns);
    let asked = call.params.text("metric")?.unwrap_or_default();
    let metrics: Vec<&str> = match names.iter().find(|name| **name == asked) {
        Some(name) => vec![name],
        None => names.iter().copied().take(METRICS_MAX).collect(),
    };
    let lines = columns.get(..LINES_MAX).unwrap_or(&columns);
    let shown = Shown {
        site: call.site,
        address: Address::new(call.site.page(&format!("experiments/{id}/charts"))),
        asked: metrics
            .first()
            .copied()
            .filter(|name| *name == asked)
            .unwrap_or_default(),
        look,
        columns: &columns,
        lines,
        curves: Curves::read(lines, &metrics).await?,
        metrics,
    };
    let words = call.site.words();
    Ok(head.page(&call, Tab::Charts).answer(&html! {
        (head.draw(&call, Tab::Charts))
        (shown.comparison())
        @if names.is_empty() {
            p.mut { (words.compare.none_logged) }
        } @else {
            (shown.latest(&names))
            (shown.by_step())
        }
    }))
}

/// The newest runs of an experiment, the newest first.
async fn newest(id: ExperimentId) -> Result<Vec<Column>> {
    let query = SearchQuery {
        filter: RunFilter::parse("")?,
        order: RunOrder::parse(&[])?,
        view: View::ActiveOnly,
        after: None,
        count: RUNS_MAX,
    };
    let found = search::find(&[id], &query).await?;
    let ids: Vec<_> = found.items.iter().map(|hit| hit.id).collect();
    columns::read(&ids).await
}

/// The runs and metrics that are shown.
struct Shown<'a> {
    site: &'a Site,
    /// The address of the page without parameters.
    address: Address,
    /// The chosen metric, or nothing.
    asked: &'a str,
    look: Look,
    /// The runs, the newest first.
    columns: &'a [Column],
    /// The runs that are drawn by step.
    lines: &'a [Column],
    metrics: Vec<&'a str>,
    curves: Curves,
}

impl Shown<'_> {
    /// The link to the comparison of the runs that are drawn by step.
    fn comparison(&self) -> Markup {
        let (site, words) = (self.site, self.site.words());
        let address = self
            .lines
            .iter()
            .fold(Address::new(site.page("compare")), |address, column| {
                address.with("run", column.id.to_string())
            });
        html! {
            @if self.lines.len() > 1 { div.bar { a.btn.end href=(address) { (words.compare.compare_these) } } }
        }
    }

    /// The latest values over the runs, in the order of their creation.
    fn latest(&self, names: &[&str]) -> Markup {
        let words = self.site.words();
        let hint = fill(words.compare.latest_hint, &[&self.columns.len().to_string()]);
        html! {
            section aria-labelledby="latest" {
                div.bar {
                    h2 #latest { (words.compare.latest) }
                    span.mut { (hint) }
                    (self.choice(names))
                }
                div.half {
                    @for metric in &self.metrics {
                        (self.look.along(Axis::Run).chart("", metric, HEIGHT, vec![self.latest_of(metric)]).draw(words))
                    }
                }
            }
        }
    }

    fn latest_of<'b>(&self, metric: &'b str) -> Series<'b> {
        let oldest_first = self.columns.iter().rev().zip(1_u32..);
        let points = oldest_first.filter_map(|(column, number)| {
            let point = column.metrics.get(metric)?;
            Some(Point {
                x: f64::from(number),
                y: as_logged(point.value),
            })
        });
        Series {
            name: metric,
            points: points.collect(),
            mark: Mark::Chosen(1),
            is_running: false,
        }
    }

    /// The form that chooses a metric.
    fn choice(&self, names: &[&str]) -> Markup {
        let words = self.site.words();
        html! {
            form.row action=(self.address) {
                @for (name, value) in self.look.fields() { input type="hidden" name=(name) value=(value); }
                label.vh for="metric" { (words.compare.metric) }
                input #metric name="metric" list="metrics" value=(self.asked) placeholder=(words.compare.all_metrics) autocomplete="off";
                (options("metrics", names.iter().copied()))
                button.btn { (words.common.show) }
            }
        }
    }

    /// The histories of the newest runs.
    fn by_step(&self) -> Markup {
        let words = self.site.words();
        let title = fill(words.compare.by_step_of, &[&self.lines.len().to_string()]);
        let address = self.address.clone().with_filled("metric", self.asked);
        html! {
            section aria-labelledby="steps" {
                div.bar { h2 #steps { (title) } (self.look.bar(words, &address)) }
                @if self.curves.has_sample() { p.mut { (words.compare.thinned) } br; }
                div.half {
                    @for metric in &self.metrics {
                        (self.look.chart("", metric, HEIGHT, self.curves.series(self.lines, metric, self.look.axis)).draw(words))
                    }
                }
            }
        }
    }
}
