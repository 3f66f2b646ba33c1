//! The form that creates a version. Its run is new, and its files are uploaded afterwards.

use std::collections::BTreeMap;

use maud::html;
use mlforge_ui::words::fill;

use super::super::forms::{TextField, mistake_of};
use super::super::{Page, Section, form_token, registry, see_other};
use crate::domain::id::RunId;
use crate::domain::limits::{DESCRIPTION_CHARS_MAX, SEMVER_CHARS_MAX};
use crate::domain::model::Model;
use crate::domain::name::validate_length;
use crate::domain::semver::SemVer;
use crate::domain::source::Source;
use crate::domain::version::FullVersion;
use crate::error::Result;
use crate::host::clock::now_ms;
use crate::host::forge;
use crate::host::random::random_id;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::store::registry::create_version::{self, NewVersion};
use crate::store::registry::latest;
use crate::store::registry::source::Owner;

/// Shows the form for a new version, with the next semantic version.
pub async fn new(call: Call<'_>) -> Result<Answer> {
    registry::must_write(&call)?;
    let model = registry::model(&call.params).await?;
    // There is none behind the highest possible one.
    let next = SemVer::after(latest::highest_numbers(model.id).await?);
    let next = next.map(|next| next.to_string()).unwrap_or_default();
    Ok(form(&call, &model, &next, "", None))
}

/// Creates a version, and shows it.
pub async fn create(call: Call<'_>) -> Result<Answer> {
    let model = registry::model(&call.params).await?;
    let sent = |name| call.params.text(name).map(Option::unwrap_or_default);
    let (semver, description) = (sent("semver")?.trim(), sent("description")?);
    match mistake_of(created(&call, &model, semver, description).await)? {
        Ok(full) => {
            let version = &full.version;
            Ok(see_other(registry::version_page(
                call.site,
                version.model,
                version.number,
                "",
            )))
        }
        Err(mistake) => Ok(form(&call, &model, semver, description, Some(&mistake))),
    }
}

async fn created(call: &Call<'_>, model: &Model, semver: &str, description: &str) -> Result<FullVersion> {
    validate_length("description", description, DESCRIPTION_CHARS_MAX)?;
    let now_ms = now_ms();
    let job = forge::caller_job();
    let new = NewVersion {
        semver: (!semver.is_empty()).then(|| SemVer::parse(semver)).transpose()?,
        source: "",
        parsed: &Source::Own,
        owner: Owner::default(),
        description: description.to_owned(),
        run_link: String::new(),
        tags: BTreeMap::new(),
        user: call.actor.login.clone(),
        author: call.actor.author(),
        // A new run ends at once. Only the caller's own job can have told its commit by then.
        sets_commit_status: job.is_some() && forge::announce_ended_run(),
        job,
        run_id: RunId::made_at(now_ms, random_id()),
        number: None,
    };
    // Such a version is made of no logged model, so none notes it.
    create_version::create(&model.name, &new, now_ms, |noted, _| {
        Ok(noted.unwrap_or_default().to_owned())
    })
    .await
}

fn form(call: &Call<'_>, model: &Model, semver: &str, description: &str, mistake: Option<&str>) -> Answer {
    let (site, words) = (call.site, call.site.words());
    let semver = TextField {
        id: "semver",
        name: "semver",
        label: words.registry.version,
        value: semver,
        chars_max: SEMVER_CHARS_MAX,
        is_required: false,
        hint: words.registry.semver_hint,
        mistake,
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
    let title = fill(words.registry.new_version_of, &[&model.name]);
    let here = |below| registry::model_page(site, model.id, below);
    let page = Page::new(call, Section::Models, &*title)
        .step(words.common.models, site.page("models"))
        .step(&model.name, here(""));
    let main = html! {
        div.head { div { h1 { bdi { (title) } } } }
        form method="post" action=(here("/versions")) {
            (form_token(site))
            (semver.draw())
            (description.draw_area())
            p.row {
                button.btn.pri { (words.common.create) }
                a.btn href=(here("")) { (words.common.cancel) }
            }
        }
    };
    page.answer_with(if mistake.is_some() { 400 } else { 200 }, &main)
}
