//! What a training run sends: runs, metrics, params, tags, batches.

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use crate::client::{Call, Target};
use crate::fixture::{FIRST_START_MS, Fixture, metric_value};
use crate::numbers::whole;
use crate::scenario::{Bound, Scenario, Turn};

/// Runs that are logged to. Params go round all of them, for a run has tens of params, not thousands.
const RUNS: u64 = 512;
/// Steps, and numbers of keys, that a measurement has for itself.
const SERIES_STEPS: u64 = 100_000_000;
/// Metrics that a batch has for each of its steps.
const BATCH_KEYS: [&str; 10] = [
    "metric-0", "metric-1", "metric-2", "metric-3", "metric-4", "metric-5", "metric-6", "metric-7", "metric-8",
    "metric-9",
];

/// The table.
pub(super) static SCENARIOS: &[Scenario] = &[
    Scenario {
        expected: |fixture| {
            vec![
                ("/run/info/run_id", 32),
                ("/run/info/experiment_id", whole(fixture.experiment.len())),
            ]
        },
        ..Scenario::new("create_run", Bound::Flush, create_run)
    },
    Scenario {
        has_native: true,
        ..Scenario::new("log_metric", Bound::Flush, |fixture, turn| {
            log_metric(fixture, turn, turn.worker)
        })
    },
    Scenario::new("log_metric_shared", Bound::Flush, |fixture, turn| {
        log_metric(fixture, turn, 0)
    }),
    Scenario::new("log_param", Bound::Flush, log_param),
    Scenario::new("set_tag", Bound::Flush, set_tag),
    Scenario::new("log_batch_10", Bound::Flush, |fixture, turn| {
        log_batch(fixture, turn, 1)
    }),
    Scenario::new("log_batch_1000", Bound::Flush, |fixture, turn| {
        log_batch(fixture, turn, 100)
    }),
];

/// An experiment with empty runs.
pub(super) async fn prepare(target: &Target) -> Result<Fixture> {
    let mut fixture = Fixture::with_experiment(target, "writes").await?;
    fixture.add_runs(RUNS).await?;
    Ok(fixture)
}

/// One point of a metric of a run, one step after the one before.
pub(crate) fn log_metric(fixture: &Fixture, turn: &Turn, run: usize) -> Call {
    let step = step(turn);
    let body = json!({
        "run_id": fixture.run(run),
        "key": "loss",
        "value": metric_value(step, 0),
        "timestamp": FIRST_START_MS + step,
        "step": step,
    });
    fixture.target.post("runs/log-metric", &body)
}

fn create_run(fixture: &Fixture, turn: &Turn) -> Call {
    let body = json!({
        "experiment_id": fixture.experiment,
        "user_id": "bench",
        "run_name": format!("made-{}-{}", turn.worker, step(turn)),
        "start_time": FIRST_START_MS + step(turn),
        "tags": [
            {"key": "mlflow.user", "value": "bench"},
            {"key": "mlflow.source.name", "value": "train.py"},
            {"key": "mlflow.source.type", "value": "LOCAL"},
        ],
    });
    fixture.target.post("runs/create", &body)
}

/// A key that is new to its run; each request goes to another run than the one before.
fn log_param(fixture: &Fixture, turn: &Turn) -> Call {
    let run = turn.worker + usize::try_from(turn.round).unwrap_or_default() * 37;
    let key = format!("p-{}-{}-{}", turn.series, turn.worker, turn.round);
    let body = json!({"run_id": fixture.run(run), "key": key, "value": "0.001"});
    fixture.target.post("runs/log-parameter", &body)
}

/// One of ten tags of a run gets another value.
fn set_tag(fixture: &Fixture, turn: &Turn) -> Call {
    let body = json!({
        "run_id": fixture.run(turn.worker),
        "key": format!("tag-{}", turn.round % 10),
        "value": format!("value-{}", step(turn)),
    });
    fixture.target.post("runs/set-tag", &body)
}

/// Ten metrics with so many new steps each.
fn log_batch(fixture: &Fixture, turn: &Turn, steps: u64) -> Call {
    let first = step(turn) * steps;
    let batch = Batch {
        run_id: fixture.run(turn.worker),
        metrics: (first..first + steps).flat_map(points).collect(),
    };
    fixture.target.post("runs/log-batch", &batch)
}

/// Written without a tree of values, which would cost the client as much as the request costs the server.
#[derive(Serialize)]
struct Batch<'a> {
    run_id: &'a str,
    metrics: Vec<Point>,
}

#[derive(Serialize)]
struct Point {
    key: &'static str,
    value: f64,
    timestamp: u64,
    step: u64,
}

fn points(step: u64) -> impl Iterator<Item = Point> {
    (0..).zip(BATCH_KEYS).map(move |(number, key)| Point {
        key,
        value: metric_value(step, number),
        timestamp: FIRST_START_MS + step,
        step,
    })
}

/// The number of a request among all of its worker.
fn step(turn: &Turn) -> u64 {
    turn.series * SERIES_STEPS + turn.round
}
