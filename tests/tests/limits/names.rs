//! The limits of the names of runs, experiments and models.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

#[test]
fn the_name_of_a_run_is_cut_by_every_endpoint() {
    let tracker = Tracker::fresh();
    let long = "ü".repeat(8_001);
    let tag = json!({"key": "mlflow.runName", "value": long});
    let create = |body: Value| {
        let mut body = body;
        body["experiment_id"] = json!("0");
        let run = tracker.post("runs/create", body).ok();
        run["run"]["info"]["run_id"].as_str().unwrap().to_owned()
    };
    let renamed = tracker.run("0", 1);
    tracker
        .post("runs/update", json!({"run_id": renamed, "run_name": long}))
        .ok();
    for run in [
        create(json!({ "run_name": long })),
        create(json!({"tags": [tag]})),
        create(json!({"run_name": long, "tags": [tag]})),
        renamed,
    ] {
        let run = tracker.read(&run);
        assert_eq!(run["info"]["run_name"].as_str().unwrap().chars().count(), 8_000);
        let shown = json!({"key": "mlflow.runName", "value": run["info"]["run_name"]});
        assert!(run["data"]["tags"].as_array().unwrap().contains(&shown));
    }
}

#[test]
fn a_name_that_is_too_long_is_refused_where_it_is_given() {
    let tracker = Tracker::fresh();
    tracker.experiment("e");
    tracker.model("m");
    for (parameter, reply) in [
        (
            "'name'",
            tracker.post("experiments/create", json!({"name": "n".repeat(501)})),
        ),
        (
            "'new_name'",
            tracker.post(
                "experiments/update",
                json!({"experiment_id": "1", "new_name": "n".repeat(501)}),
            ),
        ),
        (
            "'name'",
            tracker.post("registered-models/create", json!({"name": "n".repeat(494)})),
        ),
        (
            "'new_name'",
            tracker.post(
                "registered-models/rename",
                json!({"name": "m", "new_name": "n".repeat(494)}),
            ),
        ),
        (
            "'new_name'",
            tracker.post("registered-models/rename", json!({"name": "m", "new_name": "a/b"})),
        ),
        (
            "'new_name'",
            tracker.post("registered-models/rename", json!({"name": "m", "new_name": ".."})),
        ),
    ] {
        let message = reply.fails(400, "INVALID_PARAMETER_VALUE");
        assert!(message.contains(parameter), "{message}");
    }
}
