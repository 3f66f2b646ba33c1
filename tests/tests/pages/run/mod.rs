//! The pages of a run.

mod artifacts;
mod changes;
mod datasets;
mod files;
mod metrics;
mod overview;
mod promote;

use bytes::Bytes;
use mlforge_tests::tracker::{File, Tracker};
use mlforge_ui::link::{encoded, encoded_path};
use serde_json::{Value, json};

use super::HOSTILE;

/// Stores a file of a run of the default experiment.
#[track_caller]
pub(super) fn put(tracker: &Tracker, run: &str, path: &str, contents: impl Into<Bytes>) {
    let path = encoded_path(path);
    let path = format!("/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{path}");
    tracker.file("PUT", &path, &[], contents).ok();
}

/// Logs to a run.
#[track_caller]
fn log(tracker: &Tracker, run: &str, mut batch: Value) {
    batch["run_id"] = json!(run);
    tracker.post("runs/log-batch", batch).ok();
}

/// A point of a metric.
fn point(key: &str, value: impl Into<Value>, step: i64) -> Value {
    json!({"key": key, "value": value.into(), "timestamp": 1_000 * (1 + step), "step": step})
}

/// Sets a tag of a run.
#[track_caller]
fn set_tag(tracker: &Tracker, run: &str, key: &str, value: &str) {
    let tag = json!({"run_id": run, "key": key, "value": value});
    tracker.post("runs/set-tag", tag).ok();
}

/// A file below the pages, as a browser gets it.
fn raw(tracker: &Tracker, method: &str, path: &str, headers: &[(&'static str, &str)]) -> File {
    tracker.file(method, &format!("/-/ml/{path}"), headers, "")
}

/// A run of the default experiment in which everything that may be any text is hostile.
pub(super) fn hostile(tracker: &Tracker) -> String {
    let run = tracker.run("0", 1);
    for key in [
        "mlflow.runName",
        "mlflow.note.content",
        "mlflow.source.name",
        "mlflow.source.git.commit",
        "mlflow.user",
        "own",
    ] {
        set_tag(tracker, &run, key, HOSTILE);
    }
    let param = json!({"key": "param", "value": HOSTILE});
    log(
        tracker,
        &run,
        json!({"params": [param], "metrics": [point("m", 1, 1), point("m", 2, 2)]}),
    );
    let schema = json!({"mlflow_colspec": [{"name": HOSTILE, "type": HOSTILE}]}).to_string();
    let profile = json!({HOSTILE: HOSTILE}).to_string();
    let dataset = json!({"name": HOSTILE, "digest": "d", "source_type": "local", "source": HOSTILE, "schema": schema,
        "profile": profile});
    let inputs = json!({"run_id": run, "datasets": [{"dataset": dataset}]});
    tracker.post("runs/log-inputs", inputs).ok();
    let outputs = json!({"run_id": run, "models": [{"model_id": HOSTILE, "step": 0}]});
    tracker.post("runs/outputs", outputs).ok();
    put(tracker, &run, HOSTILE, HOSTILE);
    for name in ["a.csv", "a.json", "a.md", "MLmodel", "a.html", "a.svg"] {
        put(tracker, &run, name, HOSTILE);
    }
    put(tracker, &run, "a.jsonl", json!({HOSTILE: HOSTILE}).to_string());
    let model = format!("flavors:\n  {HOSTILE}:\n    {HOSTILE}: {HOSTILE}\nmlflow_version: {HOSTILE}\n");
    put(tracker, &run, "model/MLmodel", model);
    run
}

/// An address of each page of a run.
pub(super) fn addresses(run: &str) -> Vec<(&'static str, String)> {
    let mut addresses = vec![
        ("/-/ml/candidates/{run_id}", format!("candidates/{run}")),
        ("/-/ml/candidates/{run_id}/edit", format!("candidates/{run}/edit")),
        ("/-/ml/candidates/{run_id}/delete", format!("candidates/{run}/delete")),
        ("/-/ml/candidates/{run_id}/metrics", format!("candidates/{run}/metrics")),
        ("/-/ml/candidates/{run_id}/system", format!("candidates/{run}/system")),
        (
            "/-/ml/candidates/{run_id}/metric",
            format!("candidates/{run}/metric?key=m"),
        ),
        (
            "/-/ml/candidates/{run_id}/datasets",
            format!("candidates/{run}/datasets"),
        ),
        ("/-/ml/candidates/{run_id}/params", format!("candidates/{run}/params")),
        ("/-/ml/candidates/{run_id}/tags", format!("candidates/{run}/tags")),
        (
            "/-/ml/candidates/{run_id}/artifacts",
            format!("candidates/{run}/artifacts"),
        ),
        ("/-/ml/candidates/{run_id}/promote", format!("candidates/{run}/promote")),
    ];
    let query = encoded(HOSTILE);
    for page in ["metrics", "params", "tags"] {
        addresses.push((
            "/-/ml/candidates/{run_id}/metrics",
            format!("candidates/{run}/{page}?q={query}"),
        ));
    }
    for path in [
        HOSTILE,
        "a.csv",
        "a.json",
        "a.jsonl",
        "a.md",
        "MLmodel",
        "model/MLmodel",
        "a.html",
        "a.svg",
    ] {
        let path = encoded(path);
        let address = format!("candidates/{run}/artifacts?path={path}");
        addresses.push(("/-/ml/candidates/{run_id}/artifacts", address));
    }
    addresses
}
