//! Deleting and restoring a run.

use maud::html;
use mlforge_ui::words::fill;

use super::view::{RunRead, View, address_of, run_id};
use crate::domain::lifecycle::Stage;
use crate::error::Result;
use crate::host::clock::now_ms;
use crate::pages::parts::Question;
use crate::pages::see_other;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::store::runs;

/// Asks before a run is deleted.
pub async fn ask(call: Call<'_>) -> Result<Answer> {
    let read = RunRead::of(&call).await?;
    let full = read.run()?;
    let view = View::new(&call, &read, &full);
    let words = view.words;
    let question = Question {
        title: &fill(words.runs.delete_question, &[&view.full.run.name]),
        consequence: html! { (words.runs.delete_text) },
        button: words.common.delete,
        action: view.address("/delete").to_string(),
        fields: Vec::new(),
        back: view.address("").to_string(),
    };
    Ok(question.answer(&view.page(words.common.delete)))
}

/// Deletes a run, and shows it as deleted.
pub async fn delete(call: Call<'_>) -> Result<Answer> {
    set_stage(&call, Stage::Deleted).await
}

/// Restores a run, and shows it.
pub async fn restore(call: Call<'_>) -> Result<Answer> {
    set_stage(&call, Stage::Active).await
}

async fn set_stage(call: &Call<'_>, stage: Stage) -> Result<Answer> {
    let run = run_id(call)?;
    runs::set_stage(run, stage, now_ms()).await?;
    Ok(see_other(address_of(call, run, "").to_string()))
}
