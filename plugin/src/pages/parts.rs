//! Parts of several pages.

use maud::{Markup, html};
use mlforge_ui::Words;
use mlforge_ui::icon::Icon;
use mlforge_ui::link::web_link;

use super::{Page, form_token};
use crate::domain::name::cut;
use crate::domain::run::Status;
use crate::error::Result;
use crate::request::params::Params;
use crate::request::response::Answer;

/// Maximum number of characters of a value that is shown at once. A longer one opens.
const VALUE_CHARS_MAX: usize = 60;
/// Maximum number of bytes in HTML of a value that opens. Params and tags of runs are whole, unless most is markup.
const VALUE_BYTES_MAX: usize = 24_000;
/// Maximum number of characters of a tag, and of its text on hover.
const TAG_CHARS_MAX: usize = 100;
const TAG_TITLE_CHARS_MAX: usize = 200;
/// Number of bytes of a row without its texts.
const ROW_BYTES: usize = 150;
/// Maximum number of bytes of a value that is a link.
const LINK_BYTES_MAX: usize = 2_048;
/// Maximum number of characters of a name in a list or a head.
const NAME_CHARS_MAX: usize = 120;

/// The number of bytes that a text has in HTML.
pub fn html_bytes(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'&' => 4,
        b'<' | b'>' => 3,
        b'"' => 5,
        _ => 0,
    };
    text.len() + text.bytes().map(escaped).sum::<usize>()
}

/// The beginning of a text, at most this many bytes in HTML.
pub fn clipped(text: &str, bytes_max: usize) -> &str {
    let mut bytes = 0;
    let mut rest = text.char_indices().skip_while(|(start, char)| {
        bytes += html_bytes(text.get(*start..start + char.len_utf8()).unwrap_or_default());
        bytes <= bytes_max
    });
    rest.next().map_or(text, |(end, _)| text.get(..end).unwrap_or_default())
}

/// The number of things that fit into some bytes of HTML, in their order; at least one.
pub fn fitting<T>(things: impl IntoIterator<Item = T>, bytes_max: usize, bytes_of: impl Fn(&T) -> usize) -> usize {
    let mut bytes = 0;
    let fitting = things.into_iter().enumerate().take_while(|(index, thing)| {
        bytes += bytes_of(thing);
        bytes <= bytes_max || *index == 0
    });
    fitting.count()
}

/// About the number of bytes in HTML of a row with a key and a value that opens.
pub fn row_bytes(key: &str, value: &str) -> usize {
    let start = cut(value.to_owned(), VALUE_CHARS_MAX);
    let shown = match web_link(value) {
        Some(address) if address.len() <= LINK_BYTES_MAX => 2 * html_bytes(value),
        _ => html_bytes(value).min(VALUE_BYTES_MAX),
    };
    let again = if start.len() < value.len() {
        html_bytes(&start)
    } else {
        0
    };
    ROW_BYTES + html_bytes(key) + shown + again
}

/// A name that users may have made very long, as lists and heads show it.
pub fn name(text: &str) -> String {
    let mut start = cut(text.to_owned(), NAME_CHARS_MAX);
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

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
        format!("{key}: {}", clipped(value, TAG_TITLE_CHARS_MAX * 6))
    };
    let title = cut(text, TAG_TITLE_CHARS_MAX);
    html! { span.tag title=(title) { bdi { (cut(title.clone(), TAG_CHARS_MAX)) } } }
}

/// A value of a param or tag. A long one opens, and an address of the web can be followed.
pub fn value(text: &str) -> Markup {
    if let Some(address) = web_link(text).filter(|address| address.len() <= LINK_BYTES_MAX) {
        return html! { a href=(address) rel="nofollow noopener noreferrer" { bdi { (text) } } };
    }
    let start: String = text.chars().take(VALUE_CHARS_MAX).collect();
    html! {
        @if start.len() == text.len() && !text.contains('\n') {
            bdi { (text) }
        } @else {
            @let whole = clipped(text, VALUE_BYTES_MAX);
            details {
                summary { bdi { (start.lines().next().unwrap_or_default()) "…" } }
                bdi { (whole) @if whole.len() < text.len() { "…" } }
            }
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

/// The query of the table in which things were chosen, to which a change comes back. Empty: there is none.
pub fn back_query<'a>(params: &Params<'a>) -> Result<&'a str> {
    let back = params.text("back")?.unwrap_or_default();
    // A query that a table wrote has no other characters, and nothing else may stand in a header.
    let is_query = back.bytes().all(|byte| byte.is_ascii_graphic());
    Ok(if is_query { back } else { "" })
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_clipped_text_has_as_many_bytes_as_fit(text in "[a<&\"가]{0,30}", bytes_max in 0_usize..60) {
            let start = clipped(&text, bytes_max);
            prop_assert!(text.starts_with(start) && html_bytes(start) <= bytes_max);
            let next = text.get(start.len()..).and_then(|rest| rest.chars().next());
            if let Some(next) = next {
                let longer = format!("{start}{next}");
                prop_assert!(html_bytes(&longer) > bytes_max);
            }
            prop_assert_eq!(html_bytes(&text), html! { (text) }.into_string().len());
        }
    }

    #[test]
    fn the_first_thing_always_fits() {
        assert_eq!(fitting([5, 5, 5], 10, |bytes| *bytes), 2);
        assert_eq!(fitting([50, 1], 10, |bytes| *bytes), 1);
        assert_eq!(fitting([0; 0], 10, |bytes| *bytes), 0);
    }
}
