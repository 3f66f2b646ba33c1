//! GraphQL, as MLflow's own web pages ask it: four operations, each answered by its name.
//!
//! The text of a query is not read. So each answer has every field that some version of the pages selects.

mod run;
mod types;

use serde::Serialize;

use self::run::RunReader;
use self::types::{Experiment, HistoryPoint};
use super::{json, metrics, runs, write_json};
use crate::domain::id::{ExperimentId, RunId};
use crate::error::{Error, Result};
use crate::request::call::Call;
use crate::request::params::Params;
use crate::store::experiments;
use crate::store::runs::read;
use crate::store::search;

/// The largest number of runs in an answer. The pages show one of them.
const RUNS_MAX: i64 = 100;

/// The size in bytes after which no further run is added to an answer.
const RUNS_BYTES: usize = 32 << 20;

/// An operation that the pages ask for.
struct Operation {
    /// Its name in the request.
    name: &'static str,
    /// The variable with its input.
    variable: &'static str,
    /// The field of `data` with its result.
    field: &'static str,
    /// The type of its result.
    kind: &'static str,
    /// The field of the result besides the error.
    result: &'static str,
}

const GET_EXPERIMENT: Operation = Operation {
    name: "MlflowGetExperimentQuery",
    variable: "input",
    field: "mlflowGetExperiment",
    kind: "MlflowGetExperimentResponse",
    result: "experiment",
};
const GET_RUN: Operation = Operation {
    name: "GetRun",
    variable: "data",
    field: "mlflowGetRun",
    kind: "MlflowGetRunResponse",
    result: "run",
};
const SEARCH_RUNS: Operation = Operation {
    name: "SearchRuns",
    variable: "data",
    field: "mlflowSearchRuns",
    kind: "MlflowSearchRunsResponse",
    result: "runs",
};
const GET_HISTORIES: Operation = Operation {
    name: "GetMetricHistoryBulkInterval",
    variable: "data",
    field: "mlflowGetMetricHistoryBulkInterval",
    kind: "MlflowGetMetricHistoryBulkIntervalResponse",
    result: "metrics",
};

/// Answers an operation. All operations read.
pub async fn answer(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    match params.text("operation_name")?.unwrap_or_default() {
        name if name == GET_EXPERIMENT.name => {
            let found = experiment(params).await;
            GET_EXPERIMENT.answer(found)
        }
        name if name == GET_RUN.name => {
            let found = run(params).await;
            GET_RUN.answer(found)
        }
        name if name == SEARCH_RUNS.name => {
            let found = found_runs(params).await;
            SEARCH_RUNS.answer(found)
        }
        name if name == GET_HISTORIES.name => {
            let found = histories(params).await;
            GET_HISTORIES.answer(found)
        }
        other => json(&Refusal::of(other)),
    }
}

/// The answer to an operation that is not known.
#[derive(Serialize)]
struct Refusal {
    data: Option<()>,
    errors: [Message; 1],
}

#[derive(Serialize)]
struct Message {
    message: String,
}

impl Refusal {
    fn of(name: &str) -> Self {
        let known = [GET_EXPERIMENT, GET_RUN, SEARCH_RUNS, GET_HISTORIES].map(|operation| operation.name);
        let message = format!(
            "Unknown value '{name}' of 'operationName': this server knows the operations {}.",
            known.join(", ")
        );
        Refusal {
            data: None,
            errors: [Message { message }],
        }
    }
}

/// The mistake of a caller, as a part of a result.
#[derive(Serialize)]
#[serde(tag = "__typename", rename_all = "camelCase")]
struct ApiError<'a> {
    code: &'static str,
    message: &'a str,
    help_url: Option<&'a str>,
}

impl Operation {
    /// The input of the operation.
    fn input<'a>(&self, params: &Params<'a>) -> Result<Params<'a>> {
        params.required_object("variables")?.required_object(self.variable)
    }

    /// The answer with a result, which is JSON. A mistake of the caller is a part of the answer.
    fn answer(&self, found: Result<Vec<u8>>) -> Result<Vec<u8>> {
        let (error, result) = match found {
            Ok(result) => (b"null".to_vec(), result),
            Err(Error::Invalid(message)) => (api_error("INVALID_PARAMETER_VALUE", &message)?, b"null".to_vec()),
            Err(Error::NotFound(message)) => (api_error("RESOURCE_DOES_NOT_EXIST", &message)?, b"null".to_vec()),
            Err(other) => return Err(other),
        };
        let start = format!(
            "{{\"data\":{{\"{}\":{{\"__typename\":\"{}\",\"apiError\":",
            self.field, self.kind
        );
        let mut body = start.into_bytes();
        body.extend_from_slice(&error);
        body.extend_from_slice(format!(",\"{}\":", self.result).as_bytes());
        body.extend_from_slice(&result);
        body.extend_from_slice(b"}}}");
        Ok(body)
    }
}

fn api_error(code: &'static str, message: &str) -> Result<Vec<u8>> {
    json(&ApiError {
        code,
        message,
        help_url: None,
    })
}

async fn experiment(params: &Params<'_>) -> Result<Vec<u8>> {
    let input = GET_EXPERIMENT.input(params)?;
    let id = ExperimentId::parse(input.required_text("experiment_id")?)?;
    let stored = experiments::load(id).await?;
    let tags = experiments::tags(&[id]).await?.pop().unwrap_or_default();
    json(&Experiment::new(&stored.experiment, &tags))
}

async fn run(params: &Params<'_>) -> Result<Vec<u8>> {
    let id = runs::run_id(&GET_RUN.input(params)?)?;
    let read = read::read_some(&[id]).await?;
    let full = read.iter().next().ok_or_else(|| id.not_found())??;
    let mut body = Vec::new();
    RunReader::default().write(&mut body, &full).await?;
    Ok(body)
}

/// Searches runs. The pages ask for no token, so there is no next page.
async fn found_runs(params: &Params<'_>) -> Result<Vec<u8>> {
    let search = runs::search_of(&SEARCH_RUNS.input(params)?, RUNS_MAX)?;
    let found = search::find(&search.within, &search.query).await?;
    let ids: Vec<RunId> = found.items.iter().map(|hit| hit.id).collect();
    let (mut reader, mut body, mut done) = (RunReader::default(), b"[".to_vec(), 0);
    while body.len() < RUNS_BYTES
        && let Some(rest) = ids.get(done..).filter(|rest| !rest.is_empty())
    {
        let read = read::read_some(rest).await?;
        done += read.looked_at.max(1);
        for full in read.iter() {
            if body.len() > 1 {
                body.push(b',');
            }
            reader.write(&mut body, &full?).await?;
            if body.len() >= RUNS_BYTES {
                break;
            }
        }
    }
    body.push(b']');
    Ok(body)
}

async fn histories(params: &Params<'_>) -> Result<Vec<u8>> {
    let (key, points) = metrics::sample(&GET_HISTORIES.input(params)?).await?;
    let mut body = b"[".to_vec();
    for (run, point) in points {
        if body.len() > 1 {
            body.push(b',');
        }
        write_json(&mut body, &HistoryPoint::new(key, run, point))?;
    }
    body.push(b']');
    Ok(body)
}
