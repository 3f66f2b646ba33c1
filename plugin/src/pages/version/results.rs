//! The metrics and params of a version's run: the first of them, and a link to the rest.

use maud::{Markup, html};
use mlforge_ui::link::Address;
use mlforge_ui::number;
use mlforge_ui::words::fill;

use super::super::parts;
use super::super::run::metrics::{name_bytes, read_shown, table};
use crate::convert::to_u64;
use crate::domain::metric::Metric;
use crate::domain::run::FullRun;
use crate::error::Result;
use crate::request::site::Site;

/// Number of metrics that are shown. The history of each is read.
const METRICS_MAX: usize = 12;
/// Number of bytes of the metrics that are shown.
const METRICS_BYTES_MAX: usize = 15_000;
/// Number of params that are shown.
const PARAMS_MAX: usize = 50;
/// Number of bytes of the params that are shown.
const PARAMS_BYTES_MAX: usize = 15_000;

/// Last, lowest and highest value of the first metrics. Reads the histories of these.
pub(super) async fn metrics(site: &Site, run: &FullRun<'_>) -> Result<Markup> {
    let words = site.words();
    let first = || run.metrics.iter().take(METRICS_MAX);
    let count = parts::fitting(first(), METRICS_BYTES_MAX, |metric| name_bytes(&metric.key));
    let some: Vec<&Metric<'_>> = first().take(count).collect();
    let shown = read_shown(run.run.id, &some).await?;
    let page = format!("candidates/{}/metric", run.run.id);
    let address = |metric: &str| Address::new(site.page(&page)).with("key", metric).to_string();
    Ok(html! {
        section aria-labelledby="metrics" {
            div.bar {
                h2 #metrics { (words.registry.metrics) }
                (all(site, run, "/metrics", count, run.metrics.len()))
            }
            @if shown.is_empty() {
                p.mut { (words.registry.no_metrics) }
            } @else {
                (table(words, &shown, address))
            }
        }
    })
}

/// The params.
pub(super) fn params(site: &Site, run: &FullRun<'_>) -> Markup {
    let words = &site.words().registry;
    let first = run.params.iter().take(PARAMS_MAX);
    let count = parts::fitting(first, PARAMS_BYTES_MAX, |(key, value)| parts::row_bytes(key, value));
    html! {
        section aria-labelledby="params" {
            div.bar { h2 #params { (words.params) } (all(site, run, "/params", count, run.params.len())) }
            @if run.params.is_empty() {
                p.mut { (words.no_params) }
            } @else {
                table.kv.plain {
                    caption.vh { (words.params) }
                    thead.vh { tr { th scope="col" { (words.param) } th scope="col" { (words.value) } } }
                    tbody {
                        @for (key, value) in run.params.iter().take(count) {
                            tr { th scope="row" { bdi { (key) } } td { (parts::value(value)) } }
                        }
                    }
                }
            }
        }
    }
}

/// The link to all, if not all are shown. `below` is the path of their page below the run's.
fn all(site: &Site, run: &FullRun<'_>, below: &str, shown: usize, count: usize) -> Markup {
    let all = number::count(to_u64(count));
    html! {
        @if count > shown {
            a.small.end href=(site.page(&format!("candidates/{}{below}", run.run.id))) {
                (fill(site.words().registry.all_in_run, &[&all]))
            }
        }
    }
}
