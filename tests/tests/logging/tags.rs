//! Tags and names of runs.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::value;

#[test]
fn a_tag_is_overwritten_and_deleted() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    for text in ["1", "2", ""] {
        tracker
            .post("runs/set-tag", json!({"run_id": run, "key": "k", "value": text}))
            .ok();
        assert_eq!(value(&tracker.read(&run), "tags", "k"), text);
    }
    tracker.post("runs/delete-tag", json!({"run_id": run, "key": "k"})).ok();
    assert_eq!(value(&tracker.read(&run), "tags", "k"), Value::Null);
    let gone = tracker
        .post("runs/delete-tag", json!({"run_id": run, "key": "k"}))
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    assert_eq!(gone, format!("No tag with name: k in run with id {run}"));
}

#[test]
fn an_empty_name_of_a_run_changes_nothing() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let before = tracker.read(&run);
    let tag = json!({"key": "mlflow.runName", "value": ""});
    tracker
        .post("runs/log-batch", json!({"run_id": run, "tags": [tag]}))
        .ok();
    tracker
        .post(
            "runs/set-tag",
            json!({"run_id": run, "key": "mlflow.runName", "value": ""}),
        )
        .ok();
    assert_eq!(tracker.read(&run), before);
}
