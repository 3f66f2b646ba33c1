//! One metric of a run: its chart and its points.

use maud::{Markup, html};
use mlforge_ui::chart::as_logged;
use mlforge_ui::link::encoded;
use mlforge_ui::{number, time};

use super::charts;
use super::head::{RunTab, head};
use super::metrics::{csv_address, metric_address, table, value};
use super::view::{RunRead, View};
use crate::domain::metric::Point;
use crate::error::{Error, Result};
use crate::pages::look::Look;
use crate::pages::parts;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::search::cursor::Pages;
use crate::store::keys;
use crate::store::metrics::summary::Room;
use crate::store::metrics::{history, summary};

/// Number of points on a page.
const PER_PAGE: usize = 100;

/// Shows a metric.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    let read = RunRead::of(&call).await?;
    let full = read.run()?;
    let view = View::new(&call, &read, &full);
    let words = view.words;
    let key = call.params.required_text("key")?;
    let metric = view.full.metrics.iter().find(|metric| metric.key == key);
    let metric = metric.ok_or_else(|| Error::NotFound(format!("Run {} has no metric '{key}'.", view.id())))?;
    let look = Look::of(&call.params)?;
    let pages = Pages::of(("points page", view.id(), key));
    let token = call.params.text("page_token")?.unwrap_or_default();
    let after = pages.after(token, |bytes| bytes.len() == keys::POINT_BYTES)?;
    let (points, next) = history::page(view.id(), key, after.as_ref(), PER_PAGE).await?;
    let summary = summary::read(view.id(), key, Room::ALONE).await?;
    let is_sample = summary.is_sample;
    let plain = metric_address(&view, key);
    let list = look.onto(&plain);
    let next = next.map(|next| list.clone().with("page_token", pages.token(&next)).to_string());
    let first = (!token.is_empty()).then(|| list.to_string());
    let chart = (summary.points.len() > 1).then(|| charts::chart(&view, look, "chart", key, &summary));
    Ok(view.page(key).answer(&html! {
        (head(&view, if metric.key.starts_with("system/") { RunTab::System } else { RunTab::Metrics }))
        div.bar {
            h2 { bdi { (key) } }
            (look.bar(words, &plain))
            a.small href=(csv_address(&view, &[metric])) { (words.common.csv) }
            a.small href=(view.address(&format!("/metrics/{}.svg", encoded(key)))) { (words.common.svg) }
        }
        (table(words, &[(metric, summary)], |metric| look.onto(&metric_address(&view, metric)).to_string()))
        @if is_sample { p.mut.small { (words.runs.sample_text) } }
        @if let Some(chart) = chart { section { (chart) } }
        section {
            h2 { (words.runs.points) }
            (points_table(&view, &points))
            (parts::pager(words, first.as_deref(), next.as_deref()))
        }
    }))
}

fn points_table(view: &View<'_>, points: &[Point]) -> Markup {
    let words = &view.words.runs;
    html! {
        div.scroll tabindex="0" role="region" aria-label=(words.points_table) {
            table {
                caption.vh { (words.points) }
                thead {
                    tr {
                        th.num scope="col" { (words.step) }
                        th.num scope="col" { (words.value) }
                        th scope="col" { (words.time) }
                    }
                }
                tbody {
                    @for point in points {
                        tr {
                            td.num { (number::step(point.step)) }
                            td.num title=(number::full(as_logged(point.value))) { (value(point.value)) }
                            td { (time::exact_time(point.timestamp_ms)) }
                        }
                    }
                }
            }
        }
    }
}
