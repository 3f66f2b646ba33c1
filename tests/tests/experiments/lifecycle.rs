//! Deleting and restoring experiments.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::names;

#[test]
fn default_can_be_renamed_deleted_and_restored_before_anything_else_is_written() {
    for first in ["update", "delete", "set-experiment-tag"] {
        let tracker = Tracker::fresh();
        let body = json!({"experiment_id": "0", "new_name": "mine", "key": "k", "value": "v"});
        tracker.post(&format!("experiments/{first}"), body).ok();
        assert_eq!(tracker.experiment("next"), "1", "{first}");
        let all = tracker
            .post("experiments/search", json!({"max_results": 10, "view_type": "ALL"}))
            .ok();
        assert_eq!(
            names(&all),
            ["next", if first == "update" { "mine" } else { "Default" }],
            "{first}"
        );
    }
    let tracker = Tracker::fresh();
    tracker.post("experiments/delete", json!({"experiment_id": "0"})).ok();
    assert_eq!(
        tracker.post("experiments/search", json!({"max_results": 10})).ok(),
        json!({})
    );
    tracker.post("experiments/restore", json!({"experiment_id": "0"})).ok();
    assert_eq!(
        names(&tracker.post("experiments/search", json!({"max_results": 10})).ok()),
        ["Default"]
    );
}

#[test]
fn deleting_and_restoring_an_experiment_includes_every_run() {
    let tracker = Tracker::fresh();
    let id = tracker.experiment("a");
    let (kept, deleted) = (tracker.run(&id, 2), tracker.run(&id, 1));
    tracker.post("runs/delete", json!({"run_id": deleted})).ok();
    let stages = || {
        [&kept, &deleted].map(|run| {
            tracker.read(run)["info"]["lifecycle_stage"]
                .as_str()
                .unwrap()
                .to_owned()
        })
    };
    let found = |view: &str| {
        let page = tracker
            .post("runs/search", json!({"experiment_ids": [id], "run_view_type": view}))
            .ok();
        page["runs"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(
        (stages(), found("ACTIVE_ONLY"), found("DELETED_ONLY"), found("ALL")),
        (["active", "deleted"].map(str::to_owned), 1, 1, 2)
    );
    tracker.post("experiments/delete", json!({"experiment_id": id})).ok();
    assert_eq!(
        (stages(), found("ACTIVE_ONLY"), found("DELETED_ONLY"), found("ALL")),
        (["deleted", "deleted"].map(str::to_owned), 0, 2, 2)
    );
    tracker
        .post("runs/log-parameter", json!({"run_id": kept, "key": "k", "value": "v"}))
        .fails(400, "INVALID_PARAMETER_VALUE");
    tracker.post("experiments/restore", json!({"experiment_id": id})).ok();
    // As in MLflow, the run that was deleted on its own is restored, too.
    assert_eq!(
        (stages(), found("ACTIVE_ONLY"), found("DELETED_ONLY"), found("ALL")),
        (["active", "active"].map(str::to_owned), 2, 0, 2)
    );
    tracker.post("runs/delete", json!({"run_id": kept})).ok();
    assert_eq!((found("ACTIVE_ONLY"), found("DELETED_ONLY")), (1, 1));
}

#[test]
fn deleting_a_deleted_or_restoring_an_active_experiment_is_404() {
    let tracker = Tracker::fresh();
    let id = tracker.experiment("a");
    tracker
        .post("experiments/restore", json!({"experiment_id": id}))
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    tracker.post("experiments/delete", json!({"experiment_id": id})).ok();
    tracker
        .post("experiments/delete", json!({"experiment_id": id}))
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    assert_eq!(
        tracker.get("experiments/get?experiment_id=1").ok()["experiment"]["lifecycle_stage"],
        "deleted"
    );
}

#[test]
fn a_deleted_experiment_accepts_no_runs_tags_or_names() {
    let tracker = Tracker::fresh();
    let id = tracker.experiment("a");
    tracker.post("experiments/delete", json!({"experiment_id": id})).ok();
    let refused = |endpoint: &str, body: Value| tracker.post(endpoint, body).fails(400, "INVALID_PARAMETER_VALUE");
    let message = refused("runs/create", json!({"experiment_id": id}));
    assert_eq!(
        message,
        "The experiment 1 must be in the 'active' state. Current state is deleted."
    );
    refused(
        "experiments/set-experiment-tag",
        json!({"experiment_id": id, "key": "k", "value": "v"}),
    );
    refused("experiments/update", json!({"experiment_id": id, "new_name": "b"}));
}
