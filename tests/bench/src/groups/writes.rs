//! The requests of a training run: runs, metrics, params, tags, batches.

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use crate::client::{Call, Target};
use crate::fixture::{FIRST_START_MS, Fixture, metric_value};
use crate::numbers::whole;
use crate::scenario::{Bound, Scenario, Turn};

/// Number of runs that are logged to. Params are spread over all of them, since a run has tens of params, not
/// thousands.
const RUNS: u64 = 512;
/// Number of steps, and of keys, that one measurement may use.
const SERIES_STEPS: u64 = 100_000_000;
/// The keys of the metrics that a batch logs at each of its steps.
const BATCH_KEYS: [&str; 10] = [
    "metric-0", "metric-1", "metric-2", "metric-3", "metric-4", "metric-5", "metric-6", "metric-7", "metric-8",
    "metric-9",
];

/// The scenarios of the group.
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

/// Logs one point of a metric of a run, one step after the previous request.
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

/// Logs a key that is new to its run. Each request goes to another run than the previous one.
fn log_param(fixture: &Fixture, turn: &Turn) -> Call {
    let run = turn.worker + usize::try_from(turn.round).unwrap_or_default() * 37;
    let key = format!("p-{}-{}-{}", turn.series, turn.worker, turn.round);
    let body = json!({"run_id": fixture.run(run), "key": key, "value": "0.001"});
    fixture.target.post("runs/log-parameter", &body)
}

/// Overwrites one of ten tags of a run with another value.
fn set_tag(fixture: &Fixture, turn: &Turn) -> Call {
    let body = json!({
        "run_id": fixture.run(turn.worker),
        "key": format!("tag-{}", turn.round % 10),
        "value": format!("value-{}", step(turn)),
    });
    fixture.target.post("runs/set-tag", &body)
}

/// Logs ten metrics with this number of new steps each.
fn log_batch(fixture: &Fixture, turn: &Turn, steps: u64) -> Call {
    let first = step(turn) * steps;
    let batch = Batch {
        run_id: fixture.run(turn.worker),
        metrics: (first..first + steps).flat_map(points).collect(),
    };
    fixture.target.post("runs/log-batch", &batch)
}

/// A batch that is serialized without a tree of values, which would cost the client as much as the request
/// costs the server.
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

/// The number of a request among all requests of its worker.
fn step(turn: &Turn) -> u64 {
    turn.series * SERIES_STEPS + turn.round
}
