//! The page of a version: its card, how to load it, its files, the results of its run, and where it comes from.

use maud::{Markup, html};
use mlforge_ui::words::filled;
use mlforge_ui::{markdown, time};

use super::model_file::Described;
use super::registry::{self, Tags};
use super::{Page, Section, parts, see_other};
use crate::domain::id::RunId;
use crate::domain::model::Model;
use crate::domain::prompt::PROMPT_TAG;
use crate::domain::run::FullRun;
use crate::domain::version::{FullVersion, VersionName};
use crate::error::Result;
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::params::Params;
use crate::request::response::Answer;
use crate::store::registry::version_read;
use crate::store::{artifacts, runs};

mod aside;
mod change;
mod create;
pub mod files;
mod origin;
mod results;
mod upload;

pub use change::{ask_delete, delete, delete_alias, delete_tag, describe, edit, set_alias, set_tag, transition_stage};
pub use create::{create, new};
pub use upload::{upload, upload_form};

/// The tag with a run's note.
const NOTE: &str = "mlflow.note.content";
/// Number of aliases beside the title.
const ALIASES_MAX: usize = 3;
/// Number of bytes of the card.
const CARD_BYTES_MAX: usize = 36_000;

/// A part of the page with a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Alias,
    Stage,
    Tag,
}

/// A form that was refused.
#[derive(Clone, Copy)]
struct Mistake<'a> {
    part: Part,
    reason: &'a str,
}

impl<'a> Mistake<'a> {
    /// The reason, if the form of this part was refused.
    fn of(mistake: Option<Self>, part: Part) -> Option<&'a str> {
        let mistake = mistake.filter(|mistake| mistake.part == part);
        mistake.map(|mistake| mistake.reason)
    }
}

/// Shows a version. A version of a prompt is shown on the prompt's page.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    let (model, full) = load(&call.params).await?;
    if full.is_prompt() {
        return Ok(see_other(home(&call, &model, &full)));
    }
    show(&call, &model, &full, None).await
}

/// The model and the number of the version in an address. The version need not exist.
async fn target(params: &Params<'_>) -> Result<(Model, u64)> {
    let model = registry::model(params).await?;
    let name = VersionName::parse(params.required_text("version")?)?;
    let number = version_read::number(model.id, &model.name, &name).await?;
    Ok((model, number))
}

/// The version in an address, by its number or its semantic version.
async fn load(params: &Params<'_>) -> Result<(Model, FullVersion)> {
    let (model, number) = target(params).await?;
    let found = version_read::read_number(&model.name, model.id, number).await?;
    let full = found.ok_or_else(|| VersionName::of_number(number).not_found(&model.name))?;
    Ok((model, full))
}

/// The address at which a version is shown.
fn home(call: &Call<'_>, model: &Model, full: &FullVersion) -> String {
    let number = full.version.number;
    match full.is_prompt() {
        true => call.site.page(&format!("prompts/{}?version={number}", model.id)),
        false => registry::version_page(call.site, model.id, number, ""),
    }
}

async fn show(call: &Call<'_>, model: &Model, full: &FullVersion, mistake: Option<Mistake<'_>>) -> Result<Answer> {
    let run = runs::read::read_some(&[full.version.run]).await?;
    let run = run.iter().next().transpose()?;
    let main = main_part(call, full, run.as_ref()).await?;
    let tags = Tags {
        tags: full
            .tags
            .iter()
            .filter(|(key, _)| key != PROMPT_TAG && !origin::shows(key))
            .collect(),
        action: registry::version_page(call.site, model.id, full.version.number, "/tags"),
        mistake: Mistake::of(mistake, Part::Tag),
    };
    let markup = html! {
        (head(call, model, full, run.as_ref()))
        div.two {
            (main)
            aside {
                @if let Some(run) = &run { (results::params(call.site, run)) }
                (aside::aliases(call, full, mistake)?)
                (origin::section(call.site, full, run.as_ref()))
                (aside::details(call, full, mistake))
                (tags.draw(call)?)
            }
        }
    };
    let title = format!("{} {}", model.name, full.version.semver);
    let page = page(call, model, full, title);
    Ok(page.answer_with(if mistake.is_some() { 400 } else { 200 }, &markup))
}

/// The frame of a page of a version.
fn page<'a>(call: &Call<'a>, model: &Model, full: &FullVersion, title: String) -> Page<'a> {
    let (site, common) = (call.site, &call.site.words().common);
    let (section, list, path) = match full.is_prompt() {
        true => (Section::Prompts, common.prompts, "prompts"),
        false => (Section::Models, common.models, "models"),
    };
    Page::new(call, section, title)
        .step(list, site.page(path))
        .step(&model.name, site.page(&format!("{path}/{}", model.id)))
        .step(full.version.semver.to_string(), home(call, model, full))
}

fn head(call: &Call<'_>, model: &Model, full: &FullVersion, run: Option<&FullRun<'_>>) -> Markup {
    let (site, words, version) = (call.site, call.site.words(), &full.version);
    let here = |below| registry::version_page(site, model.id, version.number, below);
    let created = time::ago(words, version.creation_time_ms, now_ms());
    let aliases: Vec<(&str, String)> = full
        .aliases
        .iter()
        .map(|alias| (alias.as_str(), here("#aliases")))
        .collect();
    html! {
        div.head {
            div {
                h1 {
                    bdi { (model.name) } " " (version.semver)
                    (registry::alias_marks(site, &aliases, ALIASES_MAX))
                }
                p.meta {
                    span { (words.registry.version) " " (version.number) }
                    span {
                        @match registry::author(version.author.as_ref()) {
                            Some(author) => (filled(words.registry.created_by, &[created, html! { bdi { (author) } }])),
                            None => (filled(words.registry.created_at, &[created])),
                        }
                    }
                    span {
                        (filled(words.registry.from_run, &[run_link(call, version.run, run)]))
                    }
                    (origin::job_mark(site, &full.tags))
                }
            }
            @if call.may_write {
                div.acts {
                    a.btn href=(here("/edit")) { (words.common.edit) }
                    a.btn href=(here("/upload")) { (words.registry.upload) }
                    a.btn.bad href=(here("/delete")) { (words.common.delete) }
                }
            }
        }
    }
}

/// A link to the version's run, by its name if it still exists.
fn run_link(call: &Call<'_>, id: RunId, run: Option<&FullRun<'_>>) -> Markup {
    let name = run.map_or_else(|| id.to_string(), |run| parts::name(&run.run.name));
    html! { a href=(call.site.page(&format!("candidates/{id}"))) title=(name) { bdi { (name) } } }
}

async fn main_part(call: &Call<'_>, full: &FullVersion, run: Option<&FullRun<'_>>) -> Result<Markup> {
    let (site, words, version) = (call.site, call.site.words(), &full.version);
    let root = artifacts::of_location(&version.location).await;
    let described = match &root {
        Ok(root) => Described::read(root).await?,
        // The section about the files says so.
        Err(_) => None,
    };
    let metrics = match run {
        Some(run) => results::metrics(site, run).await?,
        None => html! {},
    };
    let files = files::summary(call, full, root).await?;
    let note = run.and_then(|run| run.tags.iter().find(|(key, _)| key == NOTE));
    let note = note.map(|(_, note)| note.as_ref());
    let card = version.description.as_deref().filter(|text| !text.trim().is_empty());
    Ok(html! {
        div {
            (load_it(call, full))
            section aria-labelledby="card" {
                div.bar {
                    h2 #card { (words.registry.card) }
                    @if call.may_write {
                        a.small.end href=(registry::version_page(site, version.model, version.number, "/edit")) {
                            (words.common.edit)
                        }
                    }
                }
                @match card.or(note) {
                    Some(text) => (markdown::card_within(text, CARD_BYTES_MAX)),
                    None => p.mut { (words.registry.no_card) },
                }
            }
            (metrics)
            @if let Some(described) = described { (described.section(words)) }
            (files)
        }
    })
}

/// The lines that load the version.
fn load_it(call: &Call<'_>, full: &FullVersion) -> Markup {
    let words = &call.site.words().registry;
    let uri = registry::python_text(&format!("models:/{}/{}", full.model_name, full.version.semver));
    html! {
        section aria-labelledby="load" {
            div.bar { h2 #load { (words.load_it) } }
            pre.code tabindex="0" {
                code.copy {
                    bdi {
                        "import mlflow\n\n"
                        "model = mlflow.pyfunc.load_model(\"" (uri) "\")\n"
                        "# " (words.files_alone) "\n"
                        "path = mlflow.artifacts.download_artifacts(\"" (uri) "\")"
                    }
                }
            }
            @if let Some(alias) = full.aliases.first() {
                @let uri = registry::python_text(&format!("models:/{}@{alias}", full.model_name));
                p.small.mut { (filled(words.by_alias, &[html! { bdi { "@" (alias) } }])) }
                pre.code tabindex="0" {
                    code.copy { bdi { "model = mlflow.pyfunc.load_model(\"" (uri) "\")" } }
                }
            }
            (registry::lines_before(call.site))
        }
    }
}
