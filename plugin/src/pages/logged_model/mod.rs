//! The page of a logged model: its metrics by dataset, params, files, and the versions made from it.

use maud::{Markup, html};
use mlforge_ui::link::encoded;
use mlforge_ui::words::fill;
use mlforge_ui::{number, time};
use serde_json::Value;

use super::logged_models::{run_link, status};
use super::model_file::Described;
use super::{Page, Section, parts, registry};
use crate::domain::experiment::Pair;
use crate::domain::logged_model::{KnownLoggedModel, LoggedModel, LoggedModelId, LoggedPoint, VERSIONS_TAG};
use crate::error::Result;
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::request::site::Site;
use crate::store::artifacts;
use crate::store::logged_models::read;

pub mod files;

/// Number of metrics, or params, that are shown.
const SHOWN_MAX: usize = 200;
/// Number of tags that are shown.
const TAGS_MAX: usize = 100;
/// Number of bytes of the params, and of the tags.
const PAIRS_BYTES_MAX: usize = 30_000;
/// Number of versions that are shown.
const VERSIONS_MAX: usize = 20;

/// Shows a logged model. A deleted one is not found.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    let site = call.site;
    let known = load(&call).await?;
    let model = &known.model;
    let root = artifacts::of_uri(&model.artifact_uri);
    let described = match &root {
        Ok(root) => Described::read(root).await?,
        // The section about the files says so.
        Err(_) => None,
    };
    let files = files::summary(&call, model, root).await?;
    Ok(page(&call, model).answer(&html! {
        (head(site, &known))
        div.two {
            div {
                (metrics(site, &known))
                (params(site, &known.params))
                @if let Some(described) = described { (described.section(site.words())) }
                (files)
            }
            aside {
                (load_it(site, &known))
                (details(site, &known))
                (tags(site, &known.tags))
            }
        }
    }))
}

/// The logged model in an address. A deleted one is not found.
async fn load(call: &Call<'_>) -> Result<KnownLoggedModel> {
    let id = LoggedModelId::parse(call.params.required_text("model_id")?)?;
    let known = read::read_known(&[id]).await?.pop().flatten();
    known
        .filter(|known| !known.model.is_deleted)
        .ok_or_else(|| id.not_found())
}

/// The frame of the page.
fn page<'a>(call: &Call<'a>, model: &LoggedModel) -> Page<'a> {
    let (site, words) = (call.site, call.site.words());
    let of_experiment = site.page(&format!("experiments/{}", model.experiment));
    Page::new(call, Section::Experiments, &model.name)
        .step(words.common.experiments, site.page("experiments"))
        .step(words.logged_models.title, format!("{of_experiment}/logged-models"))
}

fn head(site: &Site, known: &KnownLoggedModel) -> Markup {
    let (words, model) = (site.words(), &known.model);
    let created = time::ago(words, model.creation_time_ms, now_ms());
    html! {
        div.head {
            div {
                h1 { bdi { (model.name) } }
                p.meta {
                    (status(words, model.status))
                    @if !model.kind.is_empty() { span { bdi { (model.kind) } } }
                    span { (mlforge_ui::words::filled(words.registry.created_at, &[created])) }
                }
            }
        }
    }
}

/// The number of things that are not shown.
fn rest(site: &Site, count: usize, max: usize) -> Markup {
    let rest = count.saturating_sub(max);
    html! { @if rest > 0 { p.mut.small { (fill(site.words().logged_models.more, &[&rest.to_string()])) } } }
}

fn metrics(site: &Site, known: &KnownLoggedModel) -> Markup {
    let words = site.words();
    html! {
        section aria-labelledby="metrics" {
            div.bar { h2 #metrics { (words.registry.metrics) } }
            @if known.newest.is_empty() {
                p.mut { (words.logged_models.no_metrics) }
            } @else {
                div.scroll tabindex="0" role="region" aria-label=(words.logged_models.metrics_table) {
                    table {
                        caption.vh { (words.registry.metrics) }
                        thead {
                            tr {
                                th scope="col" { (words.registry.metric) }
                                th.num scope="col" { (words.registry.last) }
                                th.num scope="col" { (words.registry.step) }
                                th scope="col" { (words.logged_models.dataset) }
                                th scope="col" { (words.registry.run) }
                            }
                        }
                        tbody {
                            @for measured in known.newest.iter().take(SHOWN_MAX) { (metric(site, measured)) }
                        }
                    }
                }
                (rest(site, known.newest.len(), SHOWN_MAX))
            }
        }
    }
}

fn metric(site: &Site, measured: &LoggedPoint) -> Markup {
    html! {
        tr {
            th scope="row" { bdi { (measured.key) } }
            td.num title=(number::full(measured.point.value)) {
                (number::metric(measured.point.value))
            }
            td.num.mut { (number::step(measured.point.step)) }
            td {
                bdi { (measured.dataset.name) } " "
                code.mut { bdi { (measured.dataset.digest) } }
            }
            td { (run_link(site, &measured.run.to_string())) }
        }
    }
}

fn params(site: &Site, params: &[Pair]) -> Markup {
    let words = site.words();
    html! {
        section aria-labelledby="params" {
            div.bar { h2 #params { (words.registry.params) } }
            @if params.is_empty() {
                p.mut { (words.logged_models.no_params) }
            } @else {
                (pairs(site, params, SHOWN_MAX))
            }
        }
    }
}

fn pairs(site: &Site, pairs: &[Pair], max: usize) -> Markup {
    let all = || pairs.iter().filter(|(key, _)| key != VERSIONS_TAG);
    let bytes_of = |(key, value): &&Pair| parts::row_bytes(key, value);
    let count = parts::fitting(all().take(max), PAIRS_BYTES_MAX, bytes_of);
    html! {
        (parts::key_values(all().take(count).map(|(key, value)| (key.as_str(), parts::value(value)))))
        (rest(site, all().count(), count))
    }
}

fn tags(site: &Site, tags: &[Pair]) -> Markup {
    html! {
        section aria-labelledby="tags" {
            div.bar { h2 #tags { (site.words().registry.tags) } }
            @if tags.iter().all(|(key, _)| key == VERSIONS_TAG) {
                p.mut { (site.words().common.none) }
            } @else {
                (pairs(site, tags, TAGS_MAX))
            }
        }
    }
}

fn load_it(site: &Site, known: &KnownLoggedModel) -> Markup {
    html! {
        section aria-labelledby="load" {
            h2 #load { (site.words().registry.load_it) }
            pre.code tabindex="0" {
                code.copy { "import mlflow\n\nmodel = mlflow.pyfunc.load_model(\"models:/" (known.model.id) "\")" }
            }
            (registry::lines_before(site))
        }
    }
}

fn details(site: &Site, known: &KnownLoggedModel) -> Markup {
    let (words, model) = (site.words(), &known.model);
    let versions = versions(&known.tags);
    html! {
        section aria-labelledby="details" {
            div.bar { h2 #details { (words.registry.details) } }
            dl {
                dt { (words.logged_models.id) } dd { code.copy { (model.id) } }
                dt { (words.common.status) } dd { (model.status.word()) }
                @if !model.source_run.is_empty() {
                    dt { (words.registry.run) } dd { (run_link(site, &model.source_run)) }
                }
                dt { (words.registry.experiment) }
                dd { a href=(site.page(&format!("experiments/{}", model.experiment))) { (model.experiment) } }
                dt { (words.common.updated) } dd { (time::ago(words, model.last_update_time_ms, now_ms())) }
                dt { (words.registry.location) } dd { code.copy { bdi { (model.artifact_uri) } } }
                @if !versions.is_empty() {
                    dt { (words.logged_models.versions) }
                    dd {
                        @for (name, version) in &versions {
                            a href=(site.page(&format!("models/by-name/{}/versions/{version}", encoded(name)))) {
                                bdi { (name) } " " (version)
                            }
                            " "
                        }
                    }
                }
            }
        }
    }
}

/// The versions that were made from a model, the newest first: a tag lists them in JSON, which clients write too.
fn versions(tags: &[Pair]) -> Vec<(String, u64)> {
    let noted = tags.iter().find(|(key, _)| key == VERSIONS_TAG);
    let noted = noted.and_then(|(_, text)| serde_json::from_str::<Vec<Value>>(text).ok());
    let version = |noted: &Value| {
        let version = noted.get("version")?;
        let number = version.as_u64().or_else(|| version.as_str()?.parse().ok())?;
        Some((noted.get("name")?.as_str()?.to_owned(), number))
    };
    let all = noted.unwrap_or_default();
    all.iter().rev().filter_map(version).take(VERSIONS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_tag_whoever_wrote_it() {
        let tags = |text: &str| versions(&[(VERSIONS_TAG.to_owned(), text.to_owned())]);
        let noted = r#"[{"name":"m","version":1},{"name":"n","version":"2"},{"name":3,"version":1},7]"#;
        assert_eq!(tags(noted), [("n".to_owned(), 2), ("m".to_owned(), 1)]);
        for other in ["", "{}", "[", "null"] {
            assert_eq!(tags(other), []);
        }
    }
}
