//! The creation of experiments, and reading them.

use mlforge_tests::tracker::{NOW_MS, Tracker};
use serde_json::json;

use super::names;

#[test]
fn the_experiment_default_exists_before_any_write() {
    let tracker = Tracker::fresh().as_reader();
    let by_id = tracker.get("experiments/get?experiment_id=0").ok();
    assert_eq!(by_id["experiment"]["name"], "Default");
    assert_eq!(by_id["experiment"]["artifact_location"], "mlflow-artifacts:/0");
    assert_eq!(
        tracker.get("experiments/get-by-name?experiment_name=Default").ok(),
        by_id
    );
    assert_eq!(
        names(&tracker.post("experiments/search", json!({"max_results": 10})).ok()),
        ["Default"]
    );
}

#[test]
fn a_created_experiment_is_read_by_id_and_name() {
    let tracker = Tracker::fresh();
    let id = tracker.experiment("vision");
    assert_eq!(id, "1");
    let experiment = tracker.get("experiments/get?experiment_id=1").ok();
    let expected = json!({"experiment": {
        "experiment_id": "1", "name": "vision", "artifact_location": "mlflow-artifacts:/1",
        "lifecycle_stage": "active", "last_update_time": NOW_MS, "creation_time": NOW_MS,
    }});
    assert_eq!(experiment, expected);
    assert_eq!(
        tracker.get("experiments/get-by-name?experiment_name=vision").ok(),
        expected
    );
}

#[test]
fn a_creation_keeps_tags_and_location() {
    let tracker = Tracker::fresh();
    let body =
        json!({"name": "a", "artifact_location": "s3://bucket/a", "tags": [{"key": "k", "value": "v"}, {"key": "e"}]});
    tracker.post("experiments/create", body).ok();
    let experiment = tracker.get("experiments/get?experiment_id=1").ok()["experiment"].take();
    assert_eq!(experiment["artifact_location"], "s3://bucket/a");
    assert_eq!(
        experiment["tags"],
        json!([{"key": "e", "value": ""}, {"key": "k", "value": "v"}])
    );
    let run = tracker.run("1", 1);
    assert_eq!(
        tracker.read(&run)["info"]["artifact_uri"],
        format!("s3://bucket/a/{run}/artifacts")
    );
}

#[test]
fn a_location_has_no_fragment_query_or_parent_segment() {
    let tracker = Tracker::fresh();
    for location in ["a#b", "a?b", "s3://b/../c", "mlflow-artifacts:/../0", "a\nb", "x;y"] {
        let refused = tracker.post(
            "experiments/create",
            json!({"name": "a", "artifact_location": location}),
        );
        assert!(
            refused
                .fails(400, "INVALID_PARAMETER_VALUE")
                .contains("artifact_location")
        );
    }
}

#[test]
fn an_unknown_experiment_is_404_and_an_invalid_id_400() {
    let tracker = Tracker::fresh();
    assert_eq!(
        tracker
            .get("experiments/get?experiment_id=7")
            .fails(404, "RESOURCE_DOES_NOT_EXIST"),
        "No Experiment with id=7 exists"
    );
    tracker
        .get("experiments/get-by-name?experiment_name=none")
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    tracker
        .get("experiments/get?experiment_id=abc")
        .fails(400, "INVALID_PARAMETER_VALUE");
    tracker.get("experiments/get").fails(400, "INVALID_PARAMETER_VALUE");
    tracker
        .get("experiments/get-by-name")
        .fails(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn concurrent_creations_get_different_numbers() {
    let tracker = Tracker::fresh();
    let requests = (0..16).map(|n| {
        (
            "POST",
            "/api/2.0/mlflow/experiments/create".to_owned(),
            json!({"name": format!("e{n}")}),
        )
    });
    let mut ids: Vec<u64> = tracker
        .send_all(requests.collect())
        .into_iter()
        .map(|reply| reply.ok()["experiment_id"].as_str().unwrap().parse().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=16).collect::<Vec<u64>>());
}

#[test]
fn projects_do_not_see_each_other() {
    let mut tracker = Tracker::fresh();
    let id = tracker.experiment("secret");
    let run = tracker.run(&id, 1);
    tracker.in_project(2, |other| {
        other
            .get(&format!("experiments/get?experiment_id={id}"))
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
        other
            .get("experiments/get-by-name?experiment_name=secret")
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
        other
            .get(&format!("runs/get?run_id={run}"))
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
        other
            .post("runs/delete", json!({"run_id": run}))
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
        assert_eq!(
            other.post("runs/search", json!({"experiment_ids": ["0", "1"]})).ok(),
            json!({})
        );
        assert_eq!(other.experiment("secret"), "1");
    });
}
