//! The experiment that each registered model owns.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::experiment;

#[test]
fn a_model_owns_an_experiment_of_its_name_and_runs_are_logged_to_it() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let id = experiment(&tracker, "[model]m").unwrap()["experiment_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let run = tracker.run(&id, 1);
    assert_eq!(tracker.read(&run)["info"]["experiment_id"], id);
    tracker
        .post("registered-models/rename", json!({"name": "m", "new_name": "n"}))
        .ok();
    assert_eq!(experiment(&tracker, "[model]m"), None);
    assert_eq!(experiment(&tracker, "[model]n").unwrap()["experiment_id"], id);
    tracker.delete("registered-models/delete", json!({"name": "n"})).ok();
    assert_eq!(experiment(&tracker, "[model]n"), None);
    let gone = tracker.get(&format!("experiments/get?experiment_id={id}")).ok();
    assert_eq!(gone["experiment"]["lifecycle_stage"], "deleted");
    assert_eq!(tracker.read(&run)["info"]["lifecycle_stage"], "deleted");
}

#[test]
fn a_models_experiment_is_not_renamed_or_deleted_on_its_own() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let id = experiment(&tracker, "[model]m").unwrap()["experiment_id"].take();
    let deleted = tracker.post("experiments/delete", json!({"experiment_id": id}));
    assert!(
        deleted
            .fails(400, "INVALID_PARAMETER_VALUE")
            .starts_with("Cannot delete an experiment associated to a model")
    );
    tracker
        .post("experiments/update", json!({"experiment_id": id, "new_name": "x"}))
        .fails(400, "INVALID_PARAMETER_VALUE");
    assert_eq!(experiment(&tracker, "[model]m").unwrap()["lifecycle_stage"], "active");
    // Other operations on experiments apply to it too.
    let tag = json!({"experiment_id": id, "key": "k", "value": "v"});
    tracker.post("experiments/set-experiment-tag", tag).ok();
}

#[test]
fn a_name_whose_experiment_is_taken_is_refused_and_nothing_is_stored() {
    let tracker = Tracker::fresh();
    let id = tracker.experiment("[model]m");
    tracker
        .post("registered-models/create", json!({"name": "m"}))
        .fails(400, "RESOURCE_ALREADY_EXISTS");
    tracker
        .get("registered-models/get?name=m")
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    tracker.model("n");
    tracker
        .post("registered-models/rename", json!({"name": "n", "new_name": "m"}))
        .fails(400, "RESOURCE_ALREADY_EXISTS");
    assert_eq!(tracker.read_model("n")["name"], "n");
    tracker
        .post("experiments/update", json!({"experiment_id": id, "new_name": "free"}))
        .ok();
    tracker.model("m");
    // A plain experiment and a model may have one name.
    tracker.experiment("both");
    tracker.model("both");
}
