//! Changes of a version: its description, aliases, stage and tags, and its deletion.

use maud::html;
use mlforge_ui::words::fill;

use super::super::forms::{TextField, mistake_of};
use super::super::parts::Question;
use super::super::{form_token, registry, see_other};
use super::{Mistake, Part, home, load, page, show, target};
use crate::domain::alias::{validate_alias, validate_new_alias};
use crate::domain::limits::DESCRIPTION_CHARS_MAX;
use crate::domain::model::Model;
use crate::domain::name::validate_length;
use crate::domain::semver::SEMVER_TAG;
use crate::domain::stage::ModelStage;
use crate::domain::version::{FullVersion, VersionName};
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::store::job_lookups;
use crate::store::registry::stage::Transition;
use crate::store::registry::{aliases, stage, version_delete, versions};

/// Shows the form for the description.
pub async fn edit(call: Call<'_>) -> Result<Answer> {
    registry::must_write(&call)?;
    let (model, full) = load(&call.params).await?;
    let description = full.version.description.clone().unwrap_or_default();
    Ok(form(&call, &model, &full, &description, None))
}

/// Changes the description.
pub async fn describe(call: Call<'_>) -> Result<Answer> {
    let (model, full) = load(&call.params).await?;
    let description = call.params.text("description")?.unwrap_or_default();
    let changed = match validate_length("description", description, DESCRIPTION_CHARS_MAX) {
        Ok(()) => versions::describe(&model.name, &name(&full), Some(description), now_ms()).await,
        Err(error) => Err(error),
    };
    match mistake_of(changed)? {
        Ok(_) => Ok(see_other(home(&call, &model, &full))),
        Err(mistake) => Ok(form(&call, &model, &full, description, Some(&mistake))),
    }
}

fn name(full: &FullVersion) -> VersionName {
    VersionName::of_number(full.version.number)
}

fn form(call: &Call<'_>, model: &Model, full: &FullVersion, description: &str, mistake: Option<&str>) -> Answer {
    let (site, words) = (call.site, call.site.words());
    let description = TextField {
        id: "description",
        name: "description",
        label: words.common.description,
        value: description,
        chars_max: DESCRIPTION_CHARS_MAX,
        hint: words.registry.markdown_hint,
        mistake,
        ..TextField::default()
    };
    let title = fill(
        words.registry.edit_version,
        &[&full.version.semver.to_string(), &model.name],
    );
    let main = html! {
        div.head { div { h1 { bdi { (title) } } } }
        form method="post" action=(registry::version_page(site, model.id, full.version.number, "/edit")) {
            (form_token(site))
            (description.draw_area())
            p.row {
                button.btn.pri { (words.common.save) }
                a.btn href=(home(call, model, full)) { (words.common.cancel) }
            }
        }
    };
    page(call, model, full, title).answer_with(if mistake.is_some() { 400 } else { 200 }, &main)
}

/// Asks before the deletion.
pub async fn ask_delete(call: Call<'_>) -> Result<Answer> {
    registry::must_write(&call)?;
    let (model, full) = load(&call.params).await?;
    let words = &call.site.words().registry;
    let title = fill(words.delete_version, &[&full.version.semver.to_string(), &model.name]);
    let question = Question {
        title: &title,
        consequence: html! { (words.delete_version_text) },
        button: call.site.words().common.delete,
        action: registry::version_page(call.site, model.id, full.version.number, "/delete"),
        fields: Vec::new(),
        back: home(&call, &model, &full),
    };
    Ok(question.answer(&page(&call, &model, &full, title.clone())))
}

/// Deletes the version.
pub async fn delete(call: Call<'_>) -> Result<Answer> {
    let (model, number) = target(&call.params).await?;
    version_delete::delete(&model.name, &VersionName::of_number(number), now_ms()).await?;
    Ok(see_other(registry::model_page(call.site, model.id, "")))
}

/// Sets an alias of the version, even if it named another one before.
pub async fn set_alias(call: Call<'_>) -> Result<Answer> {
    let (model, full) = load(&call.params).await?;
    let alias = call.params.text("alias")?.unwrap_or_default().trim();
    let alias = alias.strip_prefix('@').unwrap_or(alias);
    let changed = match checked_alias(alias) {
        Ok(()) => aliases::set(&model.name, alias, &name(&full)).await,
        Err(error) => Err(error),
    };
    answer(&call, &model, &full, changed, "#aliases", Part::Alias).await
}

fn checked_alias(alias: &str) -> Result<()> {
    if alias.is_empty() {
        return Err(crate::domain::name::missing("alias"));
    }
    validate_new_alias(alias)
}

/// Removes an alias from the version.
pub async fn delete_alias(call: Call<'_>) -> Result<Answer> {
    let (model, full) = load(&call.params).await?;
    let alias = call.params.required_text("alias")?;
    validate_alias(alias)?;
    // It may name another version by now: then the page that was shown is old.
    if full.aliases.iter().any(|own| own == alias) {
        aliases::delete(&model.name, alias).await?;
    }
    Ok(see_other(format!("{}#aliases", home(&call, &model, &full))))
}

/// Moves the version to a stage.
pub async fn transition_stage(call: Call<'_>) -> Result<Answer> {
    let (model, full) = load(&call.params).await?;
    let archive_others = call.params.text("archive")?.is_some_and(|text| !text.is_empty());
    let changed = match ModelStage::parse(call.params.text("stage")?.unwrap_or_default()) {
        Ok(stage) => {
            let archive_others = archive_others && stage.is_active();
            let to = Transition { stage, archive_others };
            stage::move_to(&model.name, &name(&full), to, now_ms()).await.map(drop)
        }
        Err(error) => Err(error),
    };
    answer(&call, &model, &full, changed, "#details", Part::Stage).await
}

/// Sets a tag.
pub async fn set_tag(call: Call<'_>) -> Result<Answer> {
    let (model, full) = load(&call.params).await?;
    let changed = match registry::sent_tag(&call.params) {
        Ok((key, value)) => change_tag(&model, &full, &key, Some(&value)).await,
        Err(error) => Err(error),
    };
    answer(&call, &model, &full, changed, "#tags", Part::Tag).await
}

/// Removes a tag.
pub async fn delete_tag(call: Call<'_>) -> Result<Answer> {
    let (model, full) = load(&call.params).await?;
    let changed = match registry::sent_key(&call.params) {
        Ok(key) => change_tag(&model, &full, key, None).await,
        Err(error) => Err(error),
    };
    answer(&call, &model, &full, changed, "#tags", Part::Tag).await
}

async fn change_tag(model: &Model, full: &FullVersion, key: &str, value: Option<&str>) -> Result<()> {
    if key == SEMVER_TAG {
        return Err(Error::Invalid(format!(
            "The tag '{SEMVER_TAG}' shows the semantic version {}, which a version has for good.",
            full.version.semver
        )));
    }
    job_lookups::change_version_tag(&model.name, &name(full), key, value, now_ms()).await
}

/// Leads back to a section of the version's page, or shows the page with the reason why a change was refused.
async fn answer(
    call: &Call<'_>,
    model: &Model,
    full: &FullVersion,
    changed: Result<()>,
    section: &str,
    part: Part,
) -> Result<Answer> {
    match mistake_of(changed)? {
        Ok(()) => Ok(see_other(format!("{}{section}", home(call, model, full)))),
        // The page of a prompt does not show the form again.
        Err(reason) if full.is_prompt() => Err(Error::Invalid(reason)),
        Err(reason) => {
            let mistake = Mistake { part, reason: &reason };
            show(call, model, full, Some(mistake)).await
        }
    }
}
