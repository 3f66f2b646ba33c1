//! An experiment with its runs, and the trash.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::{Address, HOSTILE};

/// The run is of experiment 1. Another one is its child, and a third one is deleted.
pub(super) fn seed(tracker: &Tracker) -> Vec<Address> {
    let tags = json!([{"key": "mlflow.note.content", "value": HOSTILE}, {"key": "team", "value": HOSTILE}]);
    let body = json!({"name": HOSTILE, "tags": tags});
    tracker.post("experiments/create", body).ok();
    let run = hostile_run(tracker, "");
    hostile_run(tracker, &run);
    let deleted = hostile_run(tracker, "");
    tracker.post("runs/delete", json!({"run_id": deleted})).ok();
    let body = json!({"name": format!("deleted {HOSTILE}")});
    tracker.post("experiments/create", body).ok();
    tracker.post("experiments/delete", json!({"experiment_id": "2"})).ok();
    let chosen = |change: &str| format!("experiments/1/runs/{change}?run={}", run);
    let columns = "column=tags.team&column=params.lr&column=metrics.a/b&column=sparkline.a/b&column=job&column=commit&sort=tags.team";
    vec![
        ("/-/ml/experiments/{experiment_id}", "experiments/1".to_owned()),
        (
            "/-/ml/experiments/{experiment_id}",
            format!("experiments/1?{columns}&show=all&parent={}", run),
        ),
        ("/-/ml/experiments/{experiment_id}", "experiments/2".to_owned()),
        ("/-/ml/experiments/{experiment_id}/log", "experiments/1/log".to_owned()),
        (
            "/-/ml/experiments/{experiment_id}/details",
            "experiments/1/details".to_owned(),
        ),
        (
            "/-/ml/experiments/{experiment_id}/delete",
            "experiments/1/delete".to_owned(),
        ),
        ("/-/ml/experiments/{experiment_id}/runs/delete", chosen("delete")),
        ("/-/ml/experiments/{experiment_id}/runs/restore", chosen("restore")),
        ("/-/ml/experiments/{experiment_id}/runs/tag", chosen("tag")),
        ("/-/ml/trash", "trash".to_owned()),
    ]
}

/// Makes a run in which everything that may be is hostile. Returns its id.
fn hostile_run(tracker: &Tracker, parent: &str) -> String {
    let tags = [
        ("team", HOSTILE),
        ("mlflow.parentRunId", parent),
        ("mlflow.source.git.commit", HOSTILE),
    ];
    let tags: Vec<_> = tags.map(|(key, value)| json!({"key": key, "value": value})).to_vec();
    let body = json!({"experiment_id": "1", "run_name": HOSTILE, "user_id": HOSTILE, "start_time": 1, "tags": tags});
    let body = tracker.post("runs/create", body).ok();
    let run = body["run"]["info"]["run_id"].as_str().unwrap().to_owned();
    let params = json!([{"key": "lr", "value": format!("{HOSTILE}{}", "w".repeat(5_000))}]);
    let metrics = json!([{"key": "a/b", "value": "NaN", "timestamp": 1, "step": 0}]);
    let body = json!({"run_id": run, "params": params, "metrics": metrics});
    tracker.post("runs/log-batch", body).ok();
    run
}
