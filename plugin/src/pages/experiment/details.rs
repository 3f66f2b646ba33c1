//! The details of an experiment: its note, its facts and its tags, and the forms that change them.

use maud::{Markup, html};
use mlforge_ui::words::fill;
use mlforge_ui::{Words, markdown, number, time};

use super::head::{Head, NOTE_TAG, Tab};
use crate::domain::experiment::Experiment;
use crate::domain::id::ExperimentId;
use crate::domain::limits::{EXPERIMENT_NAME_CHARS_MAX, EXPERIMENT_TAG_VALUE_CHARS_MAX, KEY_CHARS_MAX};
use crate::error::Result;
use crate::pages::{form_token, parts};
use crate::request::call::Call;
use crate::request::response::Answer;

/// Largest number of tags that are shown, and of their bytes.
const TAGS_MAX: usize = 200;
const TAGS_BYTES_MAX: usize = 36_000;
/// Number of bytes of the note. The form that changes it has the whole text.
const NOTE_BYTES_MAX: usize = 30_000;
/// Number of bytes of a button, besides the key that it names twice.
const BUTTON_BYTES: usize = 400;

/// A form of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// It renames the experiment.
    Name,
    /// It changes the note.
    Note,
    /// It sets a tag.
    Tag,
}

/// A form that was refused.
pub struct Refused<'a> {
    /// The form.
    pub form: Form,
    /// The reason for the refusal.
    pub message: &'a str,
    /// The text that was typed: a name, a note, or a tag's value.
    pub text: &'a str,
    /// The key of a tag.
    pub key: &'a str,
}

/// Shows the details of an experiment.
pub async fn show(call: Call<'_>) -> Result<Answer> {
    let id = ExperimentId::parse(call.params.required_text("experiment_id")?)?;
    Ok(answer(&call, &Head::read(id).await?, None))
}

/// The page, with the mistake of a form that was refused.
pub fn answer(call: &Call<'_>, head: &Head, refused: Option<&Refused<'_>>) -> Answer {
    let page = head.page(call, Tab::Details);
    let words = page.words;
    let own = &words.experiment_page;
    let can_change = call.may_write && head.is_active();
    let main = html! {
        (head.draw(call, Tab::Details))
        div.two {
            div {
                section {
                    h2 { (own.note) }
                    @if head.note().is_empty() {
                        p.mut { (words.common.none) }
                    } @else {
                        (markdown::card_within(head.note(), NOTE_BYTES_MAX))
                    }
                    @if can_change { (note_form(call, head, refused)) }
                }
                section { h2 { (own.tags) } (tags(call, head, can_change)) }
                @if can_change { section { (tag_form(call, head, refused)) } }
            }
            aside {
                section { h2 { (own.details) } (facts(words, &head.experiment)) }
                @if can_change { section { h2 { (own.rename) } (name_form(call, head, refused)) } }
            }
        }
    };
    page.answer_with(if refused.is_some() { 400 } else { 200 }, &main)
}

fn facts(words: &Words, experiment: &Experiment) -> Markup {
    let own = &words.experiment_page;
    let made = experiment.creation_time_ms > 0;
    html! {
        dl {
            dt { (own.id) } dd { code.copy { (experiment.id) } }
            @if made {
                dt { (words.common.created) } dd { (time::exact_time(experiment.creation_time_ms)) }
                dt { (words.common.updated) } dd { (time::exact_time(experiment.last_update_time_ms)) }
            }
            dt { (own.location) } dd { code { bdi { (experiment.artifact_location) } } }
        }
    }
}

fn tags(call: &Call<'_>, head: &Head, can_change: bool) -> Markup {
    let (words, own) = (call.site.words(), &call.site.words().experiment_page);
    let tags = || head.tags.iter().filter(|(key, _)| key != NOTE_TAG);
    let shown = parts::fitting(tags().take(TAGS_MAX), TAGS_BYTES_MAX, |(key, value)| {
        let button = BUTTON_BYTES + 2 * parts::html_bytes(key);
        parts::row_bytes(key, value) + if can_change { button } else { 0 }
    });
    let more = tags().count() - shown;
    html! {
        @if tags().next().is_none() {
            p.mut { (words.common.none) }
        } @else {
            table.kv.plain {
                caption.vh { (own.tags) }
                tbody {
                    @for (key, value) in tags().take(shown) {
                        tr {
                            th scope="row" { bdi { (key) } }
                            td { (parts::value(value)) }
                            @if can_change { td.num { (tag_removal(call, head, key)) } }
                        }
                    }
                }
            }
            @if more > 0 {
                p.mut { (fill(own.more_tags, &[&number::count(u64::try_from(more).unwrap_or_default())])) }
            }
        }
    }
}

fn tag_removal(call: &Call<'_>, head: &Head, key: &str) -> Markup {
    let words = call.site.words();
    html! {
        form method="post" action=(head.address(call.site, "/tags/delete")) {
            (form_token(call.site))
            input type="hidden" name="key" value=(key);
            button.btn.bad aria-label=(fill(words.experiment_page.delete_tag, &[key])) { (words.common.delete) }
        }
    }
}

/// The refusal of a form, if it is the one that was refused.
fn refusal<'a>(refused: Option<&'a Refused<'a>>, form: Form) -> Option<&'a Refused<'a>> {
    refused.filter(|refused| refused.form == form)
}

fn message(refused: Option<&Refused<'_>>) -> Markup {
    html! {
        @if let Some(refused) = refused { p.err.small #mistake role="alert" { bdi { (refused.message) } } }
    }
}

fn name_form(call: &Call<'_>, head: &Head, refused: Option<&Refused<'_>>) -> Markup {
    let words = call.site.words();
    let refused = refusal(refused, Form::Name);
    let name = refused.map_or(head.experiment.name.as_str(), |refused| refused.text);
    html! {
        form method="post" action=(head.address(call.site, "/rename")) {
            (form_token(call.site))
            div.field {
                label for="name" { (words.common.name) }
                input #name name="name" value=(name) required maxlength=(EXPERIMENT_NAME_CHARS_MAX) autocomplete="off"
                    aria-invalid=[refused.map(|_| "true")] aria-describedby=[refused.map(|_| "mistake")];
                (message(refused))
            }
            button.btn { (words.common.save) }
        }
    }
}

fn note_form(call: &Call<'_>, head: &Head, refused: Option<&Refused<'_>>) -> Markup {
    let words = call.site.words();
    let refused = refusal(refused, Form::Note);
    let note = refused.map_or(head.note(), |refused| refused.text);
    html! {
        details open[refused.is_some()] {
            summary { (words.experiment_page.edit_note) }
            form method="post" action=(head.address(call.site, "/note")) {
                (form_token(call.site))
                div.field {
                    label for="note" { (words.experiment_page.note_label) }
                    // A line break after the start of a text area is not part of its text.
                    textarea.mono #note name="note" rows="12" maxlength=(EXPERIMENT_TAG_VALUE_CHARS_MAX)
                        aria-invalid=[refused.map(|_| "true")] aria-describedby=[refused.map(|_| "mistake")] {
                        "\n" (note)
                    }
                    (message(refused))
                }
                button.btn { (words.common.save) }
            }
        }
    }
}

fn tag_form(call: &Call<'_>, head: &Head, refused: Option<&Refused<'_>>) -> Markup {
    let own = &call.site.words().experiment_page;
    let refused = refusal(refused, Form::Tag);
    let (key, value) = refused.map_or(("", ""), |refused| (refused.key, refused.text));
    html! {
        form method="post" action=(head.address(call.site, "/tags/set")) {
            (form_token(call.site))
            (tag_fields(call, key, value, refused.map(|refused| refused.message)))
            button.btn { (own.set_tag) }
        }
    }
}

/// The fields of a tag: its key and its value, and why they were refused.
pub fn tag_fields(call: &Call<'_>, key: &str, value: &str, mistake: Option<&str>) -> Markup {
    let own = &call.site.words().experiment_page;
    html! {
        div.field {
            label for="key" { (own.tag_key) }
            input #key name="key" value=(key) required maxlength=(KEY_CHARS_MAX) autocomplete="off"
                aria-invalid=[mistake.map(|_| "true")] aria-describedby=[mistake.map(|_| "mistake")];
            label for="value" { (own.tag_value) }
            input #value name="value" value=(value) autocomplete="off";
            @if let Some(mistake) = mistake { p.err.small #mistake role="alert" { bdi { (mistake) } } }
        }
    }
}
