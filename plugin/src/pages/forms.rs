//! Parts of forms.

use maud::{Markup, html};

use super::form_token;
use crate::error::{Error, Result};
use crate::request::site::Site;

/// A field for one line of text.
#[derive(Clone, Copy, Default)]
pub struct TextField<'a> {
    /// The id, unique in the page.
    pub id: &'a str,
    /// The name in the form.
    pub name: &'a str,
    /// The label.
    pub label: &'a str,
    /// The value that it has at first.
    pub value: &'a str,
    /// Maximum number of characters.
    pub chars_max: usize,
    /// True if it may not stay empty.
    pub is_required: bool,
    /// A hint to the valid texts; empty: none.
    pub hint: &'a str,
    /// The reason why the value was refused.
    pub mistake: Option<&'a str>,
}

impl TextField<'_> {
    /// Draws the field.
    pub fn draw(&self) -> Markup {
        html! {
            div.field {
                label for=(self.id) { (self.label) }
                input.wide #(self.id) name=(self.name) value=(self.value) required[self.is_required]
                    maxlength=(self.chars_max) autocomplete="off" aria-invalid=[self.mistake.map(|_| "true")]
                    aria-describedby=[self.described_by()];
                @if !self.hint.is_empty() { p.mut.small id=(self.id_of("hint")) { (self.hint) } }
                @if let Some(text) = self.mistake { p.err.small id=(self.id_of("mistake")) role="alert" { bdi { (text) } } }
            }
        }
    }

    /// Draws the field for a text of many lines.
    pub fn draw_area(&self) -> Markup {
        html! {
            div.field {
                label for=(self.id) { (self.label) }
                textarea #(self.id) name=(self.name) rows="14" maxlength=(self.chars_max)
                    aria-invalid=[self.mistake.map(|_| "true")] aria-describedby=[self.described_by()] {
                    // Browsers drop a line break at the beginning.
                    "\n" (self.value)
                }
                @if !self.hint.is_empty() { p.mut.small id=(self.id_of("hint")) { (self.hint) } }
                @if let Some(text) = self.mistake { p.err.small id=(self.id_of("mistake")) role="alert" { bdi { (text) } } }
            }
        }
    }

    fn id_of(&self, part: &str) -> String {
        format!("{}-{part}", self.id)
    }

    fn described_by(&self) -> Option<String> {
        match self.mistake {
            Some(_) => Some(self.id_of("mistake")),
            None => (!self.hint.is_empty()).then(|| self.id_of("hint")),
        }
    }
}

/// A form that is a button alone, for example beside each row of a list. `label` names it for screen readers.
pub fn button(site: &Site, action: &str, fields: &[(&str, &str)], text: &str, label: &str) -> Markup {
    html! {
        form method="post" action=(action) {
            (form_token(site))
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button.btn.bad.small aria-label=(label) { (text) }
        }
    }
}

/// The reason why a change was refused, which its form then shows. Any other failure stays one.
pub fn mistake_of<T>(result: Result<T>) -> Result<std::result::Result<T, String>> {
    match result {
        Ok(done) => Ok(Ok(done)),
        Err(Error::Invalid(reason) | Error::AlreadyExists(reason)) => Ok(Err(reason)),
        Err(error) => Err(error),
    }
}
