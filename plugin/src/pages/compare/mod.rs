//! The comparison of runs: charts of their metrics, and their params and metrics side by side.

mod asked;
mod charts;
pub mod export;
mod table;
mod together;

use maud::{Markup, html};
use mlforge_ui::words::{fill, filled};

use self::asked::{Asked, RUNS_MAX};
pub use self::charts::options;
use super::columns::{self, Column};
use super::{Page, Section};
use crate::domain::experiment::Experiment;
use crate::error::Result;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::request::site::Site;
use crate::store::experiments;

/// Shows runs side by side. Ids that name no run of the project are said, and the others are shown.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    let mut asked = Asked::of(&call.params)?;
    let columns = columns::read(&asked.runs).await?;
    let missing = asked
        .runs
        .iter()
        .filter(|run| columns.iter().all(|column| column.id != **run));
    let missing: Vec<String> = missing.map(ToString::to_string).collect();
    asked.unknown.extend(missing);
    asked.runs = columns.iter().map(|column| column.id).collect();
    if columns.is_empty() {
        return Ok(empty(&call, &asked));
    }
    let (site, words) = (call.site, call.site.words());
    let drawn = charts::Drawn::read(&asked, &columns).await?;
    let count = fill(words.compare.title, &[&columns.len().to_string()]);
    let mut page = Page::new(&call, Section::Experiments, count.as_str());
    let experiment = only_experiment(&columns).await?;
    if let Some(experiment) = &experiment {
        page = page.step(&experiment.name, address_of(site, experiment));
    }
    if columns.iter().any(Column::is_running) {
        page = page.refreshed(REFRESH_S);
    }
    Ok(page.answer(&html! {
        (head(site, &columns, experiment.as_ref(), &count))
        (notes(site, &asked))
        @if columns.len() == 1 { p.mut { (words.compare.one_more) } }
        (drawn.section(site, &asked, &columns))
        (table::section(site, &asked, &columns))
        (together::section(site, &asked, &columns, drawn.first_metric()))
    }))
}

/// Seconds after which a comparison with a run that goes on is fetched again.
const REFRESH_S: u32 = 30;

/// The page of an address that names no run: it says how to choose some.
fn empty(call: &Call<'_>, asked: &Asked<'_>) -> Answer {
    let (site, words) = (call.site, call.site.words());
    let page = Page::new(call, Section::Experiments, words.compare.empty_title);
    page.answer(&html! {
        div.head { div { h1 { (words.compare.empty_title) } } }
        (notes(site, asked))
        p { (fill(words.compare.how_to, &[&RUNS_MAX.to_string()])) }
        br;
        p.row { a.btn.pri href=(site.page("experiments")) { (words.common.experiments) } }
    })
}

/// The experiment of all runs. `None`: they are of several.
async fn only_experiment(columns: &[Column]) -> Result<Option<Experiment>> {
    let Some(first) = columns.first().map(|column| column.experiment) else {
        return Ok(None);
    };
    if columns.iter().any(|column| column.experiment != first) {
        return Ok(None);
    }
    Ok(Some(experiments::load(first).await?.experiment))
}

fn address_of(site: &Site, experiment: &Experiment) -> String {
    site.page(&format!("experiments/{}", experiment.id))
}

fn head(site: &Site, columns: &[Column], experiment: Option<&Experiment>, title: &str) -> Markup {
    let words = site.words();
    let first = columns.first().filter(|_| columns.len() > 1);
    let others = experiment.map_or_else(|| site.page("experiments"), |experiment| address_of(site, experiment));
    html! {
        div.head {
            div {
                h1 { (title) }
                p.meta {
                    @if let Some(experiment) = experiment {
                        span { (filled(words.compare.of, &[html! { a href=(others) { bdi { (experiment.name) } } }])) }
                    }
                    @if let Some(first) = first {
                        span { (filled(words.compare.against_first, &[html! { strong { bdi { (first.name) } } }])) }
                    }
                }
            }
            div.acts { a.btn href=(others) { (words.compare.choose_others) } }
        }
    }
}

/// The parts of the address that could not be shown.
fn notes(site: &Site, asked: &Asked<'_>) -> Markup {
    let words = &site.words().compare;
    let ids = |ids: &[String]| html! { bdi { (ids.join(", ")) } };
    html! {
        @if !asked.unknown.is_empty() {
            div.note role="alert" { p { (filled(words.not_found, &[ids(&asked.unknown)])) } }
        }
        @if !asked.left_out.is_empty() {
            div.note role="alert" {
                p { (filled(words.too_many, &[html! { (RUNS_MAX) }, ids(&asked.left_out)])) }
            }
        }
    }
}
