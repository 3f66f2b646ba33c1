//! The creation of registered models, and their names.

use mlforge_tests::tracker::{NOW_MS, Tracker};
use serde_json::json;

use super::search;

#[test]
fn a_created_model_is_read_with_its_tags() {
    let tracker = Tracker::fresh();
    let body = json!({"name": "m", "description": "d", "tags": [
        {"key": "b", "value": "1"}, {"key": "a"}, {"key": "b", "value": "2"},
    ]});
    let made = tracker.post("registered-models/create", body).ok();
    let expected = json!({"registered_model": {
        "name": "m", "creation_timestamp": NOW_MS, "last_updated_timestamp": NOW_MS, "description": "d",
        "tags": [{"key": "a", "value": ""}, {"key": "b", "value": "2"}], "author": {"id": "7", "login": "writer"},
    }});
    assert_eq!(made, expected);
    assert_eq!(tracker.get("registered-models/get?name=m").ok(), expected);
    let plain = json!({
        "name": "plain", "creation_timestamp": NOW_MS, "last_updated_timestamp": NOW_MS, "author": {"id": "7", "login": "writer"},
    });
    assert_eq!(tracker.model("plain"), plain);
}

#[test]
fn a_name_is_required_and_is_no_path_or_uri() {
    let tracker = Tracker::fresh();
    for name in [
        json!(null),
        json!(""),
        json!(" "),
        json!("a/b"),
        json!("a:b"),
        json!("."),
        json!(".."),
        json!(5),
        json!("x".repeat(494)),
    ] {
        let refused = tracker.post("registered-models/create", json!({"name": name}));
        refused.fails(400, "INVALID_PARAMETER_VALUE");
    }
    tracker.model("größe 모델 @1.0");
    for endpoint in [
        "registered-models/get?name=a%2Fb",
        "registered-models/get",
        "registered-models/get?name=",
    ] {
        tracker.get(endpoint).fails(400, "INVALID_PARAMETER_VALUE");
    }
    assert_eq!(
        tracker
            .get("registered-models/get?name=none")
            .fails(404, "RESOURCE_DOES_NOT_EXIST"),
        "Registered Model with name=none not found"
    );
}

#[test]
fn a_name_is_taken_once_by_model_or_prompt() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let create = |name: &str, prompt: bool| {
        let tags = if prompt {
            json!([{"key": "mlflow.prompt.is_prompt", "value": "true"}])
        } else {
            json!([])
        };
        tracker.post("registered-models/create", json!({"name": name, "tags": tags}))
    };
    assert_eq!(
        create("m", false).fails(400, "RESOURCE_ALREADY_EXISTS"),
        "Registered Model (name=m) already exists."
    );
    assert!(
        create("m", true)
            .fails(400, "RESOURCE_ALREADY_EXISTS")
            .contains("already taken by a registered model")
    );
    create("p", true).ok();
    assert_eq!(
        create("p", true).fails(400, "RESOURCE_ALREADY_EXISTS"),
        "Prompt (name=p) already exists."
    );
    assert!(
        create("p", false)
            .fails(400, "RESOURCE_ALREADY_EXISTS")
            .contains("already taken by a prompt")
    );
}

#[test]
fn one_of_many_concurrent_creations_of_a_model_succeeds() {
    let tracker = Tracker::fresh();
    let create = |_| {
        (
            "POST",
            "/api/2.0/mlflow/registered-models/create".to_owned(),
            json!({"name": "m"}),
        )
    };
    let replies = tracker.send_all((0..16).map(create).collect());
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    for reply in replies.into_iter().filter(|reply| reply.status != 200) {
        reply.fails(400, "RESOURCE_ALREADY_EXISTS");
    }
    let found = tracker
        .post("experiments/search", json!({"max_results": 10, "view_type": "ALL"}))
        .ok();
    assert_eq!(found["experiments"].as_array().unwrap().len(), 2);
}

#[test]
fn projects_do_not_see_each_others_models() {
    let mut tracker = Tracker::fresh();
    tracker.model("m");
    tracker.version("m", None);
    tracker.in_project(2, |other| {
        other
            .get("registered-models/get?name=m")
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
        other
            .get("model-versions/get?name=m&version=1")
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
        assert_eq!(other.get("registered-models/search").ok(), json!({}));
        assert_eq!(other.get("model-versions/search").ok(), json!({}));
        other.model("m");
    });
}

#[test]
fn an_impossible_model_name_is_not_found() {
    let tracker = Tracker::fresh();
    let long = "x".repeat(5_000);
    for name in [&*long, "a%0Ab"] {
        tracker
            .get(&format!("registered-models/get?name={name}"))
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
        assert_eq!(search(&tracker, &format!("filter=name='{name}'")), json!({}));
        let found = tracker.get(&format!("model-versions/search?filter=name='{name}'"));
        assert_eq!(found.ok(), json!({}));
    }
}
