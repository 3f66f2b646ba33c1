//! The names of experiments.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

#[test]
fn a_name_is_taken_once_also_by_a_deleted_experiment_and_by_default() {
    let tracker = Tracker::fresh();
    tracker
        .post("experiments/create", json!({"name": "Default"}))
        .fails(400, "RESOURCE_ALREADY_EXISTS");
    let id = tracker.experiment("a");
    tracker
        .post("experiments/create", json!({"name": "a"}))
        .fails(400, "RESOURCE_ALREADY_EXISTS");
    tracker.post("experiments/delete", json!({"experiment_id": id})).ok();
    let refused = tracker.post("experiments/create", json!({"name": "a"}));
    assert!(refused.fails(400, "RESOURCE_ALREADY_EXISTS").contains("name=a"));
}

#[test]
fn a_name_is_required_not_blank_and_at_most_500_characters() {
    let tracker = Tracker::fresh();
    for name in [json!(null), json!(""), json!(" \t"), json!("x".repeat(501)), json!(5)] {
        tracker
            .post("experiments/create", json!({"name": name}))
            .fails(400, "INVALID_PARAMETER_VALUE");
    }
    tracker
        .post("experiments/create", json!({"name": "ü".repeat(500)}))
        .ok();
}

#[test]
fn a_rename_frees_the_old_name_and_keeps_the_rest() {
    let tracker = Tracker::fresh();
    let id = tracker.experiment("old");
    tracker
        .post("experiments/update", json!({"experiment_id": id, "new_name": "new"}))
        .ok();
    assert_eq!(
        tracker.get("experiments/get-by-name?experiment_name=new").ok()["experiment"]["experiment_id"],
        id
    );
    tracker
        .get("experiments/get-by-name?experiment_name=old")
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    tracker.experiment("old");
    tracker
        .post("experiments/update", json!({"experiment_id": id, "new_name": "old"}))
        .fails(400, "RESOURCE_ALREADY_EXISTS");
    tracker
        .post("experiments/update", json!({"experiment_id": id, "new_name": "new"}))
        .ok();
    tracker
        .post("experiments/update", json!({"experiment_id": id}))
        .fails(400, "INVALID_PARAMETER_VALUE");
    tracker
        .post("experiments/update", json!({"experiment_id": "99", "new_name": "x"}))
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
}
