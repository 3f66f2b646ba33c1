//! The form that creates a model.

use maud::html;

use super::super::forms::{TextField, mistake_of};
use super::super::{Page, Section, form_token, registry, see_other};
use super::snippet;
use crate::domain::limits::{DESCRIPTION_CHARS_MAX, MODEL_NAME_CHARS_MAX};
use crate::domain::model::validate_new_model_name;
use crate::domain::name::validate_length;
use crate::error::Result;
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::search::prompts::Kind;
use crate::store::registry::models;

/// Shows the form for a new model, and how a script registers one.
pub async fn new(call: Call<'_>) -> Result<Answer> {
    Ok(form(&call, "", "", None))
}

/// Creates a model, and shows it.
pub async fn create(call: Call<'_>) -> Result<Answer> {
    let name = call.params.text("name")?.unwrap_or_default().trim();
    let description = call.params.text("description")?.unwrap_or_default();
    let checked = validate_new_model_name("name", name)
        .and_then(|()| validate_length("description", description, DESCRIPTION_CHARS_MAX));
    let author = call.actor.author();
    let created = match checked {
        Ok(()) => models::create(name, description, &[], author.as_ref(), now_ms()).await,
        Err(error) => Err(error),
    };
    match mistake_of(created)? {
        Ok(full) => Ok(see_other(registry::model_page(call.site, full.model.id, ""))),
        Err(mistake) => Ok(form(&call, name, description, Some(&mistake))),
    }
}

fn form(call: &Call<'_>, name: &str, description: &str, mistake: Option<&str>) -> Answer {
    let (site, words) = (call.site, call.site.words());
    let name = TextField {
        id: "name",
        name: "name",
        label: words.common.name,
        value: name,
        chars_max: MODEL_NAME_CHARS_MAX,
        is_required: true,
        mistake,
        ..TextField::default()
    };
    let description = TextField {
        id: "description",
        name: "description",
        label: words.common.description,
        value: description,
        chars_max: DESCRIPTION_CHARS_MAX,
        hint: words.registry.markdown_hint,
        ..TextField::default()
    };
    let page =
        Page::new(call, Section::Models, words.registry.new_model).step(words.common.models, site.page("models"));
    let main = html! {
        div.head { div { h1 { (words.registry.new_model) } p.mut { (words.registry.create_text) } } }
        @if call.may_write {
            form method="post" action=(site.page("models")) {
                (form_token(site))
                (name.draw())
                (description.draw_area())
                button.btn.pri { (words.common.create) }
            }
        }
        (snippet(site, Kind::Models))
    };
    page.answer_with(if mistake.is_some() { 400 } else { 200 }, &main)
}
