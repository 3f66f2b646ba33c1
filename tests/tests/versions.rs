//! `model-versions/…`: numbers, semantic versions, and changes of versions.

use std::collections::BTreeSet;

use mlforge_tests::tracker::{NOW_MS, Tracker};
use serde_json::{Value, json};

/// A project with the model `m`.
fn with_model() -> Tracker {
    let tracker = Tracker::fresh();
    tracker.model("m");
    tracker
}

fn create(tracker: &Tracker, mut body: Value) -> Value {
    body["name"] = json!("m");
    tracker.post("model-versions/create", body).ok()["model_version"].take()
}

#[test]
fn a_created_version_is_read_by_number_and_semantic_version() {
    let tracker = with_model();
    let made = create(
        &tracker,
        json!({"source": "", "description": "d", "run_link": "l", "tags": [{"key": "t", "value": "v"}, {"key": "z"}]}),
    );
    let run = made["run_id"].as_str().unwrap();
    let expected = json!({
        "name": "m", "version": "1", "creation_timestamp": NOW_MS, "last_updated_timestamp": NOW_MS, "current_stage": "None",
        "description": "d", "source": format!("mlflow-artifacts:/1/{run}/artifacts"), "run_id": run, "status": "READY",
        "tags": [{"key": "gitlab.version", "value": "1.0.0"}, {"key": "t", "value": "v"}, {"key": "z", "value": ""}],
        "run_link": "l", "aliases": ["1.0.0"], "user_id": "writer", "author": {"id": "7", "login": "writer"},
    });
    assert_eq!(made, expected);
    for version in ["1", "1.0.0", "01", "+1"] {
        assert_eq!(tracker.read_version("m", version), expected, "{version}");
    }
    let plain = create(&tracker, json!({}));
    assert_eq!((&plain["description"], &plain["run_link"]), (&json!(""), &json!("")));
    assert_eq!(tracker.read_model("m")["last_updated_timestamp"], NOW_MS);
}

#[test]
fn version_numbers_continue_from_the_highest() {
    let tracker = with_model();
    for (given, expected) in [
        (None, "1.0.0"),
        (None, "1.0.1"),
        (Some("3.1.4"), "3.1.4"),
        (Some("2.0.0"), "2.0.0"),
        (None, "3.1.5"),
        (Some("4.0.0-rc.1"), "4.0.0-rc.1"),
        (None, "4.0.1"),
        (Some("4.0.1-rc"), "4.0.1-rc"),
        (Some("4.0.1+build"), "4.0.1+build"),
        (None, "4.0.2"),
    ] {
        assert_eq!(tracker.version("m", given)["aliases"], json!([expected]));
    }
    let numbers: Vec<Value> = (1..=10)
        .map(|number| tracker.read_version("m", &number.to_string())["version"].take())
        .collect();
    assert_eq!(
        numbers,
        (1..=10).map(|number| json!(number.to_string())).collect::<Vec<_>>()
    );
}

#[test]
fn a_taken_or_invalid_semantic_version_is_refused_and_nothing_is_stored() {
    let tracker = with_model();
    tracker.version("m", Some("1.0.0"));
    for bad in ["", "1", "1.0", "v1.0.0", "1.0.0 ", "01.0.0", "1.0.0-", "nonsense"] {
        let message = tracker
            .try_version("m", Some(bad))
            .fails(400, "INVALID_PARAMETER_VALUE");
        assert!(message.contains("gitlab.version"), "{message}");
    }
    let message = tracker
        .try_version("m", Some("1.0.0"))
        .fails(400, "RESOURCE_ALREADY_EXISTS");
    assert!(message.contains("version=1.0.0) already exists"), "{message}");
    let last = tracker.version(
        "m",
        Some("18446744073709551615.18446744073709551615.18446744073709551615"),
    );
    assert_eq!(last["version"], "2");
    tracker.try_version("m", None).fails(400, "INVALID_PARAMETER_VALUE");
    let experiment = tracker.get("experiments/get-by-name?experiment_name=[model]m").ok();
    let runs = tracker
        .post(
            "runs/search",
            json!({"experiment_ids": [experiment["experiment"]["experiment_id"]]}),
        )
        .ok();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 2);
}

#[test]
fn a_missing_model_or_version_is_404_and_an_invalid_version_400() {
    let tracker = with_model();
    tracker.version("m", None);
    assert_eq!(
        tracker.try_version("none", None).fails(404, "RESOURCE_DOES_NOT_EXIST"),
        "Registered Model with name=none not found"
    );
    for (model, version) in [
        ("m", "2"),
        ("m", "0"),
        ("m", "-1"),
        ("m", "9.9.9"),
        ("none", "1"),
        ("m", "99999999999999999999"),
    ] {
        let message = format!("Model Version (name={model}, version={version}) not found");
        for read in ["get", "get-download-uri"] {
            let refused = tracker.get(&format!("model-versions/{read}?name={model}&version={version}"));
            assert_eq!(refused.fails(404, "RESOURCE_DOES_NOT_EXIST"), message);
        }
        let body = json!({"name": model, "version": version, "stage": "Staging", "key": "k", "alias": "a"});
        for refused in [
            tracker.patch("model-versions/update", body.clone()),
            tracker.post("model-versions/transition-stage", body.clone()),
            tracker.delete("model-versions/delete", body.clone()),
            tracker.post("model-versions/set-tag", body.clone()),
            tracker.delete("model-versions/delete-tag", body.clone()),
            tracker.post("registered-models/alias", body),
        ] {
            assert_eq!(refused.fails(404, "RESOURCE_DOES_NOT_EXIST"), message);
        }
    }
    for version in ["", "x", "1.0", "v1.0.0"] {
        tracker
            .get(&format!("model-versions/get?name=m&version={version}"))
            .fails(400, "INVALID_PARAMETER_VALUE");
    }
    tracker
        .patch("model-versions/update", json!({"name": "m", "version": 1}))
        .fails(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn number_and_semantic_version_are_accepted_by_every_endpoint() {
    let tracker = with_model();
    tracker.version("m", Some("2.0.0-rc.1"));
    for version in ["1", "2.0.0-rc.1"] {
        let body = json!({
            "name": "m", "version": version, "description": version, "stage": "Staging", "key": "k", "value": version, "alias": "a",
        });
        assert_eq!(
            tracker.patch("model-versions/update", body.clone()).ok()["model_version"]["description"],
            version
        );
        assert_eq!(
            tracker.post("model-versions/transition-stage", body.clone()).ok()["model_version"]["current_stage"],
            "Staging"
        );
        tracker.post("model-versions/set-tag", body.clone()).ok();
        tracker.post("registered-models/alias", body.clone()).ok();
        let read = tracker.read_version("m", version);
        assert_eq!(read["tags"][1], json!({"key": "k", "value": version}));
        assert_eq!(read["aliases"], json!(["2.0.0-rc.1", "a"]));
        tracker.delete("model-versions/delete-tag", body.clone()).ok();
        tracker.delete("registered-models/alias", body).ok();
        let uri = tracker
            .get(&format!("model-versions/get-download-uri?name=m&version={version}"))
            .ok();
        assert_eq!(uri["artifact_uri"], read["source"]);
    }
    tracker
        .delete("model-versions/delete", json!({"name": "m", "version": "2.0.0-rc.1"}))
        .ok();
    tracker
        .get("model-versions/get?name=m&version=1")
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
}

#[test]
fn an_update_without_a_description_removes_it() {
    let tracker = with_model();
    create(&tracker, json!({"description": "d"}));
    let update = |body: Value| tracker.patch("model-versions/update", body).ok()["model_version"]["description"].take();
    assert_eq!(update(json!({"name": "m", "version": "1", "description": ""})), "");
    assert_eq!(update(json!({"name": "m", "version": "1"})), json!(null));
    assert_eq!(tracker.read_version("m", "1").get("description"), None);
}

#[test]
fn a_deleted_version_loses_its_aliases_and_its_number_is_not_reused() {
    let tracker = with_model();
    for _ in 0..3 {
        tracker.version("m", None);
    }
    tracker
        .post(
            "registered-models/alias",
            json!({"name": "m", "alias": "a", "version": "3"}),
        )
        .ok();
    tracker
        .post(
            "registered-models/alias",
            json!({"name": "m", "alias": "b", "version": "1"}),
        )
        .ok();
    for version in ["3", "1.0.1"] {
        tracker
            .delete("model-versions/delete", json!({"name": "m", "version": version}))
            .ok();
        tracker
            .delete("model-versions/delete", json!({"name": "m", "version": version}))
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
    }
    let model = tracker.read_model("m");
    assert_eq!(model["aliases"], json!([{"alias": "b", "version": "1"}]));
    assert_eq!(model["latest_versions"][0]["version"], "1");
    tracker
        .get("registered-models/alias?name=m&alias=a")
        .fails(400, "INVALID_PARAMETER_VALUE");
    tracker
        .get("registered-models/alias?name=m&alias=1.0.2")
        .fails(400, "INVALID_PARAMETER_VALUE");
    let next = tracker.version("m", None);
    assert_eq!((&next["version"], &next["aliases"]), (&json!("4"), &json!(["1.0.1"])));
    // This also holds when no version is left.
    for version in ["1", "4"] {
        tracker
            .delete("model-versions/delete", json!({"name": "m", "version": version}))
            .ok();
    }
    assert_eq!(tracker.version("m", None)["version"], "5");
}

#[test]
fn tags_are_set_overwritten_and_deleted_but_not_the_semantic_version() {
    let tracker = with_model();
    tracker.version("m", Some("1.0.0"));
    let set = |key: &str, value: &str| {
        tracker.post(
            "model-versions/set-tag",
            json!({"name": "m", "version": "1", "key": key, "value": value}),
        )
    };
    let delete = |key: &str| {
        tracker.delete(
            "model-versions/delete-tag",
            json!({"name": "m", "version": "1", "key": key}),
        )
    };
    set("k", "1").ok();
    set("k", "2").ok();
    set("a@b", "").fails(400, "INVALID_PARAMETER_VALUE");
    set("k", &"x".repeat(100_001)).fails(400, "INVALID_PARAMETER_VALUE");
    set("gitlab.version", "1.0.0").ok();
    set("gitlab.version", "2.0.0").fails(400, "INVALID_PARAMETER_VALUE");
    delete("gitlab.version").fails(400, "INVALID_PARAMETER_VALUE");
    delete("nobody set this").ok();
    let shown = json!([{"key": "gitlab.version", "value": "1.0.0"}, {"key": "k", "value": "2"}]);
    assert_eq!(tracker.read_version("m", "1")["tags"], shown);
    delete("k").ok();
    assert_eq!(tracker.read_version("m", "1")["tags"], json!([shown[0]]));
}

#[test]
fn a_version_is_a_finished_run_of_its_creator() {
    let tracker = with_model();
    let version = tracker.version("m", Some("1.2.3"));
    let run = version["run_id"].as_str().unwrap();
    let read = tracker.read(run);
    assert_eq!(
        (
            &read["info"]["status"],
            &read["info"]["user_id"],
            &read["info"]["start_time"],
            &read["info"]["end_time"]
        ),
        (&json!("FINISHED"), &json!("writer"), &json!(NOW_MS), &json!(NOW_MS))
    );
    assert_eq!(read["info"]["run_name"], "1.2.3");
    let experiment = tracker.get("experiments/get-by-name?experiment_name=[model]m").ok();
    assert_eq!(read["info"]["experiment_id"], experiment["experiment"]["experiment_id"]);
    let metric = json!({"run_id": run, "key": "m", "value": 1, "timestamp": 1});
    tracker.post("runs/log-metric", metric).ok();
    tracker
        .post("runs/log-parameter", json!({"run_id": run, "key": "p", "value": "v"}))
        .ok();
    assert_eq!(tracker.read(run)["data"]["params"], json!([{"key": "p", "value": "v"}]));
}

#[test]
fn thirty_two_concurrent_writers_get_thirty_two_numbers() {
    let tracker = with_model();
    let create = |_| {
        let body = json!({"name": "m", "source": ""});
        ("POST", "/api/2.0/mlflow/model-versions/create".to_owned(), body)
    };
    let (mut numbers, mut semvers) = (BTreeSet::new(), BTreeSet::new());
    for round in 1..=3 {
        for reply in tracker.send_all((0..32).map(create).collect()) {
            let version = reply.ok()["model_version"].take();
            numbers.insert(version["version"].as_str().unwrap().parse::<u64>().unwrap());
            semvers.insert(version["aliases"][0].as_str().unwrap().to_owned());
        }
        assert_eq!(numbers, (1..=32 * round).collect(), "no gap, no twin");
    }
    assert_eq!(semvers, (0..96).map(|patch| format!("1.0.{patch}")).collect());
    assert_eq!(tracker.read_model("m")["latest_versions"][0]["version"], "96");
}

#[test]
fn one_of_many_writers_gets_a_semantic_version() {
    let tracker = with_model();
    let create = |_| {
        let body = json!({"name": "m", "tags": [{"key": "gitlab.version", "value": "7.0.0"}]});
        ("POST", "/api/2.0/mlflow/model-versions/create".to_owned(), body)
    };
    let replies = tracker.send_all((0..16).map(create).collect());
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    assert!(replies.iter().all(|reply| [200, 400].contains(&reply.status)));
    assert_eq!(tracker.version("m", None)["version"], "2");
}

#[test]
fn prompts_are_versions_with_a_placeholder_for_a_source() {
    let tracker = with_model();
    let mark =
        json!([{"key": "mlflow.prompt.is_prompt", "value": "true"}, {"key": "mlflow.prompt.text", "value": "hi"}]);
    tracker
        .post("registered-models/create", json!({"name": "p", "tags": mark}))
        .ok();
    let create = |source: &str| {
        tracker.post(
            "model-versions/create",
            json!({"name": "p", "source": source, "tags": mark}),
        )
    };
    let version = create("dummy-source").ok()["model_version"].take();
    assert_eq!((&version["source"], &version["tags"]), (&json!("dummy-source"), &mark));
    // It shows no alias or tag that nobody set, and still has its semantic version.
    assert_eq!(version["aliases"], json!(null));
    assert_eq!(tracker.read_version("p", "1.0.0"), version);
    create("").fails(400, "INVALID_PARAMETER_VALUE");
    create("mlflow-artifacts:/0").fails(400, "INVALID_PARAMETER_VALUE");
    tracker
        .post("model-versions/create", json!({"name": "m", "source": "models:/p/1"}))
        .fails(400, "INVALID_PARAMETER_VALUE");
}
