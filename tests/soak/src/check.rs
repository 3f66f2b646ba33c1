//! Checks that compare the server's answers with the model.

mod files;
mod registry;
pub(crate) mod runs;
mod search;
mod traces;

use std::collections::BTreeMap;
use std::fmt::Debug;

use anyhow::{Context, bail, ensure};
use mlforge_bench::dice::Dice;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::api::{Api, Result, integer, list, pairs, text};
use crate::expected::{Expected, Experiment};
use crate::step::Piece;

/// Maximum number of pages of a list of the server.
const PAGES_MAX: usize = 100_000;

/// Checks a part of the objects that a caller made.
pub(crate) async fn piece(api: &mut Api, expected: &Expected, piece: &Piece) -> Result<()> {
    let last = |length: usize| length.checked_sub(1).context("nothing was made");
    match piece {
        Piece::Repeatable | Piece::GivenUp => Ok(()),
        Piece::Experiment(index) => experiment(api, expected, *index).await,
        Piece::Run(index) => runs::run(api, expected, *index).await,
        Piece::Files(run) => files::all(api, expected, *run).await,
        Piece::File(run, path) => files::one(api, expected, *run, path).await,
        Piece::Model(index) | Piece::NewVersion(index, _) => registry::model(api, expected, *index).await,
        Piece::Trace(index) => traces::trace(api, expected, *index).await,
        Piece::NewTrace(_) => traces::trace(api, expected, last(expected.traces.len())?).await,
        Piece::NewExperiment(_) => experiment(api, expected, last(expected.experiments.len())?).await,
        Piece::NewRun(..) => runs::run(api, expected, last(expected.runs.len())?).await,
        Piece::NewModel(_) => registry::model(api, expected, last(expected.models.len())?).await,
    }
}

/// Checks a random object, or the result of a random search.
pub(crate) async fn anything(api: &mut Api, expected: &Expected, dice: &mut Dice) -> Result<()> {
    let kind = dice.below(14);
    let index = |dice: &mut Dice, length: usize| dice.index(length);
    match kind {
        0 => {
            look(
                api,
                expected,
                index(dice, expected.experiments.len()).map(Piece::Experiment),
            )
            .await
        }
        1 => look(api, expected, index(dice, expected.runs.len()).map(Piece::Files)).await,
        2 => look(api, expected, index(dice, expected.models.len()).map(Piece::Model)).await,
        3 => experiments(api, expected, dice).await,
        4 => registry::models(api, expected, dice).await,
        5..8 => look(api, expected, index(dice, expected.runs.len()).map(Piece::Run)).await,
        8..10 => look(api, expected, index(dice, expected.traces.len()).map(Piece::Trace)).await,
        _ => search::runs(api, expected, dice).await,
    }
}

async fn look(api: &mut Api, expected: &Expected, chosen: Option<Piece>) -> Result<()> {
    match chosen {
        Some(chosen) => piece(api, expected, &chosen).await,
        None => Ok(()),
    }
}

/// Checks all objects that a caller made.
pub(crate) async fn everything(api: &mut Api, expected: &Expected, dice: &mut Dice) -> Result<()> {
    experiments(api, expected, dice).await?;
    registry::models(api, expected, dice).await?;
    for index in 0..expected.experiments.len() {
        experiment(api, expected, index).await?;
    }
    for index in 0..expected.models.len() {
        registry::model(api, expected, index).await?;
    }
    for index in 0..expected.traces.len() {
        traces::trace(api, expected, index).await?;
    }
    for index in 0..expected.runs.len() {
        runs::run(api, expected, index).await?;
        files::all(api, expected, index).await?;
    }
    Ok(())
}

/// Checks an experiment, by id and by name, and all runs in it.
async fn experiment(api: &mut Api, expected: &Expected, index: usize) -> Result<()> {
    let known = expected.experiments.get(index).context("no such experiment")?;
    let by_name = |name: &str| format!("experiments/get-by-name?experiment_name={}", encoded(name));
    let by_id = api.target.get(&format!("experiments/get?experiment_id={}", known.id));
    let by_name_call = api.target.get(&by_name(&known.name));
    for call in [by_id, by_name_call] {
        let answer = api.ask(call).await?;
        is_experiment(known, answer.pointer("/experiment").unwrap_or(&answer))?;
    }
    if let Some(former) = &known.former_name {
        let call = api.target.get(&by_name(former));
        api.miss(call).await?;
    }
    search::runs_of(api, expected, index).await
}

fn is_experiment(known: &Experiment, answer: &Value) -> anyhow::Result<()> {
    let what = format!("experiment {}", known.id);
    same(&what, "id", &text(answer, "/experiment_id")?, &known.id.as_str())?;
    same(&what, "name", &text(answer, "/name")?, &known.name.as_str())?;
    same(
        &what,
        "stage",
        &text(answer, "/lifecycle_stage")?,
        &stage(known.is_deleted),
    )?;
    same_map(&what, "tag", &pairs(answer, "/tags")?, &known.tags)?;
    integer(answer, "/creation_time")?;
    Ok(())
}

/// Checks the list of all experiments of the caller.
async fn experiments(api: &mut Api, expected: &Expected, dice: &mut Dice) -> Result<()> {
    let filter = format!("name LIKE '{}e%'", expected.prefix);
    let page_size = dice.within(1..=20);
    let found = api.ask_pages("/experiments", PAGES_MAX, |target, token| {
        let body = serde_json::json!({
            "filter": filter, "view_type": "ALL", "max_results": page_size, "page_token": token,
            "order_by": ["name ASC"],
        });
        target.post("experiments/search", &body)
    });
    let found = found.await?;
    let mut known: Vec<&Experiment> = expected.experiments.iter().collect();
    known.sort_by_key(|experiment| &experiment.name);
    same("experiments", "number", &found.len(), &known.len())?;
    for (known, found) in known.into_iter().zip(&found) {
        is_experiment(known, found)?;
    }
    Ok(())
}

/// Finds the object that an unanswered change would have made. Returns the answer of that change, as far as
/// it is needed. `None`: the object does not exist.
pub(crate) async fn find(api: &mut Api, expected: &Expected, piece: &Piece) -> Result<Option<Value>> {
    if let Piece::NewTrace(otel_id) = piece {
        return traces::find(api, otel_id).await;
    }
    let (call, list_of, one) = match piece {
        Piece::NewExperiment(name) => {
            let body = serde_json::json!({"filter": format!("name = '{name}'"), "view_type": "ALL", "max_results": 2});
            (api.target.post("experiments/search", &body), "/experiments", "")
        }
        Piece::NewRun(experiment, token) => {
            let id = expected.experiments.get(*experiment).map(|experiment| &experiment.id);
            let body = serde_json::json!({
                "experiment_ids": [id], "filter": format!("tags.token = '{token}'"), "run_view_type": "ALL",
            });
            (api.target.post("runs/search", &body), "/runs", "run")
        }
        Piece::NewModel(name) => {
            let filter = encoded(&format!("name = '{name}'"));
            (
                api.target.get(&format!("registered-models/search?filter={filter}")),
                "/registered_models",
                "registered_model",
            )
        }
        Piece::NewVersion(model, token) => {
            let name = expected.models.get(*model).map_or("", |model| &model.name);
            let filter = encoded(&format!("name = '{name}' AND tags.token = '{token}'"));
            (
                api.target.get(&format!("model-versions/search?filter={filter}")),
                "/model_versions",
                "model_version",
            )
        }
        _ => return Ok(None),
    };
    let answer = api.ask(call).await?;
    match list(&answer, list_of) {
        [] => Ok(None),
        [found] if one.is_empty() => Ok(Some(found.clone())),
        [found] => Ok(Some(serde_json::json!({one: found}))),
        _ => Err(anyhow::anyhow!("{piece:?} was made twice: {answer}").into()),
    }
}

/// The lifecycle stage, in MLflow's words.
fn stage(is_deleted: bool) -> &'static str {
    if is_deleted { "deleted" } else { "active" }
}

/// A text, encoded as a part of an address.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Checks that a property of an object is as expected.
pub(crate) fn same<T: PartialEq + Debug>(what: &str, of_it: &str, found: &T, expected: &T) -> anyhow::Result<()> {
    ensure!(
        found == expected,
        "{what}: {of_it} is {}, expected {}",
        brief(found),
        brief(expected)
    );
    Ok(())
}

/// Checks that several properties of an object, by key, are as expected.
fn same_map<T: PartialEq + Debug>(
    what: &str,
    of_it: &str,
    found: &BTreeMap<String, T>,
    expected: &BTreeMap<String, T>,
) -> anyhow::Result<()> {
    if found == expected {
        return Ok(());
    }
    for key in expected.keys().chain(found.keys()) {
        let (found, expected) = (found.get(key), expected.get(key));
        if found != expected {
            bail!(
                "{what}: {of_it} {key} is {}, expected {}",
                brief(&found),
                brief(&expected)
            );
        }
    }
    Ok(())
}

fn brief(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
