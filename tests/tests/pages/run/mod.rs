//! The pages of a run.

mod artifacts;
mod changes;
mod datasets;
pub(super) mod files;
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
    put_at(tracker, &format!("0/{run}/artifacts"), path, contents);
}

/// Stores a file below a directory of the artifact store.
#[track_caller]
pub(super) fn put_at(tracker: &Tracker, root: &str, path: &str, contents: impl Into<Bytes>) {
    let path = encoded_path(path);
    let path = format!("/api/2.0/mlflow-artifacts/artifacts/{root}/{path}");
    tracker.file("PUT", &path, &[], contents).ok();
}

/// Stores hostile files below a directory of the artifact store.
pub(super) fn put_hostile_files(tracker: &Tracker, root: &str) {
    put_at(tracker, root, HOSTILE, HOSTILE);
    for name in ["a.csv", "a.json", "a.md", "MLmodel", "a.html", "a.svg"] {
        put_at(tracker, root, name, HOSTILE);
    }
    put_at(tracker, root, "a.jsonl", json!({HOSTILE: HOSTILE}).to_string());
    let model = format!("flavors:\n  {HOSTILE}:\n    {HOSTILE}: {HOSTILE}\nmlflow_version: {HOSTILE}\n");
    put_at(tracker, root, "model/MLmodel", model);
}

/// The addresses of these files, whose owner has this address.
pub(super) fn addresses_of_files(route: &'static str, owner: &str) -> Vec<(&'static str, String)> {
    let files = [
        "",
        HOSTILE,
        "a.csv",
        "a.json",
        "a.jsonl",
        "a.md",
        "MLmodel",
        "model/MLmodel",
        "a.html",
        "a.svg",
    ];
    files
        .map(|path| (route, format!("{owner}/artifacts?path={}", encoded(path))))
        .to_vec()
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
pub(super) fn raw(tracker: &Tracker, method: &str, path: &str, headers: &[(&'static str, &str)]) -> File {
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
    put_hostile_files(tracker, &format!("0/{run}/artifacts"));
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
    addresses.extend(addresses_of_files(
        "/-/ml/candidates/{run_id}/artifacts",
        &format!("candidates/{run}"),
    ));
    addresses
}
