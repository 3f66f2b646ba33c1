//! Versions that reference runs: made from a run, found by a run, and protected from the deletion of their
//! run.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

fn promote(tracker: &Tracker, model: &str, run: &str) -> Value {
    let body = json!({"name": model, "source": format!("runs:/{run}/model"), "run_id": run});
    tracker.post("model-versions/create", body).ok()["model_version"].take()
}

fn versions_of(tracker: &Tracker, run: &str) -> Vec<String> {
    let page = tracker
        .get(&format!("model-versions/search?filter=run_id='{run}'"))
        .ok();
    let versions = page["model_versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = |version: &Value| {
        format!(
            "{}/{}",
            version["name"].as_str().unwrap(),
            version["version"].as_str().unwrap()
        )
    };
    versions.iter().map(named).collect()
}

#[test]
fn a_version_made_from_a_run_is_that_run_in_any_experiment() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    tracker.model("n");
    let (plain, default) = (tracker.experiment("plain"), "0");
    let (a, b) = (tracker.run(&plain, 1), tracker.run(default, 2));
    assert_eq!(promote(&tracker, "m", &a)["run_id"], a);
    assert_eq!(promote(&tracker, "m", &b)["run_id"], b);
    assert_eq!(promote(&tracker, "n", &a)["run_id"], a);
    assert_eq!(versions_of(&tracker, &a), ["m/1", "n/1"]);
    assert_eq!(versions_of(&tracker, &b), ["m/2"]);
    let both = tracker
        .get(&format!(
            "model-versions/search?filter=run_id IN ('{a}','{b}') AND name = 'm'"
        ))
        .ok();
    assert_eq!(both["model_versions"].as_array().unwrap().len(), 2);
    // The run is unchanged.
    assert_eq!(tracker.read(&a)["info"]["status"], "RUNNING");
}

#[test]
fn a_run_that_is_a_version_is_not_deleted_until_the_version_is() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let run = tracker.run("0", 1);
    promote(&tracker, "m", &run);
    let own = tracker.version("m", None)["run_id"].as_str().unwrap().to_owned();
    let delete = |run: &str| tracker.post("runs/delete", json!({"run_id": run}));
    for (run, version) in [(&run, "1"), (&own, "1.0.1")] {
        let message = delete(run).fails(400, "INVALID_PARAMETER_VALUE");
        assert!(
            message.starts_with("Cannot delete a run associated to a model version"),
            "{message}"
        );
        assert_eq!(tracker.read(run)["info"]["lifecycle_stage"], "active");
        tracker
            .delete("model-versions/delete", json!({"name": "m", "version": version}))
            .ok();
        assert_eq!(versions_of(&tracker, run), [""; 0]);
        delete(run).ok();
    }
}

#[test]
fn an_experiment_is_not_deleted_while_it_holds_a_version() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let experiment = tracker.experiment("training");
    let run = tracker.run(&experiment, 1);
    promote(&tracker, "m", &run);
    let delete = || tracker.post("experiments/delete", json!({"experiment_id": experiment}));
    let message = delete().fails(400, "INVALID_PARAMETER_VALUE");
    assert!(message.contains("is version 1 of the model 'm'"), "{message}");
    tracker.delete("registered-models/delete", json!({"name": "m"})).ok();
    delete().ok();
}

#[test]
fn a_model_is_not_deleted_while_its_runs_are_versions_of_another() {
    let tracker = Tracker::fresh();
    for model in ["a", "b"] {
        tracker.model(model);
    }
    tracker.version("a", None);
    tracker
        .post("model-versions/create", json!({"name": "b", "source": "models:/a/1"}))
        .ok();
    let delete = |model: &str| tracker.delete("registered-models/delete", json!({"name": model}));
    delete("a").fails(400, "INVALID_PARAMETER_VALUE");
    assert_eq!(tracker.read_version("a", "1")["version"], "1");
    delete("b").ok();
    delete("a").ok();
}

#[test]
fn a_deleted_or_unknown_run_makes_no_version() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let run = tracker.run("0", 1);
    tracker.post("runs/delete", json!({"run_id": run})).ok();
    let create = |run: &str| tracker.post("model-versions/create", json!({"name": "m", "run_id": run}));
    create(&run).fails(400, "INVALID_PARAMETER_VALUE");
    let unknown = "0".repeat(32);
    assert_eq!(
        create(&unknown).fails(404, "RESOURCE_DOES_NOT_EXIST"),
        format!("Run with id={unknown} not found")
    );
    create("../x").fails(404, "RESOURCE_DOES_NOT_EXIST");
    tracker.post("runs/restore", json!({"run_id": run})).ok();
    assert_eq!(create(&run).ok()["model_version"]["version"], "1");
}

#[test]
fn the_run_of_another_project_makes_no_version() {
    let mut tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    tracker.in_project(2, |other| {
        other.model("m");
        let create = |body: Value| other.post("model-versions/create", body);
        create(json!({"name": "m", "run_id": run})).fails(404, "RESOURCE_DOES_NOT_EXIST");
        create(json!({"name": "m", "source": format!("runs:/{run}/m")})).fails(400, "INVALID_PARAMETER_VALUE");
        assert_eq!(other.read_model("m").get("latest_versions"), None);
    });
}
