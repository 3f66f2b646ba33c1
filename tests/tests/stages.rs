//! Stages and latest versions.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

fn with_versions(semvers: &[&str]) -> Tracker {
    let tracker = Tracker::fresh();
    tracker.model("m");
    for semver in semvers {
        tracker.version("m", Some(semver));
    }
    tracker
}

fn numbers(page: &Value, list: &str) -> Vec<String> {
    let versions = page[list].as_array().map(Vec::as_slice).unwrap_or_default();
    versions
        .iter()
        .map(|version| version["version"].as_str().unwrap().to_owned())
        .collect()
}

/// The numbers of the latest versions, by POST and by GET.
fn latest(tracker: &Tracker, stages: &[&str]) -> Vec<String> {
    let mut body = json!({"name": "m"});
    if !stages.is_empty() {
        body["stages"] = json!(stages);
    }
    let posted = tracker.post("registered-models/get-latest-versions", body).ok();
    let query: String = stages.iter().map(|stage| format!("&stages={stage}")).collect();
    let got = tracker
        .get(&format!("registered-models/get-latest-versions?name=m{query}"))
        .ok();
    assert_eq!(posted, got);
    numbers(&posted, "model_versions")
}

fn transition(tracker: &Tracker, version: &str, stage: &str) {
    let body = json!({"name": "m", "version": version, "stage": stage});
    tracker.post("model-versions/transition-stage", body).ok();
}

#[test]
fn the_latest_is_the_highest_release_or_else_the_highest_prerelease() {
    for (semvers, expected) in [
        (&["1.0.0", "1.0.1"][..], "2"),
        (&["2.0.0", "1.9.9"], "1"),
        (&["1.10.0", "1.9.0"], "1"),
        (&["1.0.0", "2.0.0-rc.1"], "1"),
        (&["1.0.0-alpha", "1.0.0-beta.11", "1.0.0-beta.2"], "2"),
        (&["1.0.0-rc.1", "1.0.0"], "2"),
        (&["1.0.0-1", "1.0.0-alpha", "1.0.0-99"], "2"),
    ] {
        let tracker = with_versions(semvers);
        assert_eq!(latest(&tracker, &[]), [expected], "{semvers:?}");
        assert_eq!(latest(&tracker, &["latest"]), [expected], "{semvers:?}");
        assert_eq!(numbers(&tracker.read_model("m"), "latest_versions"), [expected]);
        let alias = tracker.get("registered-models/alias?name=m&alias=Latest").ok();
        assert_eq!(alias["model_version"]["version"], expected);
    }
}

#[test]
fn a_model_without_versions_has_no_latest() {
    let tracker = with_versions(&[]);
    assert_eq!(latest(&tracker, &[]), [""; 0]);
    assert_eq!(latest(&tracker, &["Production", "1.0.0", "latest"]), [""; 0]);
    let message = tracker
        .get("registered-models/alias?name=m&alias=latest")
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    assert_eq!(message, "Latest version not found for model m.");
    tracker
        .post("registered-models/get-latest-versions", json!({"name": "none"}))
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
}

#[test]
fn each_stage_has_a_latest() {
    let tracker = with_versions(&["1.0.0", "1.0.1", "1.0.2", "1.0.3"]);
    transition(&tracker, "1", "production");
    transition(&tracker, "1.0.1", "PRODUCTION");
    transition(&tracker, "3", "Staging");
    assert_eq!(latest(&tracker, &[]), ["4", "3", "2"]);
    assert_eq!(latest(&tracker, &["production", "Archived"]), ["2"]);
    assert_eq!(latest(&tracker, &["None", "Staging"]), ["4", "3"]);
    assert_eq!(
        latest(
            &tracker,
            &["production", "1.0.0", "Staging", "PRODUCTION", "1.0.1", "None"]
        ),
        ["2", "1", "3", "4"]
    );
    assert_eq!(numbers(&tracker.read_model("m"), "latest_versions"), ["4", "3", "2"]);
    let refused = tracker.post(
        "registered-models/get-latest-versions",
        json!({"name": "m", "stages": ["zzz"]}),
    );
    assert_eq!(
        refused.fails(400, "INVALID_PARAMETER_VALUE"),
        "Invalid Model Version stage: zzz. Value must be one of None, Staging, Production, Archived."
    );
}

#[test]
fn a_semantic_version_is_the_stage_of_the_version_that_has_it() {
    let tracker = with_versions(&["1.0.0", "2.0.0", "1.0.0-rc.1", "1.0.0+b"]);
    for (stage, expected) in [("1.0.0", "1"), ("2.0.0", "2"), ("1.0.0-rc.1", "3"), ("1.0.0%2Bb", "4")] {
        let got = tracker
            .get(&format!("registered-models/get-latest-versions?name=m&stages={stage}"))
            .ok();
        assert_eq!(numbers(&got, "model_versions"), [expected]);
        assert!(got["model_versions"][0]["aliases"][0].is_string());
    }
    assert_eq!(latest(&tracker, &["9.9.9"]), [""; 0]);
}

#[test]
fn the_highest_number_of_the_latest_versions_is_the_latest_version() {
    // All clients resolve `models:/m/latest` like this: the stage of 3 must not make it the latest.
    let tracker = with_versions(&["1.0.0", "3.0.0", "2.0.0"]);
    transition(&tracker, "3", "Production");
    transition(&tracker, "1", "Staging");
    assert_eq!(latest(&tracker, &[]), ["2", "1"]);
    assert_eq!(latest(&tracker, &["Production"]), ["3"]);
    assert_eq!(numbers(&tracker.read_model("m"), "latest_versions"), ["2", "3", "1"]);
}

#[test]
fn a_transition_can_archive_the_versions_of_its_stage() {
    let tracker = with_versions(&["1.0.0", "1.0.1", "1.0.2"]);
    transition(&tracker, "1", "Production");
    transition(&tracker, "2", "Production");
    let body = |stage: &str| json!({"name": "m", "version": "3", "stage": stage, "archive_existing_versions": true});
    let moved = tracker.post("model-versions/transition-stage", body("production")).ok();
    assert_eq!(moved["model_version"]["current_stage"], "Production");
    for (version, stage) in [("1", "Archived"), ("2", "Archived"), ("3", "Production")] {
        assert_eq!(tracker.read_version("m", version)["current_stage"], stage);
    }
    // A transition does not archive its own version.
    tracker.post("model-versions/transition-stage", body("production")).ok();
    assert_eq!(tracker.read_version("m", "3")["current_stage"], "Production");
    for stage in ["None", "archived"] {
        let message = tracker
            .post("model-versions/transition-stage", body(stage))
            .fails(400, "INVALID_PARAMETER_VALUE");
        assert!(
            message.contains(&format!("'{stage}' is not an Active stage")),
            "{message}"
        );
    }
    for bad in [
        json!({"stage": "zzz"}),
        json!({"stage": ""}),
        json!({"stage": "Staging", "archive_existing_versions": "yes"}),
    ] {
        let mut body = bad;
        (body["name"], body["version"]) = (json!("m"), json!("3"));
        tracker
            .post("model-versions/transition-stage", body)
            .fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn the_latest_follows_deletions() {
    let tracker = with_versions(&["1.0.0", "2.0.0", "3.0.0-rc.1"]);
    for (deleted, expected) in [("2", "1"), ("1", "3")] {
        tracker
            .delete("model-versions/delete", json!({"name": "m", "version": deleted}))
            .ok();
        assert_eq!(latest(&tracker, &[]), [expected]);
    }
}
