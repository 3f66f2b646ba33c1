//! Runs, versions, experiments and logged models that own files.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::{Artifacts, STORE};

#[test]
fn a_run_and_a_version_lead_to_their_files() {
    let artifacts = Artifacts::with_file("model/MLmodel", "flavors:");
    let (tracker, run) = (&artifacts.tracker, &artifacts.run);
    let get = |path: &str| tracker.file("GET", path, &[], "");
    for id in ["run_id", "run_uuid"] {
        let path = format!("/get-artifact?{id}={run}&path=model/MLmodel");
        assert_eq!(get(&path).ok(), "flavors:");
    }
    assert_eq!(
        tracker
            .file(
                "HEAD",
                &format!("/get-artifact?run_id={run}&path=model%2FMLmodel"),
                &[],
                ""
            )
            .status,
        200
    );
    tracker.post("registered-models/create", json!({"name": "m"})).ok();
    for (semver, source) in [
        ("1.0.0", format!("runs:/{run}/model")),
        ("2.0.0", format!("mlflow-artifacts:/{}/model", artifacts.root)),
    ] {
        let tags = json!([{"key": "gitlab.version", "value": semver}]);
        let created = json!({"name": "m", "source": source, "tags": tags});
        tracker.post("model-versions/create", created).ok();
        let path = format!("/model-versions/get-artifact?name=m&version={semver}&path=MLmodel");
        assert_eq!(get(&path).ok(), "flavors:");
        assert_eq!(tracker.file("HEAD", &path, &[], "").status, 200);
    }
    assert_eq!(
        get("/model-versions/get-artifact?name=m&version=3&path=MLmodel").status,
        404
    );
    assert_eq!(
        get("/model-versions/get-artifact?name=m&version=1.0.0&path=../x").status,
        400
    );
    assert_eq!(get("/get-artifact?path=x").status, 400);
    assert_eq!(get(&format!("/get-artifact?run_id={run}")).status, 400);
}

#[test]
fn a_page_uploads_to_a_run() {
    let artifacts = Artifacts::fresh();
    let (tracker, run) = (&artifacts.tracker, &artifacts.run);
    for (id, name) in [("run_id", "a"), ("run_uuid", "b")] {
        let path = format!("/ajax-api/2.0/mlflow/upload-artifact?{id}={run}&path=notes/{name}.md");
        tracker.file("POST", &path, &[], "# hello").ok();
    }
    assert_eq!(artifacts.names("notes"), ["a.md", "b.md"]);
    let out = format!("/ajax-api/2.0/mlflow/upload-artifact?run_id={run}&path=../x");
    assert_eq!(tracker.file("POST", &out, &[], "x").status, 400);
}

#[test]
fn files_belong_to_an_active_run() {
    let artifacts = Artifacts::with_file("a", "x");
    let tracker = &artifacts.tracker;
    let unknown = "0/00112233445566778899aabbccddeeff/artifacts/a";
    let beside = format!("0/{}/other/a", artifacts.run);
    let elsewhere = format!("1/{}/artifacts/a", artifacts.run);
    for path in [
        "a",
        "0/a",
        unknown,
        &beside,
        &elsewhere,
        &format!("x/{}", artifacts.root),
    ] {
        for method in ["PUT", "DELETE"] {
            let refused = tracker.file(method, &format!("{STORE}/{path}"), &[], "x");
            assert_eq!(
                (refused.status, refused.error_code().as_str()),
                (400, "INVALID_PARAMETER_VALUE"),
                "{path}"
            );
        }
    }
    tracker.post("runs/delete", json!({"run_id": artifacts.run})).ok();
    let refused = artifacts.put("b", "x");
    assert_eq!(refused.status, 400);
    assert!(
        refused.text().contains("must be in the 'active' state"),
        "{}",
        refused.text()
    );
    assert_eq!(artifacts.ask("DELETE", "a", &[]).status, 400);
    assert_eq!(artifacts.text("a"), "x");
    assert_eq!(artifacts.names(""), ["a"]);
    tracker.post("runs/restore", json!({"run_id": artifacts.run})).ok();
    artifacts.put("b", "x").ok();
}

#[test]
fn an_experiment_may_have_another_location_in_the_store() {
    let tracker = Tracker::fresh();
    let place = json!({"name": "e", "artifact_location": "mlflow-artifacts:/my place"});
    let experiment = tracker.post("experiments/create", place).ok();
    let run = tracker.run(experiment["experiment_id"].as_str().unwrap(), 1);
    let path = format!("{STORE}/my%20place/{run}/artifacts/a");
    tracker.file("PUT", &path, &[], "x").ok();
    assert_eq!(
        tracker
            .file("GET", &format!("/get-artifact?run_id={run}&path=a"), &[], "")
            .ok(),
        "x"
    );

    let place = json!({"name": "f", "artifact_location": "s3://bucket"});
    let experiment = tracker.post("experiments/create", place).ok();
    let run = tracker.run(experiment["experiment_id"].as_str().unwrap(), 1);
    tracker
        .get(&format!("artifacts/list?run_id={run}"))
        .fails(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn files_belong_to_a_logged_model_until_it_is_deleted() {
    let tracker = Tracker::fresh();
    let made = tracker.post("logged-models", json!({"experiment_id": "0"})).ok();
    let info = &made["model"]["info"];
    let root = info["artifact_uri"].as_str().unwrap();
    let root = root.strip_prefix("mlflow-artifacts:/").unwrap().trim_end_matches('/');
    let path = format!("{STORE}/{root}/MLmodel");
    tracker.file("PUT", &path, &[], "flavors: {}").ok();
    assert_eq!(tracker.file("GET", &path, &[], "").ok(), "flavors: {}");
    let model_id = info["model_id"].as_str().unwrap();
    tracker
        .send("DELETE", &format!("/api/2.0/mlflow/logged-models/{model_id}"), "")
        .ok();
    assert_eq!(tracker.file("PUT", &path, &[], "other").status, 400);
    assert_eq!(tracker.file("GET", &path, &[], "").ok(), "flavors: {}");
}

#[test]
fn the_files_of_a_logged_model_are_listed_from_its_root() {
    let tracker = Tracker::fresh();
    let made = tracker.post("logged-models", json!({"experiment_id": "0"})).ok();
    let info = &made["model"]["info"];
    let (model_id, uri) = (
        info["model_id"].as_str().unwrap(),
        info["artifact_uri"].as_str().unwrap(),
    );
    let root = uri.strip_prefix("mlflow-artifacts:/").unwrap().trim_end_matches('/');
    for name in ["MLmodel", "data/x"] {
        tracker
            .file("PUT", &format!("{STORE}/{root}/{name}"), &[], "12345")
            .ok();
    }
    let list = |query: &str| tracker.get(&(format!("logged-models/{model_id}/artifacts/directories") + query));
    let files = json!([
        {"path": "MLmodel", "is_dir": false, "file_size": 5},
        {"path": "data", "is_dir": true},
    ]);
    assert_eq!(list("").ok(), json!({"root_uri": uri, "files": files}));
    let files = json!([{"path": "data/x", "is_dir": false, "file_size": 5}]);
    assert_eq!(
        list("?artifact_directory_path=data").ok(),
        json!({"root_uri": uri, "files": files})
    );
    assert_eq!(
        list("?artifact_directory_path=MLmodel").ok(),
        json!({ "root_uri": uri })
    );
    list("?artifact_directory_path=../x").fails(400, "INVALID_PARAMETER_VALUE");
    let file = |method, model_id: &str, query: &str| {
        let path = format!("/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files{query}");
        tracker.file(method, &path, &[], "")
    };
    assert_eq!(file("GET", model_id, "?artifact_file_path=data/x").ok(), "12345");
    assert_eq!(file("GET", model_id, "?artifact_file_path=./MLmodel").ok(), "12345");
    assert_eq!(file("HEAD", model_id, "?artifact_file_path=MLmodel").status, 200);
    for (query, status) in [
        ("", 400),
        ("?artifact_file_path=../x", 400),
        ("?artifact_file_path=none", 404),
    ] {
        assert_eq!(file("GET", model_id, query).status, status, "{query}");
    }
    assert_eq!(file("GET", "m-none", "?artifact_file_path=MLmodel").status, 404);
    assert_eq!(file("POST", model_id, "").status, 405);
    tracker
        .send("DELETE", &format!("/api/2.0/mlflow/logged-models/{model_id}"), "")
        .ok();
    list("").fails(404, "RESOURCE_DOES_NOT_EXIST");
    assert_eq!(file("GET", model_id, "?artifact_file_path=MLmodel").status, 404);
}
