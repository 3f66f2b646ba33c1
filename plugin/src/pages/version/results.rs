//! The metrics and params of a version's run: the first of them, and a link to the rest.

use maud::{Markup, html};
use mlforge_ui::link::Address;
use mlforge_ui::number;
use mlforge_ui::words::fill;

use super::super::parts;
use super::super::run::metrics::{read_shown, table};
use crate::convert::to_u64;
use crate::domain::metric::Metric;
use crate::domain::run::FullRun;
use crate::error::Result;
use crate::request::site::Site;

/// Number of metrics that are shown. The history of each is read.
const METRICS_MAX: usize = 12;
/// Number of params that are shown.
const PARAMS_MAX: usize = 50;

/// Last, lowest and highest value of the first metrics. Reads the histories of these.
pub(super) async fn metrics(site: &Site, run: &FullRun<'_>) -> Result<Markup> {
    let words = site.words();
    let some: Vec<&Metric<'_>> = run.metrics.iter().take(METRICS_MAX).collect();
    let shown = read_shown(run.run.id, &some).await?;
    let page = format!("candidates/{}/metric", run.run.id);
    let address = |metric: &str| Address::new(site.page(&page)).with("key", metric).to_string();
    Ok(html! {
        section aria-labelledby="metrics" {
            div.bar {
                h2 #metrics { (words.registry.metrics) }
                (all(site, run, "/metrics", run.metrics.len(), METRICS_MAX))
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
    html! {
        section aria-labelledby="params" {
            div.bar { h2 #params { (words.params) } (all(site, run, "/params", run.params.len(), PARAMS_MAX)) }
            @if run.params.is_empty() {
                p.mut { (words.no_params) }
            } @else {
                table.kv.plain {
                    caption.vh { (words.params) }
                    thead.vh { tr { th scope="col" { (words.param) } th scope="col" { (words.value) } } }
                    tbody {
                        @for (key, value) in run.params.iter().take(PARAMS_MAX) {
                            tr { th scope="row" { bdi { (key) } } td { (parts::value(value)) } }
                        }
                    }
                }
            }
        }
    }
}

/// The link to all, if not all are shown. `below` is the path of their page below the run's.
fn all(site: &Site, run: &FullRun<'_>, below: &str, count: usize, shown_max: usize) -> Markup {
    let all = number::count(to_u64(count));
    html! {
        @if count > shown_max {
            a.small.end href=(site.page(&format!("candidates/{}{below}", run.run.id))) {
                (fill(site.words().registry.all_in_run, &[&all]))
            }
        }
    }
}
