//! Reads of one object: a run, an experiment, the history of a metric.

use anyhow::Result;
use serde_json::{Value, json};

use crate::client::{Call, Client, Target};
use crate::fixture::{FIRST_START_MS, Fixture, content_of, metric_value, text};
use crate::scenario::{Bound, Scenario, Turn};

/// Number of points of the metric whose history is read. They are logged in batches of 1,000.
const POINTS: u64 = 10_000;
/// Number of params, and of metrics, of the large run.
const LARGE: u64 = 1_000;
/// Maximum number of params of a batch.
const BATCH_PARAMS: u64 = 100;
/// Maximum number of metrics of a batch.
const BATCH_METRICS: u64 = 1_000;
/// The indices of the runs in the fixture.
const SMALL_RUN: usize = 0;
const LARGE_RUN: usize = 1;
const HISTORY_RUN: usize = 2;

/// The scenarios of the group.
pub(super) static SCENARIOS: &[Scenario] = &[
    Scenario {
        expected: |_| vec![("/run/data/metrics", 10), ("/run/data/params", 10)],
        ..Scenario::new("get_run", Bound::Json, |fixture, _| get_run(fixture, SMALL_RUN))
    },
    Scenario {
        expected: |_| vec![("/run/data/metrics", LARGE), ("/run/data/params", LARGE)],
        ..Scenario::new("get_run_large", Bound::Json, |fixture, _| get_run(fixture, LARGE_RUN))
    },
    Scenario {
        expected: |fixture| {
            vec![(
                "/experiment/experiment_id",
                crate::numbers::whole(fixture.experiment.len()),
            )]
        },
        ..Scenario::new("get_experiment_by_name", Bound::Json, get_experiment_by_name)
    },
    Scenario {
        expected: |_| vec![("/metrics", POINTS)],
        ..Scenario::new("get_metric_history_10000", Bound::Json, get_metric_history)
    },
];

/// An experiment with a small run, a large one, and one with a long history.
pub(super) async fn prepare(target: &Target) -> Result<Fixture> {
    let mut fixture = Fixture::with_experiment(target, "reads").await?;
    let mut client = Client::connect(target).await?;
    for _ in [SMALL_RUN, LARGE_RUN, HISTORY_RUN] {
        let body = json!({"experiment_id": fixture.experiment, "start_time": FIRST_START_MS});
        let made = client.ask(target.post("runs/create", &body)).await?;
        fixture.runs.push(text(&made, "/run/info/run_id")?);
    }
    client
        .ask(target.post("runs/log-batch", &content_of(fixture.run(SMALL_RUN), 0)))
        .await?;
    for batch in large_batches(fixture.run(LARGE_RUN))
        .into_iter()
        .chain(history_batches(fixture.run(HISTORY_RUN)))
    {
        client.ask(target.post("runs/log-batch", &batch)).await?;
    }
    Ok(fixture)
}

fn get_run(fixture: &Fixture, run: usize) -> Call {
    fixture.target.get(&format!("runs/get?run_id={}", fixture.run(run)))
}

fn get_experiment_by_name(fixture: &Fixture, _: &Turn) -> Call {
    fixture.target.get(&format!(
        "experiments/get-by-name?experiment_name={}",
        fixture.experiment_name
    ))
}

/// A history request as clients send it.
fn get_metric_history(fixture: &Fixture, _: &Turn) -> Call {
    let run = fixture.run(HISTORY_RUN);
    fixture.target.get(&format!(
        "metrics/get-history?run_id={run}&metric_key=loss&max_results=25000"
    ))
}

fn large_batches(run: &str) -> Vec<Value> {
    let metrics: Value = (0..LARGE).map(|key| point(&format!("metric-{key}"), key, 0)).collect();
    let params = (0..LARGE / BATCH_PARAMS).map(|batch| {
        let keys = batch * BATCH_PARAMS..(batch + 1) * BATCH_PARAMS;
        let params = keys.map(|key| json!({"key": format!("param-{key}"), "value": format!("value-{key}")}));
        json!({"run_id": run, "params": params.collect::<Value>()})
    });
    std::iter::once(json!({"run_id": run, "metrics": metrics}))
        .chain(params)
        .collect()
}

fn history_batches(run: &str) -> Vec<Value> {
    let batches = (0..POINTS / BATCH_METRICS).map(|batch| {
        let steps = batch * BATCH_METRICS..(batch + 1) * BATCH_METRICS;
        json!({"run_id": run, "metrics": steps.map(|step| point("loss", 0, step)).collect::<Value>()})
    });
    batches.collect()
}

fn point(name: &str, key: u64, step: u64) -> Value {
    json!({"key": name, "value": metric_value(step, key), "timestamp": FIRST_START_MS + step, "step": step})
}
