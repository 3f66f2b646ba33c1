//! The creation, status and deletion of logged models.

use mlforge_tests::tracker::{NOW_MS, Tracker};
use serde_json::json;

use super::{create, delete, finalize, get, id, log_params, read, search, set_tags, with_models};

#[test]
fn a_created_model_is_pending_and_reads_back() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    let run = tracker.run(&experiment, 1);
    let made = create(
        &tracker,
        json!({
            "experiment_id": experiment, "name": "m", "model_type": "agent", "source_run_id": run,
            "params": [{"key": "b", "value": "1"}, {"key": "a/@", "value": ""}], "tags": [{"key": "t", "value": "0"}, {"key": "t", "value": "1"}],
        }),
    );
    let model_id = id(&made);
    assert!(model_id.starts_with("m-") && model_id.len() == 34, "{model_id}");
    let expected = json!({
        "info": {
            "model_id": model_id, "experiment_id": experiment, "name": "m", "creation_timestamp_ms": NOW_MS,
            "last_updated_timestamp_ms": NOW_MS, "artifact_uri": format!("mlflow-artifacts:/{experiment}/models/{model_id}/artifacts"),
            "status": "LOGGED_MODEL_PENDING", "model_type": "agent", "source_run_id": run, "tags": [{"key": "t", "value": "1"}],
        },
        "data": {"params": [{"key": "a/@", "value": ""}, {"key": "b", "value": "1"}]},
    });
    assert_eq!(made, expected);
    assert_eq!(read(&tracker, &model_id), expected);
    let plain = create(&tracker, json!({}));
    assert_eq!((&plain["info"]["model_type"], &plain["data"]), (&json!(""), &json!({})));
    assert!(!plain["info"]["name"].as_str().unwrap().is_empty());
}

#[test]
fn a_model_needs_an_active_experiment_and_a_proper_name() {
    let tracker = Tracker::fresh();
    let gone = tracker.experiment("gone");
    tracker.post("experiments/delete", json!({"experiment_id": gone})).ok();
    let create = |body| tracker.post("logged-models", body);
    create(json!({})).fails(400, "INVALID_PARAMETER_VALUE");
    create(json!({"experiment_id": "x"})).fails(400, "INVALID_PARAMETER_VALUE");
    create(json!({"experiment_id": "99"})).fails(404, "RESOURCE_DOES_NOT_EXIST");
    create(json!({"experiment_id": gone})).fails(400, "INVALID_PARAMETER_VALUE");
    for bad in ["a/b", "a:b", "a.b", "a%b", "a\"b", "a'b", &"x".repeat(501)] {
        create(json!({"experiment_id": "0", "name": bad})).fails(400, "INVALID_PARAMETER_VALUE");
    }
    let twins = json!([{"key": "p", "value": "1"}, {"key": "p", "value": "1"}]);
    create(json!({"experiment_id": "0", "params": twins})).fails(400, "INVALID_PARAMETER_VALUE");
    for (key, value) in [("", 1), ("k", 65_536)] {
        let pairs = json!([{"key": key, "value": "x".repeat(value)}]);
        create(json!({"experiment_id": "0", "params": pairs})).fails(400, "INVALID_PARAMETER_VALUE");
        create(json!({"experiment_id": "0", "tags": pairs})).fails(400, "INVALID_PARAMETER_VALUE");
    }
    assert_eq!(search(&tracker, json!({})).ok(), json!({}));
}

#[test]
fn an_unknown_model_is_404_everywhere() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    for model_id in [&*format!("m-{}", "0".repeat(32)), "m-0", "nothing", "search"] {
        let metric = json!({"run_id": run, "key": "k", "value": 1, "timestamp": 1, "model_id": model_id});
        for reply in [
            get(&tracker, model_id),
            finalize(&tracker, model_id, json!("LOGGED_MODEL_READY")),
            delete(&tracker, model_id),
            set_tags(&tracker, model_id, json!([{"key": "k"}])),
            tracker.delete(&format!("logged-models/{model_id}/tags/k"), json!({})),
            log_params(&tracker, model_id, json!([{"key": "k"}])),
            tracker.post("runs/log-metric", metric.clone()),
            tracker.post("runs/log-batch", json!({"run_id": run, "metrics": [metric]})),
        ] {
            let message = reply.fails(404, "RESOURCE_DOES_NOT_EXIST");
            assert_eq!(message, format!("Logged model with ID '{model_id}' not found."));
        }
    }
    assert_eq!(tracker.read(&run)["data"].get("metrics"), None);
}

#[test]
fn a_model_is_finalized_by_name_or_number_of_a_status() {
    let tracker = Tracker::fresh();
    let model_id = id(&create(&tracker, json!({})));
    for (status, shown) in [
        (json!("LOGGED_MODEL_READY"), "LOGGED_MODEL_READY"),
        (json!(3), "LOGGED_MODEL_UPLOAD_FAILED"),
        (json!("1"), "LOGGED_MODEL_PENDING"),
    ] {
        let model = finalize(&tracker, &model_id, status).ok()["model"].take();
        assert_eq!(model["info"]["status"], shown);
        assert_eq!(read(&tracker, &model_id), model);
    }
    for bad in [json!(null), json!("READY"), json!(9), json!([])] {
        finalize(&tracker, &model_id, bad).fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn a_deleted_model_is_hidden_but_can_be_read_by_id() {
    let tracker = Tracker::fresh();
    let model_id = id(&create(&tracker, json!({"name": "m"})));
    delete(&tracker, &model_id).ok();
    delete(&tracker, &model_id).ok();
    get(&tracker, &model_id).fails(404, "RESOURCE_DOES_NOT_EXIST");
    let shown = tracker
        .get(&format!("logged-models/{model_id}?allow_deleted=true"))
        .ok();
    assert_eq!(shown["model"]["info"]["name"], "m");
    for body in [
        json!({}),
        json!({"filter": "name = 'm'"}),
        json!({"order_by": [{"field_name": "name"}]}),
    ] {
        assert_eq!(search(&tracker, body).ok(), json!({}));
    }
    set_tags(&tracker, &model_id, json!([{"key": "k", "value": "v"}])).ok();
    finalize(&tracker, &model_id, json!(2)).ok();
}

#[test]
fn another_project_does_not_see_the_model() {
    let (mut tracker, models) = with_models();
    let model_id = id(&models[0]);
    tracker.in_project(2, |tracker| {
        get(tracker, &model_id).fails(404, "RESOURCE_DOES_NOT_EXIST");
        assert_eq!(search(tracker, json!({})).ok(), json!({}));
    });
}
