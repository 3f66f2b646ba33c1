//! Parts of several pages.

use maud::{Markup, html};
use mlforge_ui::Words;
use mlforge_ui::icon::Icon;
use mlforge_ui::link::web_link;

use super::{Page, form_token};
use crate::domain::run::Status;
use crate::request::response::Answer;

/// Maximum number of characters of a value that is shown at once. A longer one opens.
const VALUE_CHARS_MAX: usize = 60;

/// The mark of a run's status, with its word for screen readers only.
pub fn status_mark(words: &Words, status: Status) -> Markup {
    let (class, icon, word) = of_status(words, status);
    html! { span class={ "st " (class) } { (icon.draw()) span.vh { (word) } } }
}

/// The mark of a run's status, and its word.
pub fn status(words: &Words, status: Status) -> Markup {
    let (class, icon, word) = of_status(words, status);
    html! { span class={ "st " (class) } { (icon.draw()) (word) } }
}

fn of_status(words: &Words, status: Status) -> (&'static str, Icon, &'static str) {
    let common = &words.common;
    match status {
        Status::Running => ("run", Icon::Run, common.running),
        Status::Scheduled => ("run", Icon::Run, common.scheduled),
        Status::Finished => ("fin", Icon::Ok, common.finished),
        Status::Failed => ("fail", Icon::Fail, common.failed),
        Status::Killed => ("kill", Icon::Kill, common.killed),
    }
}

/// A tag of a user: key and value, cut by the style sheet and in full on hover.
pub fn tag(key: &str, value: &str) -> Markup {
    let text = if value.is_empty() {
        key.to_owned()
    } else {
        format!("{key}: {value}")
    };
    html! { span.tag title=(text) { bdi { (text) } } }
}

/// A value of a param or tag. A long one opens, and an address of the web can be followed.
pub fn value(text: &str) -> Markup {
    if let Some(address) = web_link(text) {
        return html! { a href=(address) rel="nofollow noopener noreferrer" { bdi { (text) } } };
    }
    let start: String = text.chars().take(VALUE_CHARS_MAX).collect();
    html! {
        @if start.len() == text.len() && !text.contains('\n') {
            bdi { (text) }
        } @else {
            details { summary { bdi { (start.lines().next().unwrap_or_default()) "…" } } bdi { (text) } }
        }
    }
}

/// A table of keys and values.
pub fn key_values<'a>(rows: impl IntoIterator<Item = (&'a str, Markup)>) -> Markup {
    html! {
        table.kv.plain {
            tbody {
                @for (key, value) in rows { tr { th scope="row" { bdi { (key) } } td { (value) } } }
            }
        }
    }
}

/// The links to the first and the next page of a list. `None`: there is no such page.
pub fn pager(words: &Words, first: Option<&str>, next: Option<&str>) -> Markup {
    html! {
        @if first.is_some() || next.is_some() {
            nav.row aria-label=(words.common.pages) {
                @if let Some(first) = first { a.btn href=(first) { (words.common.first) } }
                @if let Some(next) = next { a.btn href=(next) { (words.common.next) (Icon::Shut.draw()) } }
            }
        }
    }
}

/// A question before a change that is hard to take back.
pub struct Question<'a> {
    /// The title, which says what is asked.
    pub title: &'a str,
    /// The consequence of a yes.
    pub consequence: Markup,
    /// The word on the button.
    pub button: &'a str,
    /// The address to which the form is posted.
    pub action: String,
    /// Further fields of the form.
    pub fields: Vec<(&'a str, String)>,
    /// The address to which a no leads.
    pub back: String,
}

impl Question<'_> {
    /// The page that asks.
    pub fn answer(&self, page: &Page<'_>) -> Answer {
        page.answer(&html! {
            div.head { div { h1 { bdi { (self.title) } } } }
            form method="post" action=(self.action) {
                (form_token(page.site))
                @for (name, value) in &self.fields { input type="hidden" name=(name) value=(value); }
                p { (self.consequence) }
                br;
                p.row {
                    button.btn.bad { (self.button) }
                    a.btn href=(self.back) { (page.words.common.cancel) }
                }
            }
        })
    }
}
