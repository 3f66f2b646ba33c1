//! Changes of a model: its description, its name, its tags, and its deletion.

use maud::html;
use mlforge_ui::words::fill;

use super::super::forms::{TextField, mistake_of};
use super::super::parts::Question;
use super::super::{Page, Section, form_token, registry, see_other};
use super::{home, load, show};
use crate::domain::limits::{DESCRIPTION_CHARS_MAX, MODEL_NAME_CHARS_MAX};
use crate::domain::model::{FullModel, validate_new_model_name};
use crate::domain::name::validate_length;
use crate::domain::prompt::is_prompt;
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::store::registry::models;

/// A refused change.
enum Mistake<'a> {
    Description(&'a str),
    Name(&'a str),
}

/// Shows the forms for description and name.
pub async fn edit(call: Call<'_>) -> Result<Answer> {
    registry::must_write(&call)?;
    let full = load(&call).await?;
    form(&call, &full, None)
}

/// Changes the description.
pub async fn describe(call: Call<'_>) -> Result<Answer> {
    let full = load(&call).await?;
    let description = call.params.text("description")?.unwrap_or_default();
    let changed = match validate_length("description", description, DESCRIPTION_CHARS_MAX) {
        Ok(()) => models::describe(&full.model.name, description, now_ms()).await,
        Err(error) => Err(error),
    };
    match mistake_of(changed)? {
        Ok(_) => Ok(see_other(home(&call, &full))),
        Err(reason) => form(&call, &full, Some(Mistake::Description(&reason))),
    }
}

/// Changes the name.
pub async fn rename(call: Call<'_>) -> Result<Answer> {
    let full = load(&call).await?;
    let name = call.params.text("name")?.unwrap_or_default().trim();
    let changed = match validate_new_model_name("name", name) {
        Ok(()) => models::rename(&full.model.name, name, now_ms()).await,
        Err(error) => Err(error),
    };
    match mistake_of(changed)? {
        Ok(_) => Ok(see_other(home(&call, &full))),
        Err(reason) => form(&call, &full, Some(Mistake::Name(&reason))),
    }
}

fn page<'a>(call: &Call<'a>, full: &FullModel, title: String) -> Page<'a> {
    let common = &call.site.words().common;
    let (section, list, path) = match is_prompt(&full.tags) {
        true => (Section::Prompts, common.prompts, "prompts"),
        false => (Section::Models, common.models, "models"),
    };
    Page::new(call, section, title)
        .step(list, call.site.page(path))
        .step(&full.model.name, home(call, full))
}

fn form(call: &Call<'_>, full: &FullModel, mistake: Option<Mistake<'_>>) -> Result<Answer> {
    let (site, words, model) = (call.site, call.site.words(), &full.model);
    let (of_description, of_name) = match mistake {
        Some(Mistake::Description(reason)) => (Some(reason), None),
        Some(Mistake::Name(reason)) => (None, Some(reason)),
        None => (None, None),
    };
    let sent = |name| call.params.text(name).map(Option::unwrap_or_default);
    let description = of_description.map_or(Ok(model.description.as_str()), |_| sent("description"))?;
    let name = of_name.map_or(Ok(model.name.as_str()), |_| sent("name"))?;
    let title = fill(words.registry.edit_model, &[&model.name]);
    let main = html! {
        div.head { div { h1 { bdi { (title) } } } }
        form method="post" action=(registry::model_page(site, model.id, "/edit")) {
            (form_token(site))
            (description_field(call, description, of_description).draw_area())
            p.row {
                button.btn.pri { (words.common.save) }
                a.btn href=(home(call, full)) { (words.common.cancel) }
            }
        }
        section aria-labelledby="rename" {
            h2 #rename { (words.registry.rename) }
            form method="post" action=(registry::model_page(site, model.id, "/rename")) {
                (form_token(site))
                (name_field(call, name, of_name).draw())
                button.btn { (words.registry.rename) }
            }
        }
    };
    let is_mistaken = of_description.or(of_name).is_some();
    Ok(page(call, full, title).answer_with(if is_mistaken { 400 } else { 200 }, &main))
}

fn description_field<'a>(call: &Call<'a>, value: &'a str, mistake: Option<&'a str>) -> TextField<'a> {
    let words = call.site.words();
    TextField {
        id: "description",
        name: "description",
        label: words.common.description,
        value,
        chars_max: DESCRIPTION_CHARS_MAX,
        hint: words.registry.markdown_hint,
        mistake,
        ..TextField::default()
    }
}

fn name_field<'a>(call: &Call<'a>, value: &'a str, mistake: Option<&'a str>) -> TextField<'a> {
    let words = call.site.words();
    TextField {
        id: "name",
        name: "name",
        label: words.common.name,
        value,
        chars_max: MODEL_NAME_CHARS_MAX,
        is_required: true,
        hint: words.registry.rename_text,
        mistake,
    }
}

/// Asks before the deletion.
pub async fn ask_delete(call: Call<'_>) -> Result<Answer> {
    registry::must_write(&call)?;
    let full = load(&call).await?;
    let words = &call.site.words().registry;
    let title = fill(words.delete_model, &[&full.model.name]);
    let question = Question {
        title: &title,
        consequence: html! { (words.delete_model_text) },
        button: call.site.words().common.delete,
        action: registry::model_page(call.site, full.model.id, "/delete"),
        fields: Vec::new(),
        back: home(&call, &full),
    };
    Ok(question.answer(&page(&call, &full, title.clone())))
}

/// Deletes the model with its versions.
pub async fn delete(call: Call<'_>) -> Result<Answer> {
    let full = load(&call).await?;
    models::delete(&full.model.name, now_ms()).await?;
    let list = if is_prompt(&full.tags) { "prompts" } else { "models" };
    Ok(see_other(call.site.page(list)))
}

/// Sets a tag.
pub async fn set_tag(call: Call<'_>) -> Result<Answer> {
    let full = load(&call).await?;
    let changed = match registry::sent_tag(&call.params) {
        Ok((key, value)) => models::set_tag(&full.model.name, &key, &value).await,
        Err(error) => Err(error),
    };
    answer(&call, &full, changed).await
}

/// Removes a tag.
pub async fn delete_tag(call: Call<'_>) -> Result<Answer> {
    let full = load(&call).await?;
    let changed = match registry::sent_key(&call.params) {
        Ok(key) => models::delete_tag(&full.model.name, key).await,
        Err(error) => Err(error),
    };
    answer(&call, &full, changed).await
}

async fn answer(call: &Call<'_>, full: &FullModel, changed: Result<()>) -> Result<Answer> {
    match mistake_of(changed)? {
        Ok(()) => Ok(see_other(format!("{}#tags", home(call, full)))),
        // The page of a prompt does not show the form again.
        Err(reason) if is_prompt(&full.tags) => Err(Error::Invalid(reason)),
        Err(reason) => show(call, full, Some(&reason)).await,
    }
}
