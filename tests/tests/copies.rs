//! Copies of versions and experiments. Values that the server made up are accepted when they come back with a
//! copy: semantic versions among tags and aliases, sources, locations.

use mlforge_tests::tracker::{Reply, Tracker};
use serde_json::{Value, json};

/// Models a, b and p; a and b have one version each, made from a run, with the tag `t`.
fn with_originals() -> Tracker {
    let tracker = Tracker::fresh();
    for model in ["a", "b", "p"] {
        tracker.model(model);
    }
    for model in ["a", "b"] {
        let run = tracker.run("0", 1);
        create(
            &tracker,
            model,
            &format!("runs:/{run}/m"),
            json!(null),
            json!([{"key": "t", "value": model}]),
        )
        .ok();
    }
    tracker
}

fn create(tracker: &Tracker, model: &str, source: &str, run: Value, tags: Value) -> Reply {
    let body = json!({"name": model, "source": source, "run_id": run, "tags": tags});
    tracker.post("model-versions/create", body)
}

/// Copies a version as `copy_model_version` does: with all tags of the original.
fn copy(tracker: &Tracker, original: (&str, &str), to: &str) -> Value {
    let (model, version) = original;
    let tags = tracker.read_version(model, version)["tags"].take();
    let source = format!("models:/{model}/{version}");
    create(tracker, to, &source, json!(null), tags).ok()["model_version"].take()
}

fn semver(version: &Value) -> &str {
    version["aliases"][0].as_str().unwrap()
}

fn set_tag(tracker: &Tracker, model: &str, version: &str, value: &str) -> Reply {
    let body = json!({"name": model, "version": version, "key": "gitlab.version", "value": value});
    tracker.post("model-versions/set-tag", body)
}

#[test]
fn a_copied_version_keeps_its_semantic_version_or_gets_the_next() {
    let tracker = with_originals();
    assert_eq!(semver(&copy(&tracker, ("a", "1"), "p")), "1.0.0");
    for (original, to, expected) in [
        (("b", "1"), "p", "1.0.1"),
        (("a", "1"), "p", "1.0.2"),
        (("a", "1"), "a", "1.0.1"),
        // Copies of a copy.
        (("p", "3"), "p", "1.0.3"),
        (("p", "3"), "b", "1.0.2"),
    ] {
        let made = copy(&tracker, original, to);
        assert_eq!(semver(&made), expected, "{original:?} to {to}");
        assert_eq!(made["tags"][0], json!({"key": "gitlab.version", "value": expected}));
        assert_eq!(made["tags"][1]["key"], "t");
    }
}

#[test]
fn the_tags_of_a_version_may_come_with_its_source_or_its_run() {
    let tracker = with_originals();
    let original = tracker.read_version("a", "1");
    let source = original["source"].as_str().unwrap();
    for run in [&original["run_id"], &Value::Null] {
        for (model, count) in [("a", 2), ("p", 1)] {
            let made = create(&tracker, model, source, run.clone(), original["tags"].clone()).ok();
            let number = made["model_version"]["version"]
                .as_str()
                .unwrap()
                .parse::<i64>()
                .unwrap();
            assert!(number >= count, "{made}");
        }
    }
    // A version with files elsewhere has a run of its own, which a copy need not name.
    let tracker = Tracker::allowing_sources(&["s3"]);
    tracker.model("m");
    let first = create(&tracker, "m", "s3://b/m", json!(null), json!([])).ok()["model_version"].take();
    let again = create(&tracker, "m", "s3://b/m", json!(null), first["tags"].clone()).ok();
    assert_eq!(semver(&again["model_version"]), "1.0.1");
}

#[test]
fn a_chosen_semantic_version_is_kept_or_refused() {
    let tracker = with_originals();
    let chosen = json!([{"key": "gitlab.version", "value": "1.0.0"}]);
    create(&tracker, "a", "", json!(null), chosen.clone()).fails(400, "RESOURCE_ALREADY_EXISTS");
    // Clients of the forge write it like this: the source is the version, and names no files.
    let twice = json!([{"key": "gitlab.version", "value": "2.1.0"}]);
    create(&tracker, "a", "2.1.0", json!(null), twice.clone()).ok();
    create(&tracker, "a", "2.1.0", json!(null), twice).fails(400, "RESOURCE_ALREADY_EXISTS");
    let other = tracker.run("0", 1);
    create(&tracker, "a", &format!("runs:/{other}/m"), json!(null), chosen).fails(400, "RESOURCE_ALREADY_EXISTS");
    // A copy may get a chosen semantic version.
    let chosen = json!([{"key": "gitlab.version", "value": "5.0.0"}]);
    let made = create(&tracker, "p", "models:/a/1", json!(null), chosen.clone()).ok();
    assert_eq!(semver(&made["model_version"]), "5.0.0");
    create(&tracker, "p", "models:/b/1", json!(null), chosen).fails(400, "RESOURCE_ALREADY_EXISTS");
    let invalid = json!([{"key": "gitlab.version", "value": "five"}]);
    create(&tracker, "p", "models:/a/1", json!(null), invalid).fails(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn a_semantic_version_set_later_is_refused_only_if_it_contradicts_a_choice() {
    let tracker = with_originals();
    copy(&tracker, ("a", "1"), "p");
    copy(&tracker, ("b", "1"), "p");
    tracker.version("p", Some("7.0.0"));
    let chosen = json!([{"key": "gitlab.version", "value": "8.0.0"}]);
    create(&tracker, "p", "models:/a/1", json!(null), chosen).ok();
    for (version, value, changes_nothing) in [
        // Accepted: its own, that of its original, and any other, since nobody chose its present one.
        ("1", "1.0.0", true),
        ("2", "1.0.1", true),
        ("2", "1.0.0", true),
        ("2", "9.9.9", true),
        ("3", "7.0.0", true),
        ("3", "1.0.0", false),
        ("3", "9.9.9", false),
        ("4", "1.0.0", true),
        ("4", "7.0.0", false),
        ("1", "one", false),
        ("1", "", false),
    ] {
        let before = tracker.read_version("p", version);
        let reply = set_tag(&tracker, "p", version, value);
        if changes_nothing {
            reply.ok();
        } else {
            let message = reply.fails(400, "INVALID_PARAMETER_VALUE");
            assert!(message.contains("gitlab.version"), "{version} {value}: {message}");
        }
        assert_eq!(tracker.read_version("p", version), before, "{version} {value}");
    }
    // The origin of the semantic version is known as long as the version exists.
    let body = json!({"name": "p", "version": "3", "description": "d"});
    tracker.patch("model-versions/update", body).ok();
    let staged = json!({"name": "p", "version": "2", "stage": "Production"});
    tracker.post("model-versions/transition-stage", staged).ok();
    set_tag(&tracker, "p", "3", "9.9.9").fails(400, "INVALID_PARAMETER_VALUE");
    set_tag(&tracker, "p", "2", "9.9.9").ok();
}

#[test]
fn the_aliases_of_a_version_can_be_set_on_it_and_on_its_copy() {
    let tracker = with_originals();
    copy(&tracker, ("a", "1"), "p");
    copy(&tracker, ("b", "1"), "p");
    let set = |model: &str, version: &str, alias: &str| {
        let body = json!({"name": model, "version": version, "alias": alias});
        tracker.post("registered-models/alias", body)
    };
    set("b", "1", "champion").ok();
    for alias in tracker.read_version("b", "1")["aliases"].as_array().unwrap() {
        set("p", "2", alias.as_str().unwrap()).ok();
    }
    assert_eq!(tracker.read_version("p", "2")["aliases"], json!(["1.0.1", "champion"]));
    let champion = tracker.read_model("p")["aliases"].take();
    assert_eq!(champion, json!([{"alias": "champion", "version": "2"}]));
    set("p", "1", "1.0.1").fails(400, "INVALID_PARAMETER_VALUE");
    set("p", "1", "3.0.0").fails(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn a_copied_experiment_has_a_location_of_its_own() {
    let tracker = Tracker::fresh();
    tracker.experiment("original");
    let original = tracker.get("experiments/get?experiment_id=1").ok()["experiment"].take();
    let copy = json!({"name": "copy", "artifact_location": original["artifact_location"]});
    tracker.post("experiments/create", copy).ok();
    let copied = tracker.get("experiments/get?experiment_id=2").ok()["experiment"].take();
    assert_eq!(copied["artifact_location"], "mlflow-artifacts:/2");
}
