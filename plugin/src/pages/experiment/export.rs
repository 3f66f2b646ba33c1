//! The runs that an experiment's page shows, as a file: the same runs and columns, with full values.

use serde_json::{Map, Value};

use super::asked::Asked;
use super::cell::Cell;
use super::column::{Column, Field};
use super::found::{self, Shown};
use crate::domain::run::FullRun;
use crate::error::Result;
use crate::host::clock::now_ms;
use crate::pages::csv::{cell, line};
use crate::request::call::Call;
use crate::request::response::{Answer, Contents};
use crate::search::runs::RunFilter;
use crate::store::experiments;

/// The columns before the chosen ones, besides the id.
const FIRST: [Column; 2] = [Column::Field(Field::Name), Column::Field(Field::Status)];
/// The name of the column with the id.
const ID: &str = "run_id";

/// Sends the shown runs as CSV, a line for each.
pub async fn csv(call: Call<'_>) -> Result<Answer> {
    let asked = Asked::of(&call.params)?;
    let found = found(&asked).await?;
    let shown = found.shown(&asked)?;
    let mut text = line(names(&shown).iter().map(|name| cell(name)));
    for run in &shown.runs {
        let cells = cells(run, &shown);
        let cells = cells.iter().map(|(_, value)| cell(&value.full()));
        text.push_str(&line(std::iter::once(run.run.id.to_string()).chain(cells)));
    }
    Ok(file(&asked, "text/csv; charset=utf-8", "csv", text.into_bytes()))
}

/// Sends the shown runs as JSON: the columns, the runs with a value for each, and the token of the next page.
pub async fn json(call: Call<'_>) -> Result<Answer> {
    let asked = Asked::of(&call.params)?;
    let found = found(&asked).await?;
    let shown = found.shown(&asked)?;
    let runs = shown.runs.iter().map(|run| {
        let id = (ID.to_owned(), Value::from(run.run.id.to_string()));
        let cells = cells(run, &shown)
            .into_iter()
            .map(|(name, cell)| (name, json_value(&cell)));
        Value::Object(std::iter::once(id).chain(cells).collect())
    });
    let runs: Vec<Value> = runs.collect();
    let mut body = Map::new();
    body.insert("columns".to_owned(), names(&shown).into());
    body.insert("runs".to_owned(), runs.into());
    if let Some(next) = &shown.next {
        body.insert("next_page_token".to_owned(), next.as_str().into());
    }
    let text = serde_json::to_vec(&body).unwrap_or_default();
    Ok(file(&asked, "application/json", "json", text))
}

async fn found(asked: &Asked<'_>) -> Result<found::Found> {
    let experiment = experiments::load(asked.experiment).await?.experiment;
    let filter = RunFilter::parse(asked.filter)?;
    found::find(asked, filter, asked.view_of(experiment.lifecycle.stage)).await
}

/// The columns besides the id. A drawing is not among them.
fn columns<'a>(shown: &'a Shown<'_>) -> impl Iterator<Item = &'a Column> {
    let columns = FIRST.iter().chain(&shown.columns);
    columns.filter(|column| !matches!(column, Column::Sparkline(_)))
}

/// The names of all columns.
fn names(shown: &Shown<'_>) -> Vec<String> {
    std::iter::once(ID.to_owned())
        .chain(columns(shown).map(Column::name))
        .collect()
}

/// The values of a run besides its id, with their columns.
fn cells<'a>(run: &'a FullRun<'_>, shown: &Shown<'_>) -> Vec<(String, Cell<'a>)> {
    let now_ms = now_ms();
    columns(shown)
        .map(|column| (column.name(), Cell::of(column, run, now_ms)))
        .collect()
}

/// An absent value is null. NaN and infinities are texts, as in MLflow's answers.
fn json_value(cell: &Cell<'_>) -> Value {
    match cell {
        Cell::Absent => Value::Null,
        Cell::Metric(value) => serde_json::Number::from_f64(*value).map_or_else(|| cell.full().into(), Value::Number),
        Cell::Duration(ms) => Value::from(seconds(*ms)),
        Cell::Text(_) | Cell::Time(_) | Cell::Link { .. } => cell.full().into(),
    }
}

/// Milliseconds as seconds. A duration that does not fit exactly lasts for 285,000 years.
#[allow(clippy::cast_precision_loss)]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

fn file(asked: &Asked<'_>, kind: &'static str, ending: &str, bytes: Vec<u8>) -> Answer {
    let name = format!("attachment; filename=\"experiment-{}-runs.{ending}\"", asked.experiment);
    let headers = vec![
        ("content-disposition", name),
        ("x-content-type-options", "nosniff".to_owned()),
        ("cache-control", "private, no-cache".to_owned()),
    ];
    Answer::file(kind, headers, Contents::Whole(bytes))
}
