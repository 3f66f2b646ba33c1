//! Parts of the pages of models, versions and prompts.

use maud::{Markup, html};
use mlforge_ui::words::{fill, filled};
use mlforge_ui::{Words, time};

use super::forms::{self, TextField};
use super::{form_token, parts};
use crate::domain::actor::Actor;
use crate::domain::experiment::Pair;
use crate::domain::id::ModelId;
use crate::domain::limits::{KEY_CHARS_MAX, REGISTRY_TAG_VALUE_CHARS_MAX};
use crate::domain::model::Model;
use crate::domain::pair::REGISTRY_TAG;
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::params::Params;
use crate::request::site::Site;
use crate::store::references;

/// Number of tags of one thing that a page shows.
const TAGS_SHOWN_MAX: usize = 100;
/// Number of bytes of these, and of a button.
const TAGS_BYTES_MAX: usize = 20_000;
const BUTTON_BYTES: usize = 400;
/// Number of characters of a description that a list shows.
const LINE_CHARS_MAX: usize = 160;

/// The model's number in an address.
pub fn model_id(params: &Params<'_>) -> Result<ModelId> {
    let text = params.required_text("model_id")?;
    text.parse().map(ModelId).map_err(|_| no_model(text))
}

/// The error for a number that no model has.
pub fn no_model(number: &str) -> Error {
    Error::NotFound(format!("No model of this project has the number '{number}'."))
}

/// The model in an address, without its description.
pub async fn model(params: &Params<'_>) -> Result<Model> {
    let id = model_id(params)?;
    let found = references::load_models(&[id]).await?.pop().flatten();
    found.ok_or_else(|| no_model(&id.to_string()))
}

/// Fails if the caller may not change the project. For pages that only lead to a change.
pub fn must_write(call: &Call<'_>) -> Result<()> {
    if call.may_write { Ok(()) } else { Err(Error::Denied) }
}

/// The address of a page of a model, from its path after the model's.
pub fn model_page(site: &Site, id: ModelId, below: &str) -> String {
    site.page(&format!("models/{id}{below}"))
}

/// The address of a page of a version, from its path after the version's.
pub fn version_page(site: &Site, id: ModelId, number: u64, below: &str) -> String {
    model_page(site, id, &format!("/versions/{number}{below}"))
}

/// The sentence that tells when something was made, in milliseconds since the Unix epoch, and by whom if that is known.
pub fn created(words: &Words, made_by: Option<&Actor>, created_ms: i64) -> Markup {
    let created = time::ago(words, created_ms, now_ms());
    match author(made_by) {
        Some(author) => filled(words.registry.created_by, &[created, html! { bdi { (author) } }]),
        None => filled(words.registry.created_at, &[created]),
    }
}

/// The name by which an author is shown. `None`: the author is not known.
pub fn author(author: Option<&Actor>) -> Option<&str> {
    let author = author?;
    let names = [
        author.login.as_str(),
        author.name.as_deref().unwrap_or_default(),
        &author.id,
    ];
    names.into_iter().find(|name| !name.is_empty())
}

/// The first line of a description with something in it, for a list.
pub fn first_line(text: &str) -> Option<String> {
    let line = text
        .lines()
        .map(|line| line.trim().trim_start_matches('#').trim_start())
        .find(|line| !line.is_empty())?;
    Some(line.chars().take(LINE_CHARS_MAX).collect())
}

/// A text within double quotes, as Python reads it.
pub fn python_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// The two lines that lead a client here, folded.
pub fn lines_before(site: &Site) -> Markup {
    let words = &site.words().registry;
    html! {
        details {
            summary.small.mut { (words.lines_before) }
            pre.code tabindex="0" {
                code.copy {
                    "export MLFLOW_TRACKING_URI=" (site.tracking_uri()) "\n"
                    "export MLFLOW_TRACKING_TOKEN=…"
                }
            }
            p.small.mut { (words.token_hint) }
        }
    }
}

/// A list of aliases as marks, at most `count`, and the number of the others.
pub fn alias_marks(site: &Site, aliases: &[(&str, String)], count: usize) -> Markup {
    html! {
        @for (alias, address) in aliases.iter().take(count) {
            a.tag.al href=(address) title=(alias) { bdi { "@" (alias) } } " "
        }
        @if aliases.len() > count {
            span.mut.small { (fill(site.words().registry.and_more, &[&(aliases.len() - count).to_string()])) }
        }
    }
}

/// The tag in a form.
pub fn sent_tag(params: &Params<'_>) -> Result<Pair> {
    let key = sent_key(params)?;
    let value = params.text("value")?.unwrap_or_default();
    let value = REGISTRY_TAG.stored_value(|| "value".to_owned(), key, value)?;
    Ok((key.to_owned(), value))
}

/// The key of a tag in a form. One that only the server writes is refused.
pub fn sent_key<'a>(params: &Params<'a>) -> Result<&'a str> {
    let key = params.text("key")?.unwrap_or_default().trim();
    REGISTRY_TAG.validate_key("key", key)?;
    REGISTRY_TAG.ensure_removable(key)?;
    Ok(key)
}

/// The tags of a model or version.
pub struct Tags<'a> {
    /// The tags that are shown.
    pub tags: Vec<&'a Pair>,
    /// The address to which a new tag is posted. The deletion is below it.
    pub action: String,
    /// The reason why the tag in the form was refused.
    pub mistake: Option<&'a str>,
}

impl Tags<'_> {
    /// Draws the section.
    pub fn draw(&self, call: &Call<'_>) -> Result<Markup> {
        let (site, words) = (call.site, &call.site.words().registry);
        let form = if call.may_write {
            self.form(call)?
        } else {
            html! {}
        };
        let first = self.tags.iter().take(TAGS_SHOWN_MAX);
        let shown = parts::fitting(first, TAGS_BYTES_MAX, |(key, value)| {
            BUTTON_BYTES + 3 * parts::html_bytes(key) + parts::row_bytes(key, value)
        });
        let rest = self.tags.len() - shown;
        Ok(html! {
            section aria-labelledby="tags" {
                div.bar { h2 #tags { (words.tags) } }
                @if self.tags.is_empty() {
                    p.mut { (site.words().common.none) }
                } @else {
                    table.kv.plain {
                        caption.vh { (words.tags) }
                        tbody { @for (key, value) in self.tags.iter().take(shown) { (self.row(call, key, value)) } }
                    }
                }
                @if rest > 0 { p.mut.small { (fill(words.and_more, &[&rest.to_string()])) } }
                (form)
            }
        })
    }

    fn row(&self, call: &Call<'_>, key: &str, value: &str) -> Markup {
        let words = &call.site.words().registry;
        let is_removable = call.may_write && !REGISTRY_TAG.is_of_server(key);
        html! {
            tr {
                th scope="row" { bdi { (key) } }
                td { (parts::value(value)) }
                @if call.may_write {
                    td.num {
                        @if is_removable {
                            (forms::button(
                                call.site, &format!("{}/delete", self.action), &[("key", key)], words.remove,
                                &fill(words.remove_named, &[key]),
                            ))
                        }
                    }
                }
            }
        }
    }

    /// The form for a tag, which is open if it was refused.
    fn form(&self, call: &Call<'_>) -> Result<Markup> {
        let words = &call.site.words().registry;
        let again = |name| match self.mistake {
            Some(_) => call.params.text(name).map(Option::unwrap_or_default),
            None => Ok(""),
        };
        let key = TextField {
            id: "tag-key",
            name: "key",
            label: words.key,
            value: again("key")?,
            chars_max: KEY_CHARS_MAX,
            is_required: true,
            mistake: self.mistake,
            ..TextField::default()
        };
        let value = TextField {
            id: "tag-value",
            name: "value",
            label: words.value,
            value: again("value")?,
            chars_max: REGISTRY_TAG_VALUE_CHARS_MAX,
            ..TextField::default()
        };
        Ok(html! {
            details open[self.mistake.is_some()] {
                summary.small { (words.set_tag) }
                form method="post" action=(self.action) {
                    (form_token(call.site))
                    (key.draw())
                    (value.draw())
                    button.btn { (words.set) }
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_shows_the_first_line_that_says_something() {
        assert_eq!(first_line("\n # Cats \nmore"), Some("Cats".to_owned()));
        assert_eq!(first_line(" \n##\n"), None);
        assert_eq!(
            first_line(&"ü".repeat(500)).map(|line| line.chars().count()),
            Some(LINE_CHARS_MAX)
        );
    }

    #[test]
    fn a_text_ends_no_quotes_of_python() {
        assert_eq!(python_text("a\"b\\c'd"), "a\\\"b\\\\c'd");
    }
}
