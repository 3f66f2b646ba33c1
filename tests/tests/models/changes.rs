//! Changes of registered models: names, descriptions, tags, and deletion.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::{experiment, names, search};

#[test]
fn a_deleted_models_name_is_free_and_its_numbers_start_again() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let first = experiment(&tracker, "[model]m").unwrap()["experiment_id"].take();
    for _ in 0..3 {
        tracker.version("m", None);
    }
    tracker
        .post(
            "registered-models/alias",
            json!({"name": "m", "alias": "a", "version": "2"}),
        )
        .ok();
    tracker.delete("registered-models/delete", json!({"name": "m"})).ok();
    tracker
        .delete("registered-models/delete", json!({"name": "m"}))
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    for gone in [
        "registered-models/get?name=m",
        "model-versions/get?name=m&version=1",
        "model-versions/get-download-uri?name=m&version=1.0.0",
        "registered-models/alias?name=m&alias=a",
    ] {
        tracker.get(gone).fails(404, "RESOURCE_DOES_NOT_EXIST");
    }
    assert_eq!(tracker.get("model-versions/search").ok(), json!({}));
    tracker.model("m");
    let version = tracker.version("m", None);
    assert_eq!(
        (&version["version"], &version["aliases"]),
        (&json!("1"), &json!(["1.0.0"]))
    );
    assert_eq!(tracker.read_model("m")["aliases"], json!(null));
    // The old experiment gets its name back only if the name is free.
    let restore = |id: &Value| tracker.post("experiments/restore", json!({"experiment_id": id}));
    restore(&first).fails(400, "RESOURCE_ALREADY_EXISTS");
    tracker.delete("registered-models/delete", json!({"name": "m"})).ok();
    restore(&first).ok();
    assert_eq!(experiment(&tracker, "[model]m").unwrap()["experiment_id"], first);
    tracker.post("experiments/delete", json!({"experiment_id": first})).ok();
}

#[test]
fn a_rename_carries_versions_tags_and_aliases() {
    let tracker = Tracker::fresh();
    tracker.model("old");
    tracker.version("old", Some("1.2.3"));
    tracker
        .post(
            "registered-models/set-tag",
            json!({"name": "old", "key": "k", "value": "v"}),
        )
        .ok();
    tracker
        .post(
            "registered-models/alias",
            json!({"name": "old", "alias": "a", "version": "1"}),
        )
        .ok();
    let rename = |name: &str, new_name: Value| {
        tracker.post("registered-models/rename", json!({"name": name, "new_name": new_name}))
    };
    let renamed = rename("old", json!("new")).ok()["registered_model"].take();
    assert_eq!(renamed["tags"], json!([{"key": "k", "value": "v"}]));
    assert_eq!(renamed["aliases"], json!([{"alias": "a", "version": "1"}]));
    assert_eq!(renamed["latest_versions"][0]["name"], "new");
    assert_eq!(tracker.read_model("new"), renamed);
    assert_eq!(tracker.read_version("new", "1.2.3")["name"], "new");
    tracker
        .get("model-versions/get?name=old&version=1")
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    assert_eq!(names(&search(&tracker, "filter=name='new'")), ["new"]);
    assert_eq!(search(&tracker, "filter=name='old'"), json!({}));
    tracker.model("old");
    rename("old", json!("new")).fails(400, "RESOURCE_ALREADY_EXISTS");
    rename("new", json!("new")).ok();
    rename("none", json!("x")).fails(404, "RESOURCE_DOES_NOT_EXIST");
    for bad in [json!(null), json!(""), json!("a/b")] {
        rename("new", bad).fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn an_update_without_a_description_removes_it() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let update = |body: Value| tracker.patch("registered-models/update", body);
    assert_eq!(
        update(json!({"name": "m", "description": "d"})).ok()["registered_model"]["description"],
        "d"
    );
    assert_eq!(
        update(json!({"name": "m"})).ok()["registered_model"]["description"],
        json!(null)
    );
    update(json!({"name": "none"})).fails(404, "RESOURCE_DOES_NOT_EXIST");
    update(json!({"name": "m", "description": "x".repeat(100_001)})).fails(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn tags_are_set_overwritten_and_deleted() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let set = |key: &str, value: &str| {
        tracker.post(
            "registered-models/set-tag",
            json!({"name": "m", "key": key, "value": value}),
        )
    };
    set("k", "1").ok();
    set("k", "2").ok();
    set("gitlab.version", "no version of a model").ok();
    set("a@b", "").fails(400, "INVALID_PARAMETER_VALUE");
    set("k", &"x".repeat(100_001)).fails(400, "INVALID_PARAMETER_VALUE");
    set("long", &"x".repeat(100_000)).ok();
    let delete =
        |name: &str, key: &str| tracker.delete("registered-models/delete-tag", json!({"name": name, "key": key}));
    for key in ["long", "gitlab.version", "nobody set this"] {
        delete("m", key).ok();
    }
    assert_eq!(tracker.read_model("m")["tags"], json!([{"key": "k", "value": "2"}]));
    delete("none", "k").fails(404, "RESOURCE_DOES_NOT_EXIST");
    delete("m", "").fails(400, "INVALID_PARAMETER_VALUE");
}
