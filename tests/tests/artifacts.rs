//! Artifacts: accepted locations, unchanged contents, whole uploads, and refused paths.

use bytes::Bytes;
use http::HeaderMap;
use mlforge_tests::tracker::{File, Tracker};
use serde_json::{Value, json};

const STORE: &str = "/api/2.0/mlflow-artifacts/artifacts";

/// A project with one run.
struct Artifacts {
    tracker: Tracker,
    run: String,
    /// The root of the run's artifacts in the store.
    root: String,
}

impl Artifacts {
    fn fresh() -> Self {
        let tracker = Tracker::fresh();
        let run = tracker.run("0", 1);
        let root = format!("0/{run}/artifacts");
        assert_eq!(
            tracker.read(&run)["info"]["artifact_uri"],
            format!("mlflow-artifacts:/{root}")
        );
        Artifacts { tracker, run, root }
    }

    fn with_file(name: &str, contents: &'static str) -> Self {
        let artifacts = Artifacts::fresh();
        artifacts.put(name, contents).ok();
        artifacts
    }

    fn put(&self, name: &str, contents: impl Into<Bytes>) -> File {
        let path = format!("{STORE}/{}/{name}", self.root);
        self.tracker.file("PUT", &path, &[], contents)
    }

    fn ask(&self, method: &str, name: &str, headers: &[(&'static str, &str)]) -> File {
        let path = format!("{STORE}/{}/{name}", self.root);
        self.tracker.file(method, &path, headers, "")
    }

    fn text(&self, name: &str) -> String {
        self.ask("GET", name, &[]).ok()
    }

    /// The names in a directory of the run; those of directories end with a slash.
    fn names(&self, directory: &str) -> Vec<String> {
        let path = format!("{STORE}?path={}/{directory}", self.root);
        let listing = self.tracker.send("GET", &path, "").ok();
        let files = listing["files"].as_array().cloned().unwrap_or_default();
        let name = |file: &Value| match file["is_dir"].as_bool().unwrap() {
            true => format!("{}/", file["path"].as_str().unwrap()),
            false => file["path"].as_str().unwrap().to_owned(),
        };
        files.iter().map(name).collect()
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn a_file_is_read_back_unchanged() {
    let artifacts = Artifacts::fresh();
    let binary: Bytes = (0..=255).cycle().take(3_000_000).collect();
    assert_eq!(artifacts.put("a/b/x.bin", binary.clone()).ok(), "{}");
    let file = artifacts.ask("GET", "a/b/x.bin", &[]);
    assert_eq!(
        (file.status, file.headers["content-type"].to_str().unwrap()),
        (200, "application/octet-stream")
    );
    assert!(file.bytes == binary);
    assert_eq!(artifacts.put("empty", "").status, 200);
    assert_eq!(artifacts.text("empty"), "");
}

#[test]
fn a_file_is_replaced() {
    let artifacts = Artifacts::with_file("a", "a longer text");
    artifacts.put("a", "short").ok();
    assert_eq!(artifacts.text("a"), "short");
}

#[test]
fn names_are_any_text() {
    let artifacts = Artifacts::fresh();
    for (encoded, name) in [
        ("%E6%A8%A1%20%F0%9F%A6%80", "模 🦀"),
        ("k%25step%250", "k%step%0"),
        // MLflow 2.22 names an image of step 10 like this. `%10` and `%17` read as control characters.
        (
            "k%25step%2510%25timestamp%251795370748804",
            "k%step%10%timestamp%1795370748804",
        ),
        ("plus+plus", "plus+plus"),
        ("note:%20x", "note: x"),
        ("back%5Cslash", "back\\slash"),
        ("it's%20%22%22", "it's \"\""),
    ] {
        artifacts.put(encoded, name).ok();
        assert_eq!(artifacts.text(encoded), name);
        assert!(artifacts.names("").contains(&name.to_owned()), "{name}");
    }
}

#[test]
fn a_listing_has_names_of_one_level_in_order() {
    let artifacts = Artifacts::fresh();
    for name in ["b.txt", "model/MLmodel", "model/data/x", "a.txt"] {
        artifacts.put(name, "12345").ok();
    }
    assert_eq!(artifacts.names(""), ["a.txt", "b.txt", "model/"]);
    assert_eq!(artifacts.names("model"), ["MLmodel", "data/"]);
    assert_eq!(artifacts.names("model/"), ["MLmodel", "data/"]);
    let listed = artifacts
        .tracker
        .get(&format!("artifacts/list?run_id={}&path=model", artifacts.run));
    assert_eq!(
        listed.ok(),
        json!({
            "root_uri": format!("mlflow-artifacts:/{}", artifacts.root),
            "files": [
                {"path": "model/MLmodel", "is_dir": false, "file_size": 5},
                {"path": "model/data", "is_dir": true},
            ],
        })
    );
    let root = artifacts
        .tracker
        .get(&format!("artifacts/list?run_uuid={}", artifacts.run))
        .ok();
    assert_eq!(root["files"].as_array().unwrap().len(), 3);
}

// Clients use this to distinguish files from directories.
#[test]
fn the_listing_of_a_file_or_of_nothing_is_empty() {
    let artifacts = Artifacts::with_file("a", "x");
    for path in ["a", "b", "a/b"] {
        let path = format!("{STORE}?path={}/{path}", artifacts.root);
        assert_eq!(artifacts.tracker.send("GET", &path, "").ok(), json!({}));
    }
    let root = artifacts.tracker.send("GET", STORE, "").ok();
    assert_eq!(root, json!({"files": [{"path": "0", "is_dir": true}]}));
    let unknown = "artifacts/list?run_id=00112233445566778899aabbccddeeff";
    artifacts.tracker.get(unknown).fails(404, "RESOURCE_DOES_NOT_EXIST");
}

#[test]
fn a_missing_artifact_is_404() {
    let artifacts = Artifacts::with_file("dir/a", "x");
    for method in ["GET", "HEAD"] {
        assert_eq!(artifacts.ask(method, "nothing", &[]).status, 404);
        assert_eq!(artifacts.ask(method, "dir", &[]).status, 400);
    }
    assert_eq!(
        artifacts.ask("GET", "nothing", &[]).error_code(),
        "RESOURCE_DOES_NOT_EXIST"
    );
    assert_eq!(artifacts.put("dir", "x").status, 400);
    assert_eq!(artifacts.put("dir/a/b", "x").status, 400);
    assert_eq!(artifacts.ask("PATCH", "dir/a", &[]).status, 405);
}

#[test]
fn a_file_or_a_whole_directory_is_deleted() {
    let artifacts = Artifacts::fresh();
    for name in ["keep", "dir/a", "dir/deep/er/b", "one"] {
        artifacts.put(name, "x").ok();
    }
    for name in ["one", "dir", "dir", "nothing"] {
        assert_eq!(artifacts.ask("DELETE", name, &[]).ok(), "{}");
    }
    assert_eq!(artifacts.names(""), ["keep"]);
    artifacts.ask("DELETE", "", &[]).ok();
    assert_eq!(artifacts.names(""), [""; 0]);
}

#[test]
fn a_part_of_a_file_is_served() {
    let artifacts = Artifacts::with_file("a", "0123456789");
    let part = artifacts.ask("GET", "a", &[("range", "bytes=2-4")]);
    assert_eq!((part.status, &part.bytes[..]), (206, &b"234"[..]));
    assert_eq!(header(&part.headers, "content-range"), "bytes 2-4/10");
    let end = artifacts.ask("GET", "a", &[("range", "bytes=-3")]);
    assert_eq!((end.status, &end.bytes[..]), (206, &b"789"[..]));
    let behind = artifacts.ask("GET", "a", &[("range", "bytes=10-")]);
    assert_eq!(
        (behind.status, header(&behind.headers, "content-range")),
        (416, "bytes */10")
    );
    let many = artifacts.ask("GET", "a", &[("range", "bytes=0-1,4-5")]);
    assert_eq!((many.status, many.bytes.len()), (200, 10));
    artifacts.put("empty", "").ok();
    assert_eq!(artifacts.ask("GET", "empty", &[("range", "bytes=0-0")]).status, 416);
}

#[test]
fn an_unchanged_file_is_not_sent_again() {
    let artifacts = Artifacts::with_file("a", "one");
    let first = artifacts.ask("GET", "a", &[]);
    let tag = header(&first.headers, "etag").to_owned();
    let again = artifacts.ask("GET", "a", &[("if-none-match", &tag)]);
    assert_eq!(
        (again.status, again.bytes.len(), header(&again.headers, "etag")),
        (304, 0, tag.as_str())
    );
    artifacts.put("a", "other").ok();
    let changed = artifacts.ask("GET", "a", &[("if-none-match", &tag)]);
    assert_eq!((changed.status, &changed.bytes[..]), (200, &b"other"[..]));
    let resumed = artifacts.ask("GET", "a", &[("range", "bytes=1-"), ("if-range", &tag)]);
    assert_eq!((resumed.status, &resumed.bytes[..]), (200, &b"other"[..]));
}

#[test]
fn the_head_of_a_file_tells_its_length() {
    let artifacts = Artifacts::with_file("a.json", "{\"a\": 1}");
    let head = artifacts.ask("HEAD", "a.json", &[]);
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    assert_eq!(header(&head.headers, "content-length"), "8");
    assert_eq!(header(&head.headers, "content-type"), "text/plain; charset=utf-8");
}

#[test]
fn nothing_that_is_served_runs_in_a_browser() {
    let artifacts = Artifacts::fresh();
    for name in ["x.html", "x.svg", "x.xml", "x.js", "x.png", "x.txt"] {
        artifacts.put(name, "<script>alert(1)</script>").ok();
        for method in ["GET", "HEAD"] {
            let file = artifacts.ask(method, name, &[]);
            assert_eq!(header(&file.headers, "x-content-type-options"), "nosniff");
            let disposition = format!("attachment; filename=\"{name}\"; filename*=UTF-8''{name}");
            assert_eq!(header(&file.headers, "content-disposition"), disposition);
            let policy = header(&file.headers, "content-security-policy");
            assert!(policy.contains("sandbox") && policy.contains("default-src 'none'") && !policy.contains("allow"));
            let kind = header(&file.headers, "content-type");
            assert!(
                !["html", "svg", "xml", "script"].iter().any(|word| kind.contains(word)),
                "{kind}"
            );
        }
    }
}

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
fn a_reader_may_download_but_not_upload_or_delete() {
    let artifacts = Artifacts::with_file("a", "x");
    let (run, root) = (artifacts.run.clone(), artifacts.root.clone());
    let reader = Artifacts {
        tracker: artifacts.tracker.as_reader(),
        run,
        root,
    };
    assert_eq!(reader.text("a"), "x");
    assert_eq!(reader.names(""), ["a"]);
    assert_eq!(reader.put("b", "x").status, 403);
    assert_eq!(reader.ask("DELETE", "a", &[]).status, 403);
    let page = format!("/ajax-api/2.0/mlflow/upload-artifact?run_id={}&path=b", reader.run);
    assert_eq!(reader.tracker.file("POST", &page, &[], "x").status, 403);
    assert_eq!(reader.names(""), ["a"]);
}

#[test]
fn files_of_another_project_are_not_found() {
    let mut artifacts = Artifacts::with_file("a", "x");
    let (path, run) = (format!("{STORE}/{}/a", artifacts.root), artifacts.run.clone());
    artifacts.tracker.in_project(2, |other| {
        assert_eq!(other.file("GET", &path, &[], "").status, 404);
        assert_eq!(other.file("PUT", &path, &[], "x").status, 400);
        assert_eq!(other.file("DELETE", &path, &[], "").status, 400);
        assert_eq!(
            other
                .file("GET", &format!("/get-artifact?run_id={run}&path=a"), &[], "")
                .status,
            404
        );
        assert_eq!(other.send("GET", STORE, "").ok(), json!({}));
    });
    assert_eq!(artifacts.text("a"), "x");
}

/// One path for each class of published escapes from MLflow's artifact store, as it is written in an address.
const WAYS_OUT: &[&str] = &[
    "../x",
    "../../../../../../etc/passwd",
    "a/../../x",
    "..%2f..%2fx",
    "%2e%2e/x",
    "%2E%2E%2Fx",
    "%252e%252e%252fx",
    "%25252e%25252e%25252fx",
    "..%5c..%5cx",
    "..%255cx",
    "%2fetc%2fpasswd",
    "%252fetc%252fpasswd",
    "/etc/passwd",
    "a//b",
    "C:/x",
    "a/c%3Ax",
    "File:x",
    "a%5C",
    "%5Ca",
    "a%00",
    "a%2500.txt",
    "a%0d%0ab",
    "a%23/../b",
    "a%23b",
    "a%3Fb",
    "a;/../b",
    "%C0%AE%C0%AE/x",
    "a%FFb",
];

#[test]
fn no_path_leads_out_of_the_artifact_store() {
    let artifacts = Artifacts::with_file("a", "x");
    let (tracker, root, run) = (&artifacts.tracker, &artifacts.root, &artifacts.run);
    for way in WAYS_OUT {
        let places = [
            ("PUT", format!("{STORE}/{root}/{way}")),
            ("GET", format!("{STORE}/{root}/{way}")),
            ("HEAD", format!("{STORE}/{root}/{way}")),
            ("DELETE", format!("{STORE}/{root}/{way}")),
            ("GET", format!("{STORE}/{way}")),
            ("GET", format!("{STORE}?path={root}/{way}")),
            ("GET", format!("{STORE}?path={way}")),
            ("GET", format!("/api/2.0/mlflow/artifacts/list?run_id={run}&path={way}")),
            ("GET", format!("/get-artifact?run_id={run}&path={way}")),
            (
                "POST",
                format!("/ajax-api/2.0/mlflow/upload-artifact?run_id={run}&path={way}"),
            ),
        ];
        for (method, path) in places {
            let answer = tracker.file(method, &path, &[], "x");
            assert_eq!(answer.status, 400, "{method} {path}");
        }
    }
    for way in ["c:/x", "C%3A%5Cx", "file:///etc/passwd", "file%3A//x", "file%253A//x"] {
        for method in ["PUT", "GET", "DELETE"] {
            let answer = tracker.file(method, &format!("{STORE}/{way}"), &[], "x");
            assert_eq!(answer.status, 400, "{method} {way}");
        }
        assert_eq!(tracker.file("GET", &format!("{STORE}?path={way}"), &[], "").status, 400);
    }
    assert_eq!(artifacts.names(""), ["a"]);
}

#[test]
fn paths_have_limits() {
    let artifacts = Artifacts::fresh();
    assert_eq!(artifacts.put(&"x".repeat(255), "x").status, 200);
    assert_eq!(artifacts.put(&"x".repeat(256), "x").status, 400);
    assert_eq!(artifacts.put(&vec!["d"; 90].join("/"), "x").status, 200);
    assert_eq!(artifacts.put(&vec!["d"; 101].join("/"), "x").status, 400);
    assert_eq!(artifacts.put(&vec!["d".repeat(200); 6].join("/"), "x").status, 400);
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
