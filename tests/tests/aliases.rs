//! `registered-models/alias`

use mlforge_tests::tracker::{Reply, Tracker};
use serde_json::{Value, json};

fn with_versions(count: usize) -> Tracker {
    let tracker = Tracker::fresh();
    tracker.model("m");
    for _ in 0..count {
        tracker.version("m", None);
    }
    tracker
}

fn set(tracker: &Tracker, alias: &str, version: &str) -> Reply {
    tracker.post(
        "registered-models/alias",
        json!({"name": "m", "alias": alias, "version": version}),
    )
}

fn resolved(tracker: &Tracker, alias: &str) -> Value {
    let found = tracker.get(&format!("registered-models/alias?name=m&alias={alias}"));
    found.ok()["model_version"]["version"].take()
}

#[test]
fn an_alias_names_one_version_and_moves() {
    let tracker = with_versions(2);
    set(&tracker, "champion", "1").ok();
    set(&tracker, "b", "1.0.0").ok();
    assert_eq!(resolved(&tracker, "champion"), "1");
    assert_eq!(
        tracker.read_version("m", "1")["aliases"],
        json!(["1.0.0", "b", "champion"])
    );
    set(&tracker, "champion", "1.0.1").ok();
    set(&tracker, "champion", "2").ok();
    assert_eq!(resolved(&tracker, "champion"), "2");
    assert_eq!(tracker.read_version("m", "1")["aliases"], json!(["1.0.0", "b"]));
    assert_eq!(tracker.read_version("m", "2")["aliases"], json!(["1.0.1", "champion"]));
    let expected = json!([{"alias": "b", "version": "1"}, {"alias": "champion", "version": "2"}]);
    assert_eq!(tracker.read_model("m")["aliases"], expected);
}

#[test]
fn a_deleted_alias_is_400_and_deleting_it_again_200() {
    let tracker = with_versions(1);
    set(&tracker, "a", "1").ok();
    let delete =
        |model: &str, alias: &str| tracker.delete("registered-models/alias", json!({"name": model, "alias": alias}));
    delete("m", "a").ok();
    delete("m", "a").ok();
    let message = tracker
        .get("registered-models/alias?name=m&alias=a")
        .fails(400, "INVALID_PARAMETER_VALUE");
    assert_eq!(message, "Registered model alias a not found.");
    assert_eq!(tracker.read_version("m", "1")["aliases"], json!(["1.0.0"]));
    assert_eq!(tracker.read_model("m").get("aliases"), None);
    delete("none", "a").fails(404, "RESOURCE_DOES_NOT_EXIST");
    tracker
        .get("registered-models/alias?name=none&alias=a")
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
}

#[test]
fn an_alias_is_a_word_and_never_a_version() {
    let tracker = with_versions(1);
    for bad in ["", "latest", "LATEST", "v1", "V22", "a.b", "a b", "a/b"] {
        set(&tracker, bad, "1").fails(400, "INVALID_PARAMETER_VALUE");
    }
    set(&tracker, &"x".repeat(256), "1").fails(400, "INVALID_PARAMETER_VALUE");
    for good in ["1", "v", "모델", "a-b_c"] {
        set(&tracker, good, "1").ok();
        assert_eq!(resolved(&tracker, good), "1");
    }
    // Aliases are case-sensitive.
    set(&tracker, "Champion", "1").ok();
    tracker
        .get("registered-models/alias?name=m&alias=champion")
        .fails(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn a_semantic_version_is_an_alias_that_cannot_be_set_or_deleted() {
    let tracker = with_versions(2);
    assert_eq!(resolved(&tracker, "1.0.1"), "2");
    for message in [
        set(&tracker, "1.0.1", "1").fails(400, "INVALID_PARAMETER_VALUE"),
        set(&tracker, "7.0.0-rc", "1").fails(400, "INVALID_PARAMETER_VALUE"),
        tracker
            .delete("registered-models/alias", json!({"name": "m", "alias": "1.0.1"}))
            .fails(400, "INVALID_PARAMETER_VALUE"),
    ] {
        assert!(message.contains("is a semantic version"), "{message}");
    }
    assert_eq!(resolved(&tracker, "1.0.1"), "2");
}

#[test]
fn concurrent_deletions_leave_no_alias_of_a_deleted_version() {
    for _ in 0..5 {
        let tracker = with_versions(1);
        let mut requests: Vec<_> = (0..8)
            .map(|n| {
                let body = json!({"name": "m", "alias": format!("a{n}"), "version": "1"});
                ("POST", "/api/2.0/mlflow/registered-models/alias".to_owned(), body)
            })
            .collect();
        let deletion = json!({"name": "m", "version": "1"});
        requests.insert(
            3,
            ("DELETE", "/api/2.0/mlflow/model-versions/delete".to_owned(), deletion),
        );
        for reply in tracker.send_all(requests) {
            assert!([200, 404].contains(&reply.status), "{}", reply.body);
        }
        assert_eq!(tracker.read_model("m").get("aliases"), None);
    }
}
