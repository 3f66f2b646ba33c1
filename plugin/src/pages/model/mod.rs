//! The page of a model: its card, its latest version, its versions, aliases and tags.

use maud::{Markup, html};
use mlforge_ui::words::{fill, filled};
use mlforge_ui::{markdown, time};

use self::versions::Listed;
use super::models::counted;
use super::registry::{self, Tags};
use super::{Page, Section, parts, see_other};
use crate::domain::model::{FullModel, Model};
use crate::domain::prompt::is_prompt;
use crate::domain::version::FullVersion;
use crate::error::Result;
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::store::registry::{model_list, models};

mod change;
mod name;
mod versions;

pub use change::{ask_delete, delete, delete_tag, describe, edit, rename, set_tag};
pub use name::{by_name, version_by_name};

/// Versions are counted up to this number.
const COUNTED_MAX: usize = 1_000;
/// Number of aliases that are shown.
const ALIASES_MAX: usize = 50;
/// Number of bytes of these, and of one without its name.
const ALIASES_BYTES_MAX: usize = 20_000;
const ALIAS_BYTES: usize = 200;
/// Number of bytes that are shown of the latest version's card.
const CARD_BYTES_MAX: usize = 8_000;
/// Number of bytes of the card of the model itself.
const MODEL_CARD_BYTES_MAX: usize = 36_000;

/// Shows a model. A prompt has a page of its own.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    let full = load(&call).await?;
    if is_prompt(&full.tags) {
        return Ok(see_other(home(&call, &full)));
    }
    show(&call, &full, None).await
}

/// The model in the address, with tags, aliases and latest versions.
async fn load(call: &Call<'_>) -> Result<FullModel> {
    let id = registry::model_id(&call.params)?;
    let found = models::read_some(&[id]).await?.pop().flatten();
    found.ok_or_else(|| registry::no_model(&id.to_string()))
}

/// The address of the page of a model or prompt.
fn home(call: &Call<'_>, full: &FullModel) -> String {
    match is_prompt(&full.tags) {
        true => call.site.page(&format!("prompts/{}", full.model.id)),
        false => registry::model_page(call.site, full.model.id, ""),
    }
}

/// The page. `mistake` is the reason why a tag was refused.
async fn show(call: &Call<'_>, full: &FullModel, mistake: Option<&str>) -> Result<Answer> {
    let (site, words) = (call.site, call.site.words());
    let model = &full.model;
    let listed = Listed::read(call, full).await?;
    let count = model_list::count_versions(&[model.id], COUNTED_MAX + 1)
        .await?
        .pop()
        .unwrap_or(0);
    let page = Page::new(call, Section::Models, &model.name)
        .step(words.common.models, site.page("models"))
        .step(&model.name, registry::model_page(site, model.id, ""));
    let tags = Tags {
        tags: full.tags.iter().collect(),
        action: registry::model_page(site, model.id, "/tags"),
        mistake,
    };
    let main = html! {
        (head(call, full))
        div.two {
            div {
                (card(call, model))
                @if let Some(latest) = full.latest.first() { (latest_card(call, latest)) }
                (listed.draw(call, full))
            }
            aside {
                (details(call, full, &counted(site, count, COUNTED_MAX)))
                (aliases(call, full))
                (tags.draw(call)?)
            }
        }
    };
    Ok(page.answer_with(if mistake.is_some() { 400 } else { 200 }, &main))
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
            }
            @if call.may_write {
                div.acts {
                    a.btn href=(registry::model_page(site, model.id, "/edit")) { (words.common.edit) }
                    a.btn.bad href=(registry::model_page(site, model.id, "/delete")) { (words.common.delete) }
                    a.btn.pri href=(registry::model_page(site, model.id, "/versions/new")) { (words.registry.new_version) }
                }
            }
        }
    }
}

/// The description, as its author wrote it for readers.
fn card(call: &Call<'_>, model: &Model) -> Markup {
    let (site, words) = (call.site, call.site.words());
    html! {
        section aria-labelledby="card" {
            div.bar {
                h2 #card { (words.registry.card) }
                @if call.may_write {
                    a.small.end href=(registry::model_page(site, model.id, "/edit")) { (words.common.edit) }
                }
            }
            @if model.description.trim().is_empty() {
                p.mut { (words.registry.no_card) }
            } @else {
                (markdown::card_within(&model.description, MODEL_CARD_BYTES_MAX))
            }
        }
    }
}

/// The card of the latest version, cut if it is long.
fn latest_card(call: &Call<'_>, latest: &FullVersion) -> Markup {
    let words = &call.site.words().registry;
    let version = &latest.version;
    let address = registry::version_page(call.site, version.model, version.number, "");
    let text = version.description.as_deref().unwrap_or_default();
    let shown = text.get(..text.floor_char_boundary(CARD_BYTES_MAX)).unwrap_or_default();
    html! {
        section aria-labelledby="latest" {
            div.bar {
                h2 #latest {
                    (filled(words.latest_version, &[html! { a href=(address) { (version.semver) } }]))
                }
            }
            @if !shown.trim().is_empty() { (markdown::card_within(shown, CARD_BYTES_MAX)) }
            @if shown.len() < text.len() { p { a href=(address) { (words.whole_card) } } }
        }
    }
}

fn details(call: &Call<'_>, full: &FullModel, versions: &str) -> Markup {
    let (site, words, model) = (call.site, call.site.words(), &full.model);
    let registry = &words.registry;
    html! {
        section aria-labelledby="details" {
            div.bar { h2 #details { (registry.details) } }
            dl {
                @if let Some(author) = registry::author(model.author.as_ref()) {
                    dt { (registry.publisher) } dd { bdi { (author) } }
                }
                dt { (registry.versions) } dd { (versions) }
                @if let Some(latest) = full.latest.first() {
                    dt { (registry.latest) }
                    dd {
                        a href=(registry::version_page(site, model.id, latest.version.number, "")) {
                            (latest.version.semver)
                        }
                    }
                }
                dt { (registry.experiment) }
                dd { a href=(site.page(&format!("experiments/{}", model.experiment))) { bdi { "[model]" (model.name) } } }
                dt { (words.common.updated) } dd { (time::ago(words, model.last_update_time_ms, now_ms())) }
                dt { (registry.number) } dd { (model.id) }
                dt { (registry.uri) } dd { code.copy { bdi { "models:/" (model.name) "/latest" } } }
            }
        }
    }
}

/// The aliases with the numbers of their versions.
pub(super) fn aliases(call: &Call<'_>, full: &FullModel) -> Markup {
    let (site, words) = (call.site, &call.site.words().registry);
    let first = full.aliases.iter().take(ALIASES_MAX);
    let shown = parts::fitting(first, ALIASES_BYTES_MAX, |(alias, _)| ALIAS_BYTES + 2 * alias.len());
    let rest = full.aliases.len() - shown;
    html! {
        section aria-labelledby="aliases" {
            div.bar { h2 #aliases { (words.aliases) } }
            @if full.aliases.is_empty() {
                p.mut { (site.words().common.none) }
            } @else {
                table.plain {
                    caption.vh { (words.aliases) }
                    thead.vh { tr { th scope="col" { (words.alias) } th scope="col" { (words.version) } } }
                    tbody {
                        @for (alias, number) in full.aliases.iter().take(shown) {
                            tr {
                                th scope="row" { span.tag.al title=(alias) { bdi { "@" (alias) } } }
                                td.num {
                                    a href=(registry::version_page(site, full.model.id, *number, "")) {
                                        (words.version) " " (number)
                                    }
                                }
                            }
                        }
                    }
                }
                @if rest > 0 { p.mut.small { (fill(words.and_more, &[&rest.to_string()])) } }
            }
        }
    }
}
