//! The page of a prompt: the text of a version, or the difference of two, and its versions.

use maud::{Markup, html};
use mlforge_ui::link::Address;
use mlforge_ui::time;
use mlforge_ui::words::fill;

use self::text::{difference, text_of};
use super::registry::{self, Tags};
use super::{Page, Section, parts, see_other};
use crate::domain::experiment::Pair;
use crate::domain::id::ModelId;
use crate::domain::model::FullModel;
use crate::domain::prompt::{PROMPT_TAG, TEXT_TAG, TYPE_TAG, is_prompt};
use crate::domain::version::{FullVersion, Version, VersionName};
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::request::site::Site;
use crate::store::registry::version_list::{self, Direction, VersionPage};
use crate::store::registry::{models, version_read};

mod diff;
mod text;

/// Number of versions on a page.
const PER_PAGE: usize = 30;
/// Number of aliases that a row shows.
const ALIASES_MAX: usize = 3;

/// The contents of the main part.
enum Shown {
    /// The text of a version. `None`: the prompt has no version.
    Text(Option<Box<FullVersion>>),
    /// The difference of two versions.
    Difference(Box<[FullVersion; 2]>),
}

/// Shows a prompt. A model that is no prompt has a page of its own.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    let id = registry::model_id(&call.params)?;
    let found = models::read_parts(&[id]).await?.pop().flatten();
    let full = found.ok_or_else(|| registry::no_model(&id.to_string()))?;
    if !is_prompt(&full.tags) {
        return Ok(see_other(registry::model_page(call.site, id, "")));
    }
    let (site, words, model) = (call.site, call.site.words(), &full.model);
    let after = call.params.text("page_token")?.filter(|token| !token.is_empty());
    let after = after.map(number).transpose()?;
    let listed = version_list::by_number(id, model.last_version, Direction::Newest, after, PER_PAGE).await?;
    let shown = shown(&call, &full, &listed.versions).await?;
    let tags = Tags {
        tags: full.tags.iter().filter(|(key, _)| key != PROMPT_TAG).collect(),
        action: registry::model_page(site, id, "/tags"),
        mistake: None,
    };
    let page = Page::new(&call, Section::Prompts, &model.name)
        .step(words.common.prompts, site.page("prompts"))
        .step(&model.name, site.page(&format!("prompts/{id}")));
    Ok(page.answer(&html! {
        (head(&call, &full))
        div.two {
            div {
                @match &shown {
                    Shown::Text(None) => p.mut { (words.registry.no_version) },
                    Shown::Text(Some(version)) => { (text_of(&call, version)) (load_it(&call, version)) },
                    Shown::Difference(versions) => (difference(&call, versions)),
                }
                (versions(&call, &full, &listed, after, &shown))
            }
            aside {
                @if !listed.versions.is_empty() { (choice(&call, &full, &listed.versions, &shown)) }
                (super::model::aliases(&call, &full))
                (tags.draw(&call)?)
            }
        }
    }))
}

/// The list of versions.
fn versions(call: &Call<'_>, full: &FullModel, listed: &VersionPage, after: Option<u64>, shown: &Shown) -> Markup {
    html! {
        section aria-labelledby="versions" {
            div.bar { h2 #versions { (call.site.words().registry.versions) } }
            @if !listed.versions.is_empty() { (table(call, full, &listed.versions, shown)) }
            (pager(call.site, full.model.id, after, listed.next))
        }
    }
}

/// The links to other pages of the list of versions.
fn pager(site: &Site, id: ModelId, after: Option<u64>, next: Option<u64>) -> Markup {
    let here = Address::new(site.page(&format!("prompts/{id}")));
    let next = next.map(|next| format!("{}#versions", here.clone().with("page_token", next.to_string())));
    let first = after.map(|_| format!("{here}#versions"));
    parts::pager(site.words(), first.as_deref(), next.as_deref())
}

/// The number of a version in an address.
fn number(text: &str) -> Result<u64> {
    text.parse()
        .map_err(|_| Error::NotFound(format!("A prompt's version is a number, not '{text}'.")))
}

/// Reads the versions for which the address asks: `from` and `to`, or `version`, or the newest one.
async fn shown(call: &Call<'_>, full: &FullModel, listed: &[Version]) -> Result<Shown> {
    let asked = |name| -> Result<Option<u64>> {
        let text = call.params.text(name)?.filter(|text| !text.is_empty());
        text.map(number).transpose()
    };
    let read = async |number: u64| {
        let found = version_read::read_number(&full.model.name, full.model.id, number).await?;
        found.ok_or_else(|| VersionName::of_number(number).not_found(&full.model.name))
    };
    if let (Some(from), Some(to)) = (asked("from")?, asked("to")?) {
        return Ok(Shown::Difference(Box::new([read(from).await?, read(to).await?])));
    }
    match asked("version")?.or_else(|| listed.first().map(|version| version.number)) {
        Some(number) => Ok(Shown::Text(Some(Box::new(read(number).await?)))),
        None => Ok(Shown::Text(None)),
    }
}

fn tag<'a>(tags: &'a [Pair], wanted: &str) -> Option<&'a str> {
    tags.iter()
        .find(|(key, _)| key == wanted)
        .map(|(_, value)| value.as_str())
}

/// The text of a version. `None`: it has none.
fn prompt_text(full: &FullVersion) -> Option<&str> {
    tag(&full.tags, TEXT_TAG)
}

/// True if the text of a version is a list of messages.
fn is_chat(full: &FullVersion) -> bool {
    tag(&full.tags, TYPE_TAG) == Some("chat")
}

fn head(call: &Call<'_>, full: &FullModel) -> Markup {
    let (site, words, model) = (call.site, call.site.words(), &full.model);
    html! {
        div.head {
            div {
                h1 { bdi { (model.name) } }
                p.meta {
                    span { (registry::created(words, model.author.as_ref(), model.creation_time_ms)) }
                }
                @if let Some(line) = registry::first_line(&model.description) { p { bdi { (line) } } }
            }
            @if call.may_write {
                div.acts {
                    a.btn href=(registry::model_page(site, model.id, "/edit")) { (words.common.edit) }
                    a.btn.bad href=(registry::model_page(site, model.id, "/delete")) { (words.common.delete) }
                }
            }
        }
    }
}

/// The lines that load a version.
fn load_it(call: &Call<'_>, full: &FullVersion) -> Markup {
    let uri = format!("prompts:/{}/{}", full.model_name, full.version.number);
    html! {
        section aria-labelledby="load" {
            h2 #load { (call.site.words().prompts.load_it) }
            pre.code tabindex="0" {
                code.copy {
                    bdi {
                        "import mlflow\n\n"
                        "prompt = mlflow.genai.load_prompt(\"" (registry::python_text(&uri)) "\")"
                    }
                }
            }
            (registry::lines_before(call.site))
        }
    }
}

fn table(call: &Call<'_>, full: &FullModel, versions: &[Version], shown: &Shown) -> Markup {
    let words = call.site.words();
    // The version before is on the page, but for the last one.
    let before = versions
        .iter()
        .skip(1)
        .map(|version| Some(version.number))
        .chain([None]);
    html! {
        div.scroll tabindex="0" role="region" aria-label=(words.registry.versions_table) {
            table.idx {
                caption.vh { (words.registry.versions) }
                thead {
                    tr {
                        th scope="col" { (words.registry.version) }
                        th scope="col" { (words.prompts.change) }
                        th.opt scope="col" { (words.registry.aliases) }
                        th scope="col" { (words.common.created) }
                        th.opt scope="col" { (words.common.by) }
                    }
                }
                tbody {
                    @for (version, before) in versions.iter().zip(before) { (row(call, full, version, before, shown)) }
                }
            }
        }
    }
}

fn row(call: &Call<'_>, full: &FullModel, version: &Version, before: Option<u64>, shown: &Shown) -> Markup {
    let (site, words, number) = (call.site, call.site.words(), version.number);
    let here = Address::new(site.page(&format!("prompts/{}", version.model)));
    let own = here.clone().with("version", number.to_string()).to_string();
    let aliases = full.aliases.iter().filter(|(_, of)| *of == number);
    let aliases: Vec<(&str, String)> = aliases.map(|(alias, _)| (alias.as_str(), own.clone())).collect();
    let is_shown = match shown {
        Shown::Text(Some(full)) => full.version.number == number,
        Shown::Text(None) => false,
        Shown::Difference(versions) => versions.iter().any(|full| full.version.number == number),
    };
    html! {
        tr aria-current=[is_shown.then_some("true")] {
            th scope="row" {
                a href=(own) { (words.registry.version) " " (number) }
                @if let Some(line) = version.description.as_deref().and_then(registry::first_line) {
                    bdi.mut.small { (line) }
                }
            }
            td {
                @if let Some(before) = before {
                    a href=(here.with("from", before.to_string()).with("to", number.to_string())) {
                        (fill(words.prompts.since, &[&before.to_string()]))
                    }
                }
            }
            td.opt { (registry::alias_marks(site, &aliases, ALIASES_MAX)) }
            td { (time::ago(words, version.creation_time_ms, now_ms())) }
            td.mut.opt { bdi { (registry::author(version.author.as_ref()).unwrap_or("–")) } }
        }
    }
}

/// The form that chooses two versions.
fn choice(call: &Call<'_>, full: &FullModel, versions: &[Version], shown: &Shown) -> Markup {
    let words = call.site.words();
    let mut numbers: Vec<u64> = versions.iter().map(|version| version.number).collect();
    let chosen = match shown {
        Shown::Difference(versions) => versions.each_ref().map(|full| full.version.number),
        Shown::Text(version) => {
            let to = version.as_ref().map_or(0, |full| full.version.number);
            let before = numbers.iter().find(|number| **number < to).copied();
            [before.unwrap_or(to), to]
        }
    };
    numbers.extend(chosen.iter().filter(|number| **number > 0));
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    numbers.dedup();
    let select = |name: &str, label: &str, chosen: u64| {
        html! {
            div.field {
                label for=(name) { (label) }
                select #(name) name=(name) {
                    @for number in &numbers {
                        option value=(number) selected[*number == chosen] { (words.registry.version) " " (number) }
                    }
                }
            }
        }
    };
    let [from, to] = chosen;
    html! {
        section aria-labelledby="compare" {
            div.bar { h2 #compare { (words.prompts.compare) } }
            form action=(call.site.page(&format!("prompts/{}", full.model.id))) {
                (select("from", words.prompts.from, from))
                (select("to", words.prompts.to, to))
                button.btn { (words.prompts.compare) }
            }
        }
    }
}
