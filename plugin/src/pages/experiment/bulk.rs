//! Changes of several chosen runs: all of them change, or none. A page asks before each change.

use maud::{Markup, html};

use super::cell::shortened;
use super::details::tag_fields;
use super::head::{Head, Tab};
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::lifecycle::Stage;
use crate::domain::pair::RUN_TAG;
use crate::domain::run::NAME_TAG;
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::pages::parts::{Question, back_query};
use crate::pages::{Page, ensure_may_write, form_token, see_other};
use crate::request::call::Call;
use crate::request::params::Params;
use crate::request::response::Answer;
use crate::request::site::Site;
use crate::store::runs;
use crate::store::runs::read;

/// Largest number of runs that are changed together.
const RUNS_MAX: usize = 100;
/// Largest number of runs whose names a question shows.
const NAMES_MAX: usize = 20;

/// The runs that a reader chose, and the page to which a change comes back.
struct Chosen<'a> {
    experiment: ExperimentId,
    runs: Vec<RunId>,
    /// The query of the table from which they were chosen.
    back: &'a str,
}

impl<'a> Chosen<'a> {
    fn of(params: &Params<'a>) -> Result<Self> {
        let asked = params.texts("run")?;
        if asked.len() > RUNS_MAX {
            return Err(Error::Invalid(format!(
                "{} runs: at most {RUNS_MAX} are changed together",
                asked.len()
            )));
        }
        let mut runs = asked.into_iter().map(RunId::parse).collect::<Result<Vec<_>>>()?;
        runs.sort_unstable();
        runs.dedup();
        Ok(Chosen {
            experiment: ExperimentId::parse(params.required_text("experiment_id")?)?,
            runs,
            back: back_query(params)?,
        })
    }

    fn address(&self, site: &Site, below: &str) -> String {
        site.page(&format!("experiments/{}{below}", self.experiment))
    }

    /// The address of the table from which the runs were chosen.
    fn table(&self, site: &Site) -> String {
        let table = self.address(site, "");
        match self.back {
            "" => table,
            back => format!("{table}?{back}"),
        }
    }

    /// The fields of a form that changes these runs.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let runs = self.runs.iter().map(|run| ("run", run.to_string()));
        runs.chain([("back", self.back.to_owned())]).collect()
    }

    /// The names of the first runs, in a line.
    async fn names(&self) -> Result<Markup> {
        let first = self.runs.get(..NAMES_MAX).unwrap_or(&self.runs);
        let read = read::read_some(first).await?;
        let names = read.iter().map(|run| run.map(|run| shortened(&run.run.name)));
        let names = names.collect::<Result<Vec<_>>>()?;
        Ok(html! {
            @for (index, name) in names.iter().enumerate() { @if index > 0 { ", " } bdi { (name) } }
            @if self.runs.len() > names.len() { ", …" }
        })
    }
}

/// The page that says that no run was chosen.
fn none_chosen(page: &Page<'_>, chosen: &Chosen<'_>, site: &Site) -> Answer {
    let own = &page.words.experiment_page;
    let main = html! {
        div.head { div { h1 { (own.none_chosen) } } }
        p { (own.none_chosen_text) }
        br;
        p.row { a.btn.pri href=(chosen.table(site)) { (own.back_to_runs) } }
    };
    page.answer_with(400, &main)
}

/// Asks before the deletion of runs.
pub async fn ask_deletion(call: Call<'_>) -> Result<Answer> {
    ask(&call, Stage::Deleted).await
}

/// Asks before runs are restored.
pub async fn ask_restoration(call: Call<'_>) -> Result<Answer> {
    ask(&call, Stage::Active).await
}

async fn ask(call: &Call<'_>, stage: Stage) -> Result<Answer> {
    ensure_may_write(call)?;
    let chosen = Chosen::of(&call.params)?;
    let page = Head::read(chosen.experiment).await?.page(call, Tab::Details);
    if chosen.runs.is_empty() {
        return Ok(none_chosen(&page, &chosen, call.site));
    }
    let (own, common) = (&page.words.experiment_page, &page.words.common);
    let (title, text, button, below) = match stage {
        Stage::Deleted => (own.delete_runs, own.delete_runs_text, common.delete, "/runs/delete"),
        Stage::Active => (own.restore_runs, own.restore_runs_text, common.restore, "/runs/restore"),
    };
    let question = Question {
        title,
        consequence: html! { (chosen.names().await?) br; (text) },
        button,
        action: chosen.address(call.site, below),
        fields: chosen.fields(),
        back: chosen.table(call.site),
    };
    Ok(question.answer(&page))
}

/// Deletes runs softly.
pub async fn delete(call: Call<'_>) -> Result<Answer> {
    set_stage(&call, Stage::Deleted).await
}

/// Restores runs.
pub async fn restore(call: Call<'_>) -> Result<Answer> {
    set_stage(&call, Stage::Active).await
}

async fn set_stage(call: &Call<'_>, stage: Stage) -> Result<Answer> {
    let chosen = Chosen::of(&call.params)?;
    runs::set_stage_of_all(&chosen.runs, stage, now_ms()).await?;
    Ok(see_other(chosen.table(call.site)))
}

/// Shows the form that sets a tag of runs.
pub async fn ask_tag(call: Call<'_>) -> Result<Answer> {
    ensure_may_write(&call)?;
    let chosen = Chosen::of(&call.params)?;
    tag_form(&call, &chosen, ("", ""), None).await
}

async fn tag_form(call: &Call<'_>, chosen: &Chosen<'_>, tag: (&str, &str), mistake: Option<&str>) -> Result<Answer> {
    let page = Head::read(chosen.experiment).await?.page(call, Tab::Details);
    if chosen.runs.is_empty() {
        return Ok(none_chosen(&page, chosen, call.site));
    }
    let own = &page.words.experiment_page;
    let main = html! {
        div.head { div { h1 { (own.tag_runs) } p { (chosen.names().await?) } p.mut { (own.tag_runs_text) } } }
        form method="post" action=(chosen.address(call.site, "/runs/tag")) {
            (form_token(call.site))
            @for (name, value) in chosen.fields() { input type="hidden" name=(name) value=(value); }
            (tag_fields(call, tag.0, tag.1, mistake))
            p.row {
                button.btn.pri { (own.set_tag) }
                a.btn href=(chosen.table(call.site)) { (page.words.common.cancel) }
            }
        }
    };
    Ok(page.answer_with(if mistake.is_some() { 400 } else { 200 }, &main))
}

/// Sets a tag of runs.
pub async fn set_tag(call: Call<'_>) -> Result<Answer> {
    let chosen = Chosen::of(&call.params)?;
    let text = |name| call.params.text(name).map(Option::unwrap_or_default);
    let (key, value) = (text("key")?.trim(), text("value")?);
    match set(&chosen.runs, key, value).await {
        Ok(()) => Ok(see_other(chosen.table(call.site))),
        Err(Error::Invalid(message)) => tag_form(&call, &chosen, (key, value), Some(&message)).await,
        Err(error) => Err(error),
    }
}

async fn set(runs: &[RunId], key: &str, value: &str) -> Result<()> {
    RUN_TAG.validate_key("key", key)?;
    RUN_TAG.ensure_removable(key)?;
    let value = RUN_TAG.stored_value(|| "value".to_owned(), key, value)?;
    if key == NAME_TAG && value.is_empty() {
        return Err(Error::Invalid(format!(
            "The tag '{NAME_TAG}' is the run's name: it must not be empty."
        )));
    }
    runs::set_tag_of_all(runs, &(key.to_owned(), value), now_ms()).await
}
