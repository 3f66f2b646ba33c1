//! The forms that set and remove a tag of a run.

use maud::{Markup, html};

use super::pairs::tags_page;
use super::view::{RunRead, View, address_of, run_id};
use crate::domain::experiment::Pair;
use crate::domain::id::RunId;
use crate::domain::job::names_job;
use crate::domain::name::missing;
use crate::domain::pair::RUN_TAG;
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::pages::{form_token, see_other};
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::store::keys::JobTarget;
use crate::store::runs::Batch;
use crate::store::{job_lookups, runs};

/// The form that sets a tag, with what was sent and the mistake in it.
#[derive(Default)]
pub struct TagForm<'a> {
    key: &'a str,
    value: &'a str,
    mistake: Option<String>,
}

impl TagForm<'_> {
    /// The form.
    pub fn draw(&self, view: &View<'_>) -> Markup {
        let words = &view.words.runs;
        let is_wrong = self.mistake.is_some().then_some("true");
        html! {
            form method="post" action=(view.address("/tags")) {
                (form_token(view.call.site))
                h2 { (words.set_tag) }
                div.field {
                    label for="key" { (words.tag_key) }
                    input.wide #key name="key" value=(self.key) required maxlength="250" autocomplete="off"
                        aria-invalid=[is_wrong] aria-describedby=[self.mistake.as_ref().map(|_| "mistake")];
                    @if let Some(mistake) = &self.mistake { p.err.small #mistake role="alert" { bdi { (mistake) } } }
                }
                div.field {
                    label for="value" { (words.tag_value) }
                    input.wide #value name="value" value=(self.value) autocomplete="off";
                }
                button.btn.pri { (view.words.common.save) }
            }
        }
    }
}

/// The button that removes a tag.
pub fn remove_button(view: &View<'_>, key: &str) -> Markup {
    html! {
        form method="post" action=(view.address("/tags/delete")) {
            (form_token(view.call.site))
            input type="hidden" name="key" value=(key);
            button.btn.bad aria-label={ (view.words.common.delete) " " (key) } { (view.words.common.delete) }
        }
    }
}

/// Sets a tag, and shows all.
pub async fn set(call: Call<'_>) -> Result<Answer> {
    let run = run_id(&call)?;
    let key = call.params.text("key")?.unwrap_or_default().trim();
    let value = call.params.text("value")?.unwrap_or_default();
    match pair(key, value) {
        Ok(pair) => {
            log(run, vec![pair]).await?;
            Ok(see_other(address_of(&call, run, "/tags").to_string()))
        }
        Err(Error::Invalid(message)) => {
            let read = RunRead::of(&call).await?;
            let full = read.run()?;
            let view = View::new(&call, &read, &full);
            let mistake = Some(message);
            tags_page(&view, 400, &TagForm { key, value, mistake })
        }
        Err(error) => Err(error),
    }
}

fn pair(key: &str, value: &str) -> Result<Pair> {
    if key.is_empty() {
        return Err(missing("key"));
    }
    RUN_TAG.validate_key("key", key)?;
    RUN_TAG.ensure_removable(key)?;
    Ok((key.to_owned(), RUN_TAG.stored_value(|| "value".to_owned(), key, value)?))
}

/// Logs tags to a run, all or nothing. A CI job that they name is looked up at once.
pub async fn log(run: RunId, tags: Vec<Pair>) -> Result<()> {
    let now_ms = now_ms();
    let of_job = tags.iter().any(|(key, _)| names_job(key));
    let batch = Batch {
        tags,
        ..Batch::default()
    };
    runs::log(run, &batch, now_ms).await?;
    if of_job {
        job_lookups::first_try(&[JobTarget::Run(run)], now_ms).await;
    }
    Ok(())
}

/// Removes a tag, and shows all.
pub async fn delete(call: Call<'_>) -> Result<Answer> {
    let run = run_id(&call)?;
    let key = call.params.required_text("key")?;
    RUN_TAG.ensure_removable(key)?;
    runs::delete_tag(run, key, now_ms()).await?;
    Ok(see_other(address_of(&call, run, "/tags").to_string()))
}
