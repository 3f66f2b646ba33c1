//! The deletion of chosen traces. A page asks before it.

use maud::html;
use mlforge_ui::words::fill;

use super::{address_of, facts};
use crate::domain::id::ExperimentId;
use crate::domain::trace::id::TraceId;
use crate::error::{Error, Result};
use crate::pages::experiment::head::{Head, Tab};
use crate::pages::parts::{Question, back_query};
use crate::pages::{ensure_may_write, see_other};
use crate::request::call::Call;
use crate::request::params::Params;
use crate::request::response::Answer;
use crate::request::site::Site;
use crate::store::traces::{delete as deletion, read};

/// Largest number of traces that are chosen together.
const CHOSEN_MAX: usize = 100;
/// Largest number of traces whose names a question shows.
const NAMES_MAX: usize = 20;

/// The traces that a reader chose, and the table to which a change comes back.
pub(super) struct Chosen<'a> {
    pub(super) experiment: ExperimentId,
    pub(super) traces: Vec<TraceId>,
    back: &'a str,
}

impl<'a> Chosen<'a> {
    /// Reads a request. A text that is no id names no trace.
    pub(super) fn of(params: &Params<'a>) -> Result<Self> {
        let asked = params.texts("trace")?;
        if asked.len() > CHOSEN_MAX {
            let count = asked.len();
            return Err(Error::Invalid(format!(
                "{count} traces: at most {CHOSEN_MAX} are changed together"
            )));
        }
        let mut traces: Vec<TraceId> = Vec::new();
        for text in asked {
            let id = TraceId::find(text)?;
            if !traces.contains(&id) {
                traces.push(id);
            }
        }
        Ok(Chosen {
            experiment: ExperimentId::parse(params.required_text("experiment_id")?)?,
            traces,
            back: back_query(params)?,
        })
    }

    /// The address of the table from which the traces were chosen.
    pub(super) fn table(&self, site: &Site) -> String {
        let table = address_of(site, self.experiment, "/traces");
        match self.back {
            "" => table,
            back => format!("{table}?{back}"),
        }
    }
}

/// Asks before the deletion of traces.
pub async fn ask(call: Call<'_>) -> Result<Answer> {
    ensure_may_write(&call)?;
    let chosen = Chosen::of(&call.params)?;
    let words = call.site.words();
    let page = Head::read(chosen.experiment).await?.page(&call, Tab::Details);
    if chosen.traces.is_empty() {
        let main = html! {
            div.head { div { h1 { (words.traces.none_chosen) } } }
            p { (words.traces.none_chosen_text) }
            br;
            p.row { a.btn.pri href=(chosen.table(call.site)) { (words.traces.back_to_traces) } }
        };
        return Ok(page.answer_with(400, &main));
    }
    let first = chosen.traces.get(..NAMES_MAX).unwrap_or(&chosen.traces);
    let named = read::all(first).await?;
    let names: Vec<String> = named.iter().flatten().map(facts::name_of).collect();
    let rest = chosen.traces.len() - first.len();
    let fields = chosen.traces.iter().map(|id| ("trace", id.to_string()));
    let question = Question {
        title: words.traces.delete_question,
        consequence: html! {
            @for (index, name) in names.iter().enumerate() { @if index > 0 { ", " } bdi { (name) } }
            @if rest > 0 { " " (fill(words.traces.and_more, &[&rest.to_string()])) }
            br;
            (words.traces.delete_consequence)
        },
        button: words.common.delete,
        action: address_of(call.site, chosen.experiment, "/traces/delete"),
        fields: fields.chain([("back", chosen.back.to_owned())]).collect(),
        back: chosen.table(call.site),
    };
    Ok(question.answer(&page))
}

/// Deletes traces for good, with their spans and files.
pub async fn delete(call: Call<'_>) -> Result<Answer> {
    let chosen = Chosen::of(&call.params)?;
    deletion::by_ids(chosen.experiment, &chosen.traces).await?;
    Ok(see_other(chosen.table(call.site)))
}
