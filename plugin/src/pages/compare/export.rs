//! A comparison as a file: all of its rows, with values in full.

use mlforge_ui::chart::as_logged;
use mlforge_ui::number::full;
use serde_json::{Map, Value, json};

use super::asked::{Asked, RUNS_MAX};
use super::table::{Row, rows};
use crate::domain::metric::Point;
use crate::error::{Error, Result};
use crate::pages::columns::{self, Column};
use crate::pages::csv::{cell, line};
use crate::request::call::Call;
use crate::request::response::{Answer, Contents};

/// Largest number of bytes of all names and values of a file.
const BYTES_MAX: usize = 16 << 20;

/// Sends a comparison as CSV: a line for each param and each metric, with a column for each run.
pub async fn csv(call: Call<'_>) -> Result<Answer> {
    let asked = asked(&call)?;
    let columns = read(&asked).await?;
    let of_runs = |of: &dyn Fn(&Column) -> String| columns.iter().map(of).collect::<Vec<_>>();
    let head = |kind: &str, key: &str, cells: Vec<String>| line([kind.to_owned(), cell(key)].into_iter().chain(cells));
    let mut text = head("kind", "key", of_runs(&|column| column.id.to_string()));
    text.push_str(&head("run", "name", of_runs(&|column| cell(&column.name))));
    for row in rows(&asked, &columns) {
        text.push_str(&match row {
            Row::Param(key, values) => {
                let cells = values
                    .iter()
                    .map(|value| value.map_or_else(String::new, |value| cell(&value.text)));
                head("param", key, cells.collect())
            }
            Row::Metric(key, points) => {
                let cells = points
                    .iter()
                    .map(|point| point.map_or_else(String::new, |point| cell(&number(point))));
                head("metric", key, cells.collect())
            }
        });
    }
    Ok(file("text/csv; charset=utf-8", "csv", text.into_bytes()))
}

/// Sends a comparison as JSON: for each run its id, its name, and its params and metrics.
pub async fn json(call: Call<'_>) -> Result<Answer> {
    let asked = asked(&call)?;
    let columns = read(&asked).await?;
    let mut values: Vec<[Map<String, Value>; 2]> = columns.iter().map(|_| [Map::new(), Map::new()]).collect();
    for row in rows(&asked, &columns) {
        match row {
            Row::Param(key, texts) => {
                for ([params, _], text) in values.iter_mut().zip(texts) {
                    params.extend(text.map(|text| (key.to_owned(), Value::from(text.text.as_str()))));
                }
            }
            Row::Metric(key, points) => {
                for ([_, metrics], point) in values.iter_mut().zip(points) {
                    metrics.extend(point.map(|point| (key.to_owned(), json_number(point))));
                }
            }
        }
    }
    let runs = columns.iter().zip(values).map(|(column, [params, metrics])| {
        json!({"run_id": column.id.to_string(), "name": column.name, "params": params, "metrics": metrics})
    });
    let runs: Vec<Value> = runs.collect();
    let text = serde_json::to_vec(&json!({ "runs": runs })).unwrap_or_default();
    Ok(file("application/json", "json", text))
}

/// Reads the address. A file cannot say what it leaves out, so it leaves nothing out.
fn asked<'a>(call: &Call<'a>) -> Result<Asked<'a>> {
    let asked = Asked::of(&call.params)?;
    if let Some(unknown) = asked.unknown.first() {
        return Err(Error::Invalid(format!("'{unknown}' is not the id of a run.")));
    }
    if asked.runs.is_empty() || !asked.left_out.is_empty() {
        return Err(Error::Invalid(format!(
            "A comparison is of 1 to {RUNS_MAX} runs, each named as 'run=…'."
        )));
    }
    Ok(asked)
}

/// Reads the runs with whole values.
async fn read(asked: &Asked<'_>) -> Result<Vec<Column>> {
    let columns = columns::read_whole(&asked.runs).await?;
    let missing = asked
        .runs
        .iter()
        .find(|run| columns.iter().all(|column| column.id != **run));
    if let Some(run) = missing {
        return Err(run.not_found());
    }
    let params = columns.iter().flat_map(|column| &column.params);
    let metrics = columns.iter().flat_map(|column| column.metrics.keys());
    let bytes = params.map(|(key, value)| key.len() + value.text.len()).sum::<usize>()
        + metrics.map(|key| key.len() + 24).sum::<usize>();
    if bytes > BYTES_MAX {
        return Err(Error::TooLarge(format!(
            "The params and metrics of these runs have {bytes} bytes; a file of a comparison may have {BYTES_MAX}."
        )));
    }
    Ok(columns)
}

fn number(point: Point) -> String {
    full(as_logged(point.value))
}

/// A value as a number. NaN and infinities are texts, as in MLflow's answers.
fn json_number(point: Point) -> Value {
    let value = as_logged(point.value);
    serde_json::Number::from_f64(value).map_or_else(|| number(point).into(), Value::Number)
}

fn file(kind: &'static str, ending: &str, bytes: Vec<u8>) -> Answer {
    let headers = vec![
        (
            "content-disposition",
            format!("attachment; filename=\"comparison.{ending}\""),
        ),
        ("x-content-type-options", "nosniff".to_owned()),
        ("cache-control", "private, no-cache".to_owned()),
    ];
    Answer::file(kind, headers, Contents::Whole(bytes))
}
