//! Replays: a program that holds the host makes requests of another server again, with their time, user and ids.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

const RUN: &str = "0123456789abcdef0123456789abcdef";
const MODEL: &str = "m-0123456789abcdef0123456789abcdef";

fn run_with_id() -> Value {
    json!({"experiment_id": "0", "run_id": RUN})
}

#[test]
fn a_replay_has_its_own_time_and_user() {
    let tracker = Tracker::fresh();
    let body = json!({"name": "e"});
    let id = tracker.replay(5_000, "ada", "experiments/create", body).ok()["experiment_id"].take();
    let found = tracker
        .get(&format!("experiments/get?experiment_id={}", id.as_str().unwrap()))
        .ok();
    assert_eq!(found["experiment"]["creation_time"], 5_000);
    let run = tracker.replay(6_000, "ada", "runs/create", run_with_id()).ok();
    let info = &run["run"]["info"];
    assert_eq!(info["author"], json!({"id": "", "login": "ada"}));
    let model = tracker
        .replay(7_000, "", "registered-models/create", json!({"name": "m"}))
        .ok();
    assert_eq!(model["registered_model"]["creation_timestamp"], 7_000);
}

#[test]
fn a_replay_chooses_ids_and_numbers() {
    let tracker = Tracker::fresh();
    let run = tracker.replay(1, "", "runs/create", run_with_id()).ok();
    assert_eq!(run["run"]["info"]["run_id"], RUN);
    let body = json!({"experiment_id": "0", "name": "lm", "model_id": MODEL});
    let model = tracker.replay(1, "", "logged-models", body).ok();
    assert_eq!(model["model"]["info"]["model_id"], MODEL);
    let body = json!({"name": "e", "experiment_id": "40"});
    assert_eq!(
        tracker.replay(1, "", "experiments/create", body).ok()["experiment_id"],
        "40"
    );
    assert_eq!(tracker.experiment("next"), "41");
    tracker.model("m");
    let body = json!({"name": "m", "source": "", "version": "7"});
    assert_eq!(
        tracker.replay(1, "", "model-versions/create", body).ok()["model_version"]["version"],
        "7"
    );
    assert_eq!(tracker.version("m", None)["version"], "8");
}

#[test]
fn an_id_or_number_that_was_used_is_refused() {
    let tracker = Tracker::fresh();
    let refused = |endpoint: &str, body: Value| {
        tracker
            .replay(1, "", endpoint, body)
            .fails(400, "RESOURCE_ALREADY_EXISTS")
    };
    tracker.replay(1, "", "runs/create", run_with_id()).ok();
    assert_eq!(refused("runs/create", run_with_id()), format!("The id {RUN} is taken."));
    let model = json!({"experiment_id": "0", "name": "lm", "model_id": MODEL});
    tracker.replay(1, "", "logged-models", model.clone()).ok();
    assert_eq!(refused("logged-models", model), format!("The id {MODEL} is taken."));
    tracker.experiment("one");
    let experiment = refused("experiments/create", json!({"name": "two", "experiment_id": "1"}));
    assert!(experiment.contains("a chosen number is from 2"), "{experiment}");
    tracker.model("m");
    tracker.version("m", None);
    let version = refused(
        "model-versions/create",
        json!({"name": "m", "source": "", "version": "1"}),
    );
    assert!(version.contains("version 1 exists, or existed"), "{version}");
}

#[test]
fn a_number_beyond_the_limit_is_refused() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    for number in ["0", "-1", "x", "2147483648"] {
        let body = json!({"name": "m", "source": "", "version": number});
        let message = tracker
            .replay(1, "", "model-versions/create", body)
            .fails(400, "INVALID_PARAMETER_VALUE");
        assert!(message.contains(&format!("got '{number}'")), "{message}");
    }
}

#[test]
fn no_other_request_chooses_an_id() {
    let tracker = Tracker::fresh();
    let run = tracker.post("runs/create", run_with_id()).ok();
    assert_ne!(run["run"]["info"]["run_id"], RUN);
    let body = json!({"name": "e", "experiment_id": "40"});
    assert_ne!(tracker.post("experiments/create", body).ok()["experiment_id"], "40");
    tracker.model("m");
    let body = json!({"name": "m", "source": "", "version": "7"});
    assert_eq!(
        tracker.post("model-versions/create", body).ok()["model_version"]["version"],
        "1"
    );
    // A client's own header of rights reaches no component.
    let header = [("x-mlforge-rights", "replay")];
    let path = "/api/2.0/mlflow/runs/create";
    let forged = tracker.file("POST", path, &header, run_with_id().to_string()).ok();
    assert!(!forged.contains(RUN), "{forged}");
}

#[test]
fn a_reader_replays_nothing() {
    let tracker = Tracker::fresh().as_reader();
    let refused = tracker.replay(1, "ada", "runs/create", run_with_id());
    assert_eq!(refused.status, 403);
}
