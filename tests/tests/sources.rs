//! `source` of versions, and `model-versions/get-download-uri`.

use mlforge_tests::tracker::{Reply, Tracker};
use serde_json::{Value, json};

/// A project with the model `m` and a run in `Default`.
fn with_run() -> (Tracker, String) {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let run = tracker.run("0", 1);
    (tracker, run)
}

fn create(tracker: &Tracker, source: &str, run: Option<&str>) -> Reply {
    tracker.post(
        "model-versions/create",
        json!({"name": "m", "source": source, "run_id": run}),
    )
}

fn download(tracker: &Tracker, version: &Value) -> String {
    let number = version["version"].as_str().unwrap();
    let uri = tracker
        .get(&format!("model-versions/get-download-uri?name=m&version={number}"))
        .ok();
    uri["artifact_uri"].as_str().unwrap().to_owned()
}

#[test]
fn without_a_source_the_files_are_those_of_the_run() {
    let (tracker, run) = with_run();
    let own = create(&tracker, "", None).ok()["model_version"].take();
    let uri = tracker.read(own["run_id"].as_str().unwrap())["info"]["artifact_uri"].take();
    assert_eq!((&own["source"], &json!(download(&tracker, &own))), (&uri, &uri));
    let given = create(&tracker, "", Some(&run)).ok()["model_version"].take();
    assert_eq!(given["source"], format!("mlflow-artifacts:/0/{run}/artifacts"));
    assert_eq!(download(&tracker, &given), given["source"].as_str().unwrap());
}

#[test]
fn a_semantic_version_for_a_source_is_kept_and_leads_to_the_runs_files() {
    let (tracker, _) = with_run();
    // `create_model_version(name, version, tags={"gitlab.version": version})` sends it like this.
    let body = json!({"name": "m", "source": "2.1.0", "tags": [{"key": "gitlab.version", "value": "2.1.0"}]});
    let version = tracker.post("model-versions/create", body).ok()["model_version"].take();
    assert_eq!(
        (&version["source"], &version["aliases"]),
        (&json!("2.1.0"), &json!(["2.1.0"]))
    );
    let uri = tracker.read(version["run_id"].as_str().unwrap())["info"]["artifact_uri"].take();
    assert_eq!(download(&tracker, &version), uri.as_str().unwrap());
}

#[test]
fn a_location_in_a_run_requires_that_run_to_exist_and_to_be_the_one_named() {
    let (tracker, run) = with_run();
    let other = tracker.run("0", 2);
    for source in [
        format!("runs:/{run}/model"),
        format!("mlflow-artifacts:/0/{run}/artifacts/a/model"),
    ] {
        for named in [Some(&*run), None] {
            let version = create(&tracker, &source, named).ok()["model_version"].take();
            assert_eq!((&version["source"], &version["run_id"]), (&json!(source), &json!(run)));
            assert_eq!(download(&tracker, &version), source);
        }
        create(&tracker, &source, Some(&other)).fails(400, "INVALID_PARAMETER_VALUE");
    }
    let unknown = "f".repeat(32);
    for bad in [
        format!("runs:/{unknown}/model"),
        "runs:/short/model".to_owned(),
        format!("mlflow-artifacts:/0/{unknown}/artifacts/model"),
        format!("mlflow-artifacts:/7/{run}/artifacts/model"),
        format!("mlflow-artifacts:/0/{run}/artifactsmodel"),
        format!("mlflow-artifacts:/0/{run}"),
        "mlflow-artifacts:/".to_owned(),
        format!("mlflow-artifacts://elsewhere/0/{run}/artifacts/model"),
    ] {
        let message = create(&tracker, &bad, None).fails(400, "INVALID_PARAMETER_VALUE");
        assert!(
            message.starts_with(&format!("Invalid model version source: '{bad}'.")),
            "{message}"
        );
    }
}

#[test]
fn a_version_can_be_made_from_another_by_each_of_its_names() {
    let (tracker, run) = with_run();
    let first = create(&tracker, &format!("runs:/{run}/model"), None).ok()["model_version"].take();
    tracker
        .post(
            "registered-models/alias",
            json!({"name": "m", "alias": "a", "version": "1"}),
        )
        .ok();
    tracker
        .post(
            "model-versions/transition-stage",
            json!({"name": "m", "version": "1", "stage": "Staging"}),
        )
        .ok();
    tracker.model("copy");
    for suffix in ["/1", "/1.0.0", "@a", "/staging", "/latest", "@latest"] {
        let body = json!({"name": "copy", "source": format!("models:/m{suffix}")});
        let made = tracker.post("model-versions/create", body).ok()["model_version"].take();
        assert_eq!(
            (&made["source"], &made["run_id"]),
            (&json!("models:/m/1"), &first["run_id"]),
            "{suffix}"
        );
        let number = made["version"].as_str().unwrap();
        let uri = tracker
            .get(&format!("model-versions/get-download-uri?name=copy&version={number}"))
            .ok();
        assert_eq!(uri["artifact_uri"], first["source"]);
    }
    let other = tracker.run("0", 2);
    create(&tracker, "models:/m/1", Some(&other)).fails(400, "INVALID_PARAMETER_VALUE");
    create(&tracker, "models:/m/1", Some(&run)).ok();
    for missing in [
        "models:/m/99",
        "models:/none/1",
        "models:/m/9.9.9",
        "models:/m/Production",
    ] {
        create(&tracker, missing, None).fails(404, "RESOURCE_DOES_NOT_EXIST");
    }
    for bad in [
        "models:/m",
        "models:/m@none",
        "models:/m/nonsense",
        "models:/m-0123456789abcdef",
        "models://m/1",
        "models:/a/b/c",
    ] {
        create(&tracker, bad, None).fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn external_locations_are_refused_unless_the_host_allows_their_scheme() {
    let tracker = Tracker::allowing_sources(&[]);
    tracker.model("m");
    let run = tracker.run("0", 1);
    let climbing = [
        format!("runs:/{run}/../x"),
        format!("runs:/{run}/%2e%2e/x"),
        format!("runs:/{run}/%252e%252e/x"),
        format!("mlflow-artifacts:/0/{run}/artifacts/..%2f..%2fx"),
        format!("mlflow-artifacts:/0/{run}/artifacts/a\\..\\x"),
        "s3://bucket/../x".to_owned(),
        "s3://bucket/%2e%2e/x".to_owned(),
    ];
    let elsewhere = [
        "s3://bucket/x",
        "S3://bucket/x",
        "gs://b/x",
        "https://host/x",
        "file:///x",
        "/x",
        "x",
        "./x",
        "dbfs:/x",
    ];
    for source in climbing.iter().map(String::as_str).chain(elsewhere) {
        let message = create(&tracker, source, Some(&run)).fails(400, "INVALID_PARAMETER_VALUE");
        assert!(message.starts_with("Invalid model version source"), "{message}");
    }
    assert_eq!(tracker.read_model("m").get("latest_versions"), None);
    let open = Tracker::allowing_sources(&["s3", "file"]);
    open.model("m");
    for allowed in ["s3://bucket/x", "S3://bucket/x", "file:///x"] {
        let version = create(&open, allowed, None).ok()["model_version"].take();
        assert_eq!(
            (&version["source"], download(&open, &version)),
            (&json!(allowed), allowed.to_owned())
        );
    }
    for refused in ["gs://b/x", "/x", "s3://bucket/../x", "file:///%2e%2e/x"] {
        create(&open, refused, None).fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn sources_that_clients_resolve_themselves_are_accepted_by_default() {
    let (tracker, run) = with_run();
    for source in [
        "s3://bucket/a/model",
        "gs://b/x",
        "wasbs://c@account.blob.core.windows.net/x",
        "abfss://c@account.dfs.core.windows.net/x",
        "adl://a.azuredatalakestore.net/x",
        "dbfs:/x",
        "hdfs://host:8020/x",
        "https://host/x?version=1",
        "ftp://host/x",
        "sftp://host/x",
    ] {
        let version = create(&tracker, source, Some(&run)).ok()["model_version"].take();
        assert_eq!(
            (&version["source"], download(&tracker, &version)),
            (&json!(source), source.to_owned())
        );
    }
    for source in [
        "file:///x",
        "/x",
        "x",
        "./x",
        "http://host/x",
        "s3://bucket/../x",
        "https://host/%2e%2e/x",
    ] {
        create(&tracker, source, Some(&run)).fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn every_artifact_name_may_occur_in_a_source() {
    let (tracker, run) = with_run();
    let root = format!("0/{run}/artifacts");
    for (name, encoded) in [
        ("model/", "model"),
        ("100% done/model", "100%25%20done/model"),
        ("95%20of 100%", "95%2520of%20100%25"),
        ("back\\slash", "back%5Cslash"),
        ("a=.&b", "a=.&b"),
        ("it's", "it's"),
    ] {
        let file = format!("/api/2.0/mlflow-artifacts/artifacts/{root}/{encoded}/MLmodel");
        tracker.file("PUT", &file, &[], name.to_owned()).ok();
        for source in [
            format!("runs:/{run}/{name}"),
            format!("mlflow-artifacts:/{root}/{name}"),
        ] {
            let version = create(&tracker, &source, None).ok()["model_version"].take();
            assert_eq!((&version["source"], &version["run_id"]), (&json!(source), &json!(run)));
            assert_eq!(download(&tracker, &version), source);
            let number = version["version"].as_str().unwrap();
            let file = format!("/model-versions/get-artifact?name=m&version={number}&path=MLmodel");
            assert_eq!(tracker.file("GET", &file, &[], "").ok(), name, "{source}");
        }
    }
    for whole in [
        format!("RUNS:/{run}/"),
        format!("mlflow-artifacts:/{root}/"),
        format!("mlflow-artifacts:/0%2F{run}/artifacts"),
    ] {
        let version = create(&tracker, &whole, Some(&run)).ok()["model_version"].take();
        let number = version["version"].as_str().unwrap();
        let file = format!("/model-versions/get-artifact?name=m&version={number}&path=it's/MLmodel");
        assert_eq!(tracker.file("GET", &file, &[], "").ok(), "it's", "{whole}");
    }
    for bad in ["a#b", "a?b", "a%23b", "./a", "a//b", "C:/a"] {
        for source in [format!("runs:/{run}/{bad}"), format!("mlflow-artifacts:/{root}/{bad}")] {
            create(&tracker, &source, Some(&run)).fails(400, "INVALID_PARAMETER_VALUE");
        }
    }
}

#[test]
fn every_model_name_may_occur_in_a_source() {
    let (tracker, run) = with_run();
    for name in [
        "a%b", "a%20b", "a#b", "a\\..\\b", "a@b", "a;b&c=d", "a b+c", "größe", "%2e%2e",
    ] {
        tracker.model(name);
        let body = json!({"name": name, "source": format!("runs:/{run}/model")});
        tracker.post("model-versions/create", body).ok();
        let alias = json!({"name": name, "alias": "best", "version": "1"});
        tracker.post("registered-models/alias", alias).ok();
        for source in [
            format!("models:/{name}/1"),
            format!("models:/{name}/1/"),
            format!("models:/{name}@best"),
        ] {
            let version = create(&tracker, &source, None).ok()["model_version"].take();
            assert_eq!(version["source"], format!("models:/{name}/1"), "{source}");
        }
    }
    let message = tracker
        .post("registered-models/create", json!({"name": "a?b"}))
        .fails(400, "INVALID_PARAMETER_VALUE");
    assert!(message.contains("cannot contain '?'"), "{message}");
    tracker
        .post("registered-models/rename", json!({"name": "m", "new_name": "a?b"}))
        .fails(400, "INVALID_PARAMETER_VALUE");
}

// The files that a version names are not purged with their experiment, in any form of its source.
#[test]
fn an_encoded_source_protects_its_files_from_a_purge() {
    let (tracker, _) = with_run();
    let files = ["held", "free"].map(|name| {
        let experiment = tracker.experiment(name);
        let made = tracker.post("logged-models", json!({"experiment_id": experiment})).ok();
        let uri = made["model"]["info"]["artifact_uri"].as_str().unwrap();
        let path = uri.trim_end_matches('/').strip_prefix("mlflow-artifacts:/").unwrap();
        let file = format!("/api/2.0/mlflow-artifacts/artifacts/{path}/MLmodel");
        tracker.file("PUT", &file, &[], "x").ok();
        if name == "held" {
            let source = format!("mlflow-artifacts:/{}", path.replace('/', "%2F"));
            create(&tracker, &source, None).ok();
        }
        let delete = json!({ "experiment_id": experiment });
        tracker.post("experiments/delete", delete).ok();
        file
    });
    tracker.purge(0);
    assert_eq!(files.map(|file| tracker.file("GET", &file, &[], "").status), [200, 404]);
}

#[test]
fn a_caller_cannot_allow_schemes_with_a_header() {
    let (tracker, _) = with_run();
    let reply = tracker.send_with(
        "x-mlforge-source-schemes",
        "http",
        json!({"name": "m", "source": "http://b/x"}),
    );
    reply.fails(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn texts_have_limits() {
    let (tracker, run) = with_run();
    create(&tracker, &format!("runs:/{run}/{}", "x".repeat(2_048)), None).fails(400, "INVALID_PARAMETER_VALUE");
    for (field, length) in [("run_link", 2_049), ("description", 100_001)] {
        let mut body = json!({"name": "m"});
        body[field] = json!("x".repeat(length));
        tracker
            .post("model-versions/create", body)
            .fails(400, "INVALID_PARAMETER_VALUE");
    }
    let logged = json!({"name": "m", "source": "models:/m-1", "model_id": "m-1"});
    tracker
        .post("model-versions/create", logged)
        .fails(400, "INVALID_PARAMETER_VALUE");
}
