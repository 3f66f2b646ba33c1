//! The overview of a run: the main of everything that is known of it.

use maud::{Markup, html};

use super::aside::aside;
use super::head::{RunTab, head};
use super::lineage::Lineage;
use super::view::{RunRead, View};
use super::{artifacts, metrics};
use crate::domain::metric::Metric;
use crate::error::Result;
use crate::pages::look::Look;
use crate::pages::parts;
use crate::request::call::Call;
use crate::request::response::Answer;

/// Number of metrics on the overview, and of the bytes of their names.
const METRICS_MAX: usize = 12;
const METRICS_BYTES_MAX: usize = 12_000;
/// Number of charts on the overview.
const CHARTS_MAX: usize = 4;

/// Shows a run.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    let read = RunRead::of(&call).await?;
    let full = read.run()?;
    let view = View::new(&call, &read, &full);
    let first = || view.metrics(false).take(METRICS_MAX);
    let count = parts::fitting(first(), METRICS_BYTES_MAX, |metric| metrics::name_bytes(&metric.key));
    let some: Vec<&Metric<'_>> = first().take(count).collect();
    let shown = metrics::read_shown(view.id(), &some).await?;
    let look = Look::of(&call.params)?;
    let lineage = Lineage::read(&view).await?;
    let files = artifacts::summary(&view).await?;
    Ok(view.page("").answer(&html! {
        (head(&view, RunTab::Overview))
        (lineage.line(&view))
        div.two {
            div {
                (metrics_part(&view, &shown, look))
                (files)
            }
            (aside(&view, &lineage))
        }
    }))
}

fn metrics_part(view: &View<'_>, shown: &[metrics::Shown<'_>], look: Look) -> Markup {
    let words = &view.words.runs;
    let has_more = view.metrics(false).nth(shown.len()).is_some();
    html! {
        section {
            div.bar {
                h2 { (words.metrics) }
                (look.bar(view.words, &view.address("")))
                @if has_more { a.small.end href=(look.onto(&view.address("/metrics"))) { (words.all_metrics) } }
            }
            @if shown.is_empty() {
                p.mut { (words.no_metrics) }
                @if view.is_running() {
                    pre.code tabindex="0" { code.copy { "mlflow.log_metric(\"accuracy\", 0.93, step=1)" } }
                }
            } @else {
                (metrics::table(view.words, shown, |metric| look.onto(&metrics::metric_address(view, metric)).to_string()))
            }
        }
        (metrics::charts(view, shown, look, CHARTS_MAX))
    }
}
