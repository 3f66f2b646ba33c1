//! The note about a filter that cannot be read: its text with the mistake marked, and what may stand there.

use std::ops::Range;

use maud::{Markup, html};
use mlforge_ui::Words;
use mlforge_ui::link::Address;
use mlforge_ui::words::{fill, filled};

use crate::search::mistake::FilterMistake;

mod reason;

use reason::reason;

/// Spellings of other languages, each with that of filters.
const REPAIRS: [(&str, &str); 5] = [("==", "="), ("<>", "!="), ("&&", "AND"), ("===", "="), ("&", "AND")];

/// A filter that cannot be read.
pub struct MistakeNote<'a> {
    /// Its text.
    pub filter: &'a str,
    /// The mistake in it.
    pub mistake: &'a FilterMistake,
    /// Examples of filters.
    pub forms: &'a [&'a str],
    /// The address of the page with the filter.
    pub address: Address,
    /// The text of the link to the page without a filter.
    pub without: &'a str,
}

impl MistakeNote<'_> {
    /// Draws the note.
    pub fn draw(&self, words: &Words) -> Markup {
        let (own, text) = (&words.experiment_page, self.filter);
        let at = self.mistake.at.clone().unwrap_or(0..text.len());
        let position = text.get(..at.start).unwrap_or_default().chars().count() + 1;
        let wrong = text.get(at.clone()).unwrap_or_default();
        html! {
            div.note #mistake role="alert" {
                p {
                    strong { (fill(own.mistake_at, &[&position.to_string()])) }
                    " " (own.nothing_searched)
                }
                pre.code {
                    (text.get(..at.start).unwrap_or_default())
                    mark { @if wrong.is_empty() { "…" } @else { (wrong) } }
                    (text.get(at.end..).unwrap_or_default())
                }
                p { bdi { (reason(words, self.mistake)) } }
                p {
                    @if let Some((repaired, right)) = repaired(text, at) {
                        a href=(self.address.clone().set("filter", repaired)) {
                            (filled(own.use_instead, &[html! { code { (right) } }]))
                        }
                        " · "
                    }
                    a href=(self.address.clone().without("filter")) { (self.without) }
                }
                details {
                    summary { (own.filter_forms) }
                    ul { @for form in self.forms { li { code { (form) } } } }
                }
            }
        }
    }
}

/// The filter with the mistake repaired, and what now stands there. `None`: the mistake is none that is known.
fn repaired(text: &str, at: Range<usize>) -> Option<(String, &'static str)> {
    let rest = text.get(at.start..)?;
    let fitting = REPAIRS.iter().filter(|(wrong, _)| rest.starts_with(wrong));
    let (wrong, right) = fitting.max_by_key(|(wrong, _)| wrong.len())?;
    let (before, after) = (text.get(..at.start)?, rest.get(wrong.len()..)?);
    Some((format!("{before}{right}{after}"), *right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_other_languages_are_repaired() {
        let repaired = |text: &str, at| repaired(text, at..at).map(|(text, _)| text);
        assert_eq!(repaired("params.a == 'b'", 9).as_deref(), Some("params.a = 'b'"));
        assert_eq!(
            repaired("a.b = 1 && c.d = 2", 8).as_deref(),
            Some("a.b = 1 AND c.d = 2")
        );
        assert_eq!(repaired("params.a ~ 'b'", 9), None);
        assert_eq!(repaired("", 0), None);
    }
}
