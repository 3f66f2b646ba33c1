//! The form that changes a run's name and note.

use maud::html;

use super::head::{RunTab, head};
use super::tags::log;
use super::view::{NOTE, RunRead, View, address_of, run_id};
use crate::domain::experiment::Pair;
use crate::domain::name::missing;
use crate::domain::pair::RUN_TAG;
use crate::domain::run::NAME_TAG;
use crate::error::{Error, Result};
use crate::pages::{form_token, see_other};
use crate::request::call::Call;
use crate::request::response::Answer;

/// Shows the form.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    let read = RunRead::of(&call).await?;
    let full = read.run()?;
    let view = View::new(&call, &read, &full);
    let note = view.tag(NOTE).unwrap_or_default();
    Ok(form(&view, &view.full.run.name, note, None))
}

/// Changes name and note at once, and shows the run.
pub async fn save(call: Call<'_>) -> Result<Answer> {
    let run = run_id(&call)?;
    let name = call.params.text("name")?.unwrap_or_default().trim();
    // A browser sends the lines of a text with both signs.
    let note = call.params.text("note")?.unwrap_or_default().replace("\r\n", "\n");
    match changed(name, &note) {
        Ok(tags) => {
            log(run, tags).await?;
            Ok(see_other(address_of(&call, run, "").to_string()))
        }
        Err(Error::Invalid(message)) => {
            let read = RunRead::of(&call).await?;
            let full = read.run()?;
            let view = View::new(&call, &read, &full);
            Ok(form(&view, name, &note, Some(&message)))
        }
        Err(error) => Err(error),
    }
}

fn changed(name: &str, note: &str) -> Result<Vec<Pair>> {
    if name.is_empty() {
        return Err(missing("name"));
    }
    let pair = |key: &str, parameter: &str, value: &str| {
        let value = RUN_TAG.stored_value(|| parameter.to_owned(), key, value)?;
        Ok((key.to_owned(), value))
    };
    Ok(vec![pair(NAME_TAG, "name", name)?, pair(NOTE, "note", note)?])
}

fn form(view: &View<'_>, name: &str, note: &str, mistake: Option<&str>) -> Answer {
    let words = view.words;
    let main = html! {
        (head(view, RunTab::None))
        @if view.may_change() {
            form method="post" action=(view.address("")) {
                (form_token(view.call.site))
                @if let Some(mistake) = mistake { p.err #mistake role="alert" { bdi { (mistake) } } }
                div.field {
                    label for="name" { (words.common.name) }
                    input.wide #name name="name" value=(name) required autocomplete="off"
                        aria-invalid=[mistake.map(|_| "true")] aria-describedby=[mistake.map(|_| "mistake")];
                }
                div.field {
                    label for="note" { (words.runs.note) }
                    // The first line break of a text area is not part of its text.
                    textarea.full #note name="note" rows="12" maxlength="100000" { "\n" (note) }
                    p.small.mut { (words.runs.markdown_hint) }
                }
                p.row {
                    button.btn.pri { (words.common.save) }
                    a.btn href=(view.address("")) { (words.common.cancel) }
                    a.btn href=(view.address("/tags")) { (words.runs.change_tags) }
                }
            }
        }
    };
    let status = if mistake.is_some() { 400 } else { 200 };
    view.page(words.common.edit).answer_with(status, &main)
}
