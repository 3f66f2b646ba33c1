//! The changes of an experiment. Each leads to the page that shows it; a mistake is shown at its form.

use maud::html;
use mlforge_ui::words::fill;

use super::details::{self, Form, Refused};
use super::head::{Head, NOTE_TAG, Tab};
use crate::domain::id::ExperimentId;
use crate::domain::lifecycle::Stage;
use crate::domain::name::validate_experiment_name;
use crate::domain::pair::EXPERIMENT_TAG;
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::pages::parts::Question;
use crate::pages::{ensure_may_write, see_other};
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::store::experiments;

fn id(call: &Call<'_>) -> Result<ExperimentId> {
    ExperimentId::parse(call.params.required_text("experiment_id")?)
}

/// The page after a change. A change that the rules refuse is shown with its form again.
async fn after(
    call: &Call<'_>,
    id: ExperimentId,
    changed: Result<()>,
    form: Form,
    texts: (&str, &str),
) -> Result<Answer> {
    match changed {
        Ok(()) => Ok(see_other(call.site.page(&format!("experiments/{id}/details")))),
        Err(Error::Invalid(message) | Error::AlreadyExists(message)) => {
            let refused = Refused {
                form,
                message: &message,
                text: texts.0,
                key: texts.1,
            };
            Ok(details::answer(call, &Head::read(id).await?, Some(&refused)))
        }
        Err(error) => Err(error),
    }
}

/// Renames an experiment.
pub async fn rename(call: Call<'_>) -> Result<Answer> {
    let id = id(&call)?;
    let name = call.params.text("name")?.unwrap_or_default().trim();
    let changed = match validate_experiment_name("name", name) {
        Ok(()) => experiments::rename(id, name, now_ms()).await,
        Err(error) => Err(error),
    };
    after(&call, id, changed, Form::Name, (name, "")).await
}

/// Changes the note. Browsers send line breaks as two characters.
pub async fn set_note(call: Call<'_>) -> Result<Answer> {
    let id = id(&call)?;
    let note = call.params.text("note")?.unwrap_or_default().replace("\r\n", "\n");
    let changed = set(id, NOTE_TAG, note.trim_end()).await;
    after(&call, id, changed, Form::Note, (&note, "")).await
}

/// Sets a tag.
pub async fn set_tag(call: Call<'_>) -> Result<Answer> {
    let id = id(&call)?;
    let text = |name| call.params.text(name).map(Option::unwrap_or_default);
    let (key, value) = (text("key")?.trim(), text("value")?);
    let changed = set(id, key, value).await;
    after(&call, id, changed, Form::Tag, (value, key)).await
}

async fn set(id: ExperimentId, key: &str, value: &str) -> Result<()> {
    EXPERIMENT_TAG.validate_key("key", key)?;
    let value = EXPERIMENT_TAG.stored_value(|| "value".to_owned(), key, value)?;
    experiments::set_tag(id, key, &value, now_ms()).await
}

/// Removes a tag. One that is gone already needs no removal.
pub async fn delete_tag(call: Call<'_>) -> Result<Answer> {
    let id = id(&call)?;
    let key = call.params.required_text("key")?;
    let removed = match experiments::delete_tag(id, key, now_ms()).await {
        Err(Error::NotFound(_)) => Ok(()),
        removed => removed,
    };
    after(&call, id, removed, Form::Tag, ("", key)).await
}

/// Asks before the deletion of an experiment.
pub async fn ask_deletion(call: Call<'_>) -> Result<Answer> {
    ensure_may_write(&call)?;
    let head = Head::read(id(&call)?).await?;
    let page = head.page(&call, Tab::Details);
    let own = &page.words.experiment_page;
    let question = Question {
        title: &fill(own.delete_question, &[&head.experiment.name]),
        consequence: html! { (own.delete_consequence) },
        button: page.words.common.delete,
        action: head.address(call.site, "/delete"),
        fields: Vec::new(),
        back: head.address(call.site, ""),
    };
    Ok(question.answer(&page))
}

/// Deletes an experiment softly, and leads to the trash.
pub async fn delete(call: Call<'_>) -> Result<Answer> {
    experiments::set_stage(id(&call)?, Stage::Deleted, now_ms()).await?;
    Ok(see_other(call.site.page("trash")))
}

/// Restores an experiment, and shows it.
pub async fn restore(call: Call<'_>) -> Result<Answer> {
    let id = id(&call)?;
    experiments::set_stage(id, Stage::Active, now_ms()).await?;
    Ok(see_other(call.site.page(&format!("experiments/{id}"))))
}
