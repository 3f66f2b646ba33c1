//! The metrics of a run: last, lowest and highest value of each, its shape, and charts.

use maud::{Markup, html};
use mlforge_ui::Words;
use mlforge_ui::chart::as_logged;
use mlforge_ui::link::{Address, encoded};
use mlforge_ui::number;
use mlforge_ui::words::fill;

use super::charts::{chart, spark};
use super::head::{RunTab, head};
use super::view::{RunRead, View};
use crate::convert::to_u64;
use crate::domain::id::RunId;
use crate::domain::metric::{Metric, Point};
use crate::error::Result;
use crate::pages::look::Look;
use crate::pages::parts;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::store::metrics::summary;
use crate::store::metrics::summary::{Room, Summary};

/// Number of metrics on a page, and of the bytes of their names as addresses and texts have them.
const PER_PAGE: usize = 50;
const NAME_BYTES_MAX: usize = 30_000;
/// Number of charts on a page.
const CHARTS_MAX: usize = 6;

/// A metric and its history.
pub type Shown<'a> = (&'a Metric<'a>, Summary);

/// Shows the metrics but those of the machine.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    page(call, RunTab::Metrics).await
}

/// Shows the metrics of the machine.
pub async fn system(call: Call<'_>) -> Result<Answer> {
    page(call, RunTab::System).await
}

async fn page(call: Call<'_>, tab: RunTab) -> Result<Answer> {
    let read = RunRead::of(&call).await?;
    let full = read.run()?;
    let view = View::new(&call, &read, &full);
    let words = view.words;
    let is_system = tab == RunTab::System;
    let query = call.params.text("q")?.unwrap_or_default().trim();
    let from = usize::try_from(call.params.integer("from")?.unwrap_or(0)).unwrap_or(0);
    let look = Look::of(&call.params)?;
    let wanted = query.to_lowercase();
    let fitting = view.metrics(is_system).filter(|metric| fits(&metric.key, &wanted));
    let fitting: Vec<&Metric<'_>> = fitting.collect();
    let rest = || fitting.iter().skip(from).take(PER_PAGE).copied();
    let count = parts::fitting(rest(), NAME_BYTES_MAX, |metric| name_bytes(&metric.key));
    let some: Vec<&Metric<'_>> = rest().take(count).collect();
    let shown = read_shown(view.id(), &some).await?;
    let plain = view.address(if is_system { "/system" } else { "/metrics" });
    let unlooked = plain.clone().with_filled("q", query);
    let list = look.onto(&unlooked);
    let next = from + some.len();
    let next = (next < fitting.len()).then(|| list.clone().with("from", next.to_string()));
    let title = if is_system {
        words.runs.system
    } else {
        words.runs.metrics
    };
    Ok(view.page(title).answer(&html! {
        (head(&view, tab))
        div.bar {
            (find(&view, &plain.to_string(), query, words.runs.find_metric))
            (look.bar(words, &unlooked))
            @if !shown.is_empty() { a.small href=(csv_address(&view, &some)) { (words.common.csv) } }
        }
        @if shown.is_empty() {
            (nothing(&view, query))
        } @else {
            (table(words, &shown, |metric| look.onto(&metric_address(&view, metric)).to_string()))
            (parts::pager(
                words,
                (from > 0).then(|| list.to_string()).as_deref(),
                next.map(|next| next.to_string()).as_deref(),
            ))
            (charts(&view, &shown, look, CHARTS_MAX))
        }
    }))
}

/// About the number of bytes of the texts of a row that have the metric's name: two addresses and three texts.
pub fn name_bytes(name: &str) -> usize {
    2 * encoded(name).len() + 3 * parts::html_bytes(name)
}

/// True if a name contains a text, which is in lower case.
pub fn fits(name: &str, wanted: &str) -> bool {
    wanted.is_empty() || name.to_lowercase().contains(wanted)
}

/// The field that searches names.
pub fn find(view: &View<'_>, address: &str, query: &str, label: &str) -> Markup {
    html! {
        form.find.short role="search" action=(address) {
            label.vh for="q" { (label) }
            input #q name="q" value=(query) placeholder=(label);
            button.btn { (view.words.common.search) }
        }
    }
}

fn nothing(view: &View<'_>, query: &str) -> Markup {
    let words = &view.words.runs;
    html! {
        @if query.is_empty() {
            p.mut { (words.no_metrics) }
            pre.code tabindex="0" { code.copy { "mlflow.log_metric(\"accuracy\", 0.93, step=1)" } }
        } @else {
            p.mut { (words.nothing_matches) }
        }
    }
}

/// Reads the histories of some metrics, as far as pages show them.
pub async fn read_shown<'a>(run: RunId, some: &[&'a Metric<'a>]) -> Result<Vec<Shown<'a>>> {
    let keys: Vec<&str> = some.iter().map(|metric| metric.key.as_ref()).collect();
    let summaries = summary::read_some(run, &keys, Room::shared(keys.len())).await?;
    Ok(some.iter().copied().zip(summaries).collect())
}

/// The table of some metrics. `address` gives the address of a metric's page.
pub fn table(words: &Words, shown: &[Shown<'_>], address: impl Fn(&str) -> String) -> Markup {
    let own = &words.runs;
    html! {
        div.scroll tabindex="0" role="region" aria-label=(own.metrics_table) {
            table.runs {
                caption.vh { (own.metrics_caption) }
                thead {
                    tr {
                        th scope="col" { (own.metric) }
                        th scope="col" { (own.by_step) }
                        th.num scope="col" { (own.last) }
                        th.num scope="col" { (own.lowest) }
                        th.num scope="col" { (own.highest) }
                        th.num scope="col" { (own.points) }
                    }
                }
                tbody {
                    @for (metric, summary) in shown {
                        tr {
                            th scope="row" {
                                a href=(address(&metric.key)) { bdi { (metric.key) } }
                            }
                            td { @if summary.points.len() > 1 { (spark(words, &metric.key, summary)) } }
                            (values(words, metric.point, summary))
                        }
                    }
                }
            }
        }
    }
}

/// The cells with last, lowest and highest value and the number of points.
fn values(words: &Words, last: Point, summary: &Summary) -> Markup {
    let count = number::count(to_u64(summary.points.len()));
    let extreme = |point: Option<Point>| {
        html! {
            @match point {
                Some(point) => {
                    @if summary.is_sample { span.mut title=(words.runs.of_sample) { "≈ " } }
                    span title=(number::full(as_logged(point.value))) { (value(point.value)) }
                    " " span.mut.small { "@ " (number::step(point.step)) }
                },
                None => "–",
            }
        }
    };
    html! {
        td.num title=(number::full(as_logged(last.value))) { strong { (value(last.value)) } }
        td.num { (extreme(summary.lowest())) }
        td.num { (extreme(summary.highest())) }
        td.num.mut { @if summary.is_sample { (fill(words.runs.more_than, &[&count])) } @else { (count) } }
    }
}

/// A value of a metric.
pub fn value(value: f64) -> String {
    number::metric(as_logged(value))
}

/// Charts of the first metrics that have more than one point.
pub fn charts(view: &View<'_>, shown: &[Shown<'_>], look: Look, count: usize) -> Markup {
    let drawn = shown.iter().filter(|(_, summary)| summary.points.len() > 1).take(count);
    let drawn: Vec<&Shown<'_>> = drawn.collect();
    html! {
        @if !drawn.is_empty() {
            section {
                div.bar { h2 { (view.words.runs.charts) } }
                div.half {
                    @for (index, (metric, summary)) in drawn.into_iter().enumerate() {
                        (chart(view, look, &format!("chart-{index}"), &metric.key, summary))
                    }
                }
            }
        }
    }
}

/// The address of the page of one metric.
pub fn metric_address(view: &View<'_>, metric: &str) -> Address {
    view.address("/metric").with("key", metric)
}

/// The address of the points of some metrics as CSV.
pub fn csv_address(view: &View<'_>, metrics: &[&Metric<'_>]) -> String {
    let address = view.address("/metrics.csv");
    let with = |address: Address, metric: &&Metric<'_>| address.with("metric", metric.key.as_ref());
    metrics.iter().fold(address, with).to_string()
}
