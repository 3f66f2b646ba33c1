//! The metrics and params of a version's run: the first of them, and a link to the rest.

use maud::{Markup, html};
use mlforge_ui::number;
use mlforge_ui::words::fill;

use super::super::parts;
use crate::domain::run::FullRun;
use crate::request::site::Site;

/// Number of metrics, or params, that are shown.
const SHOWN_MAX: usize = 50;
/// Number of bytes of the params that are shown.
const PARAMS_BYTES_MAX: usize = 15_000;
/// Number of bytes of the metrics that are shown.
const METRICS_BYTES_MAX: usize = 15_000;

/// The newest point of each metric.
pub(super) fn metrics(site: &Site, run: &FullRun<'_>) -> Markup {
    let words = &site.words().registry;
    let first = run.metrics.iter().take(SHOWN_MAX);
    let count = parts::fitting(first, METRICS_BYTES_MAX, |metric| parts::row_bytes(&metric.key, ""));
    html! {
        section aria-labelledby="metrics" {
            div.bar { h2 #metrics { (words.metrics) } (all(site, run, count, run.metrics.len())) }
            @if run.metrics.is_empty() {
                p.mut { (words.no_metrics) }
            } @else {
                table.plain {
                    caption.vh { (words.metrics) }
                    thead.vh {
                        tr { th scope="col" { (words.metric) } th scope="col" { (words.last) } th scope="col" { (words.step) } }
                    }
                    tbody {
                        @for metric in run.metrics.iter().take(count) {
                            tr {
                                th scope="row" { bdi { (metric.key) } }
                                td.num title=(number::full(metric.point.value)) {
                                    strong { (number::metric(metric.point.value)) }
                                }
                                td.num.mut { (words.step) " " (number::step(metric.point.step)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The params.
pub(super) fn params(site: &Site, run: &FullRun<'_>) -> Markup {
    let words = &site.words().registry;
    let first = run.params.iter().take(SHOWN_MAX);
    let count = parts::fitting(first, PARAMS_BYTES_MAX, |(key, value)| parts::row_bytes(key, value));
    html! {
        section aria-labelledby="params" {
            div.bar { h2 #params { (words.params) } (all(site, run, count, run.params.len())) }
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

/// The link to all, if not all are shown.
fn all(site: &Site, run: &FullRun<'_>, shown: usize, count: usize) -> Markup {
    let all = number::count(u64::try_from(count).unwrap_or(u64::MAX));
    html! {
        @if count > shown {
            a.small.end href=(site.page(&format!("candidates/{}", run.run.id))) {
                (fill(site.words().registry.all_in_run, &[&all]))
            }
        }
    }
}
