//! Tests of `mlforge import`: each makes a small store of MLflow, brings it into a project, and asks a server for it.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use rusqlite::Connection;
use serde_json::{Value, json};
use support::compiled::share_compiled;

const RUN: &str = "0123456789abcdef0123456789abcdef";
const GONE: &str = "0123456789abcdef0123456789abcde0";
const MODEL: &str = "m-0123456789abcdef0123456789abcdef";

fn mlforge(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlforge"));
    command.args(arguments).arg("--data").arg(data).stdin(Stdio::null());
    command
}

/// A data directory with the project `p`.
struct Data(tempfile::TempDir);

impl Data {
    /// A new directory, with the compiled component in it, so that commands start quickly.
    fn new() -> Self {
        let data = Self(tempfile::tempdir().unwrap());
        share_compiled(data.path());
        assert!(
            mlforge(data.path(), &["project", "create", "p"])
                .output()
                .unwrap()
                .status
                .success()
        );
        data
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn try_import(&self, from: &str, more: &[&str]) -> Output {
        let arguments = [&["import", "--project", "p", "--from", from], more].concat();
        mlforge(self.path(), &arguments).output().unwrap()
    }

    /// Imports a store. Returns the report.
    fn import(&self, from: &str, more: &[&str]) -> String {
        let output = self.try_import(from, more);
        let report = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{report}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        report
    }

    fn serve(&self) -> Server {
        // A second server finds the user.
        _ = mlforge(self.path(), &["user", "create", "ada"]).output().unwrap();
        let member = ["member", "set", "p", "ada", "developer"];
        assert!(mlforge(self.path(), &member).output().unwrap().status.success());
        let token = mlforge(self.path(), &["token", "create", "--user", "ada"])
            .output()
            .unwrap();
        let mut child = mlforge(self.path(), &["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let (_, rest) = line.split_once("http://").unwrap();
        Server {
            address: rest.split_once('/').unwrap().0.to_owned(),
            token: String::from_utf8(token.stdout).unwrap().trim().to_owned(),
            child,
        }
    }
}

/// A running server, asked for the project `p`.
struct Server {
    child: Child,
    address: String,
    token: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Server {
    fn send(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (token, length) = (&self.token, body.len());
        let head = format!(
            "{method} /api/v4/projects/p/ml/mlflow/api/2.0/{path} HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.send("GET", path, "");
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{path}: {answer}"))
    }

    fn run(&self, id: &str) -> Value {
        self.get(&format!("mlflow/runs/get?run_id={id}"))["run"].take()
    }

    fn history(&self, id: &str, metric: &str) -> Vec<Value> {
        let path = format!("mlflow/metrics/get-history?run_id={id}&metric_key={metric}");
        self.get(&path)["metrics"].as_array().unwrap().clone()
    }
}

fn write(root: &Path, path: &str, contents: &str) {
    let file = root.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, contents).unwrap();
}

/// A folder as MLflow's file store writes it.
fn file_store() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(
        root,
        "7/meta.yaml",
        "artifact_location: /elsewhere/mlruns/7\ncreation_time: 1000\nexperiment_id: '7'\nlast_update_time: 2000\n\
         lifecycle_stage: active\nname: 'exp: one'\n",
    );
    write(root, "7/tags/team", "vision");
    for (id, name, stage, deleted) in [(RUN, "first", "active", "null"), (GONE, "gone", "deleted", "9000")] {
        let run = format!("7/{id}");
        write(
            root,
            &format!("{run}/meta.yaml"),
            &format!(
                "artifact_uri: /elsewhere/mlruns/7/{id}/artifacts\ndeleted_time: {deleted}\nend_time: 5000\n\
                 experiment_id: '7'\nlifecycle_stage: {stage}\nrun_id: {id}\nrun_name: {name}\nrun_uuid: {id}\n\
                 start_time: 4000\nstatus: 4\nuser_id: ada\n"
            ),
        );
        write(root, &format!("{run}/tags/mlflow.runName"), name);
        write(root, &format!("{run}/tags/mlflow.user"), "ada");
    }
    let run = format!("7/{RUN}");
    write(root, &format!("{run}/params/optimizer/lr"), "0.1");
    write(root, &format!("{run}/params/note"), "two\nlines");
    let points: String = (0..1_500)
        .map(|step| format!("{} {}.5 {step}\n", 4_000 + step, step))
        .collect();
    write(root, &format!("{run}/metrics/loss"), &points);
    write(root, &format!("{run}/metrics/val/acc"), "4100 nan 1\n4101 0.25 2\n");
    write(root, &format!("{run}/artifacts/model/MLmodel"), "flavors: {}");
    write(root, &format!("{run}/artifacts/ü b.txt"), "hello");
    write(
        root,
        &format!("{run}/inputs/1/meta.yaml"),
        "source_id: d1\nsource_type: DATASET\ntags:\n  mlflow.data.context: train\n",
    );
    write(
        root,
        "7/datasets/d1/meta.yaml",
        "digest: abc\nname: ds\nprofile: null\nschema: '{}'\nsource: here\nsource_type: local\n",
    );
    write(
        root,
        &format!("7/models/{MODEL}/meta.yaml"),
        &format!(
            "artifact_location: /elsewhere/mlruns/7/models/{MODEL}/artifacts\ncreation_timestamp: 4200\n\
             experiment_id: '7'\nlast_updated_timestamp: 4300\nmodel_id: {MODEL}\nmodel_type: sk\nname: lm\n\
             source_run_id: {RUN}\nstatus: 2\n"
        ),
    );
    write(root, &format!("7/models/{MODEL}/params/p"), "1");
    write(root, &format!("7/models/{MODEL}/artifacts/MLmodel"), "x");
    write(
        root,
        &format!("7/models/{MODEL}/metrics/acc"),
        &format!("4250 0.75 3 {RUN} ds abc\n"),
    );
    write(
        root,
        "models/net/meta.yaml",
        "creation_timestamp: 6000\ndescription: 'desc\n\n  more'\nlast_updated_timestamp: 8000\nname: net\n",
    );
    write(root, "models/net/tags/k", "v");
    write(root, "models/net/aliases/champ", "3");
    for (number, stage) in [(1, "Production"), (2, "Deleted_Internal"), (3, "None")] {
        write(
            root,
            &format!("models/net/version-{number}/meta.yaml"),
            &format!(
                "creation_timestamp: 6{number}00\ncurrent_stage: {stage}\ndescription: null\n\
                 last_updated_timestamp: 7{number}00\nname: net\nrun_id: {RUN}\n\
                 source: /elsewhere/mlruns/7/{RUN}/artifacts/model\nuser_id: bob\nversion: {number}\n"
            ),
        );
    }
    folder
}

fn path(folder: &tempfile::TempDir) -> &str {
    folder.path().to_str().unwrap()
}

#[test]
fn a_folder_of_the_file_store_comes_with_ids_times_users_and_histories() {
    let (data, store) = (Data::new(), file_store());
    let report = data.import(path(&store), &[]);
    assert!(!report.contains("could not be carried"), "{report}");
    let server = data.serve();
    let experiment = server.get("mlflow/experiments/get-by-name?experiment_name=exp%3A%20one")["experiment"].take();
    assert_eq!(experiment["experiment_id"], "7");
    assert_eq!(
        (&experiment["creation_time"], &experiment["last_update_time"]),
        (&json!(1000), &json!(2000))
    );
    assert_eq!(experiment["tags"], json!([{"key": "team", "value": "vision"}]));
    let run = server.run(RUN);
    let info = &run["info"];
    assert_eq!(
        (&info["status"], &info["user_id"], &info["run_name"]),
        (&json!("FAILED"), &json!("ada"), &json!("first"))
    );
    assert_eq!((&info["start_time"], &info["end_time"]), (&json!(4000), &json!(5000)));
    let params = json!([{"key": "note", "value": "two\nlines"}, {"key": "optimizer/lr", "value": "0.1"}]);
    assert_eq!(run["data"]["params"], params);
    let input = &run["inputs"]["dataset_inputs"][0];
    assert_eq!(
        (&input["dataset"]["digest"], &input["tags"][0]["value"]),
        (&json!("abc"), &json!("train"))
    );
    let points = server.history(RUN, "loss");
    assert_eq!(points.len(), 1_500);
    assert_eq!(
        (&points[7]["value"], &points[7]["timestamp"], &points[7]["step"]),
        (&json!(7.5), &json!(4007), &json!(7))
    );
    assert_eq!(server.history(RUN, "val%2Facc").len(), 2);
    let file = format!("mlflow-artifacts/artifacts/7/{RUN}/artifacts/%C3%BC%20b.txt");
    assert_eq!(server.send("GET", &file, ""), "hello");
    assert!(server.run(GONE).is_null(), "a deleted run comes only if asked for");
}

#[test]
fn models_come_with_numbers_stages_aliases_and_their_files() {
    let (data, store) = (Data::new(), file_store());
    data.import(path(&store), &[]);
    let server = data.serve();
    let model = server.get("mlflow/registered-models/get?name=net")["registered_model"].take();
    assert_eq!(model["description"], "desc\nmore");
    assert_eq!(
        (&model["creation_timestamp"], &model["last_updated_timestamp"]),
        (&json!(6000), &json!(8000))
    );
    assert_eq!(model["tags"], json!([{"key": "k", "value": "v"}]));
    let version = |number: u32| {
        let path = format!("mlflow/model-versions/get?name=net&version={number}");
        server.get(&path)["model_version"].take()
    };
    let (first, third) = (version(1), version(3));
    assert_eq!(
        (&first["current_stage"], &first["run_id"]),
        (&json!("Production"), &json!(RUN))
    );
    assert_eq!(
        (&first["creation_timestamp"], &first["last_updated_timestamp"]),
        (&json!(6100), &json!(7100))
    );
    assert_eq!(first["source"], format!("mlflow-artifacts:/7/{RUN}/artifacts/model"));
    assert_eq!(third["aliases"], json!(["1.0.1", "champ"]));
    assert!(version(2).is_null(), "a deleted version keeps its number");
    let logged = server.get(&format!("mlflow/logged-models/{MODEL}"))["model"].take();
    assert_eq!(
        (&logged["info"]["status"], &logged["info"]["source_run_id"]),
        (&json!("LOGGED_MODEL_READY"), &json!(RUN))
    );
    assert_eq!(logged["data"]["metrics"][0]["value"], 0.75);
    let file = format!("mlflow-artifacts/artifacts/7/models/{MODEL}/artifacts/MLmodel");
    assert_eq!(server.send("GET", &file, ""), "x");
}

#[test]
fn a_second_import_changes_nothing() {
    let (data, store) = (Data::new(), file_store());
    data.import(path(&store), &["--deleted"]);
    let state = || {
        let server = data.serve();
        let search = json!({"experiment_ids": ["7"], "run_view_type": "ALL"}).to_string();
        [
            server.send("POST", "mlflow/runs/search", &search),
            server.send("GET", "mlflow/registered-models/search", ""),
            server.send("GET", "mlflow/model-versions/search", ""),
            server.send("GET", &format!("mlflow/logged-models/{MODEL}"), ""),
        ]
    };
    let before = state();
    let report = data.import(path(&store), &["--deleted"]);
    assert!(report.contains("0\truns (2 were there already)"), "{report}");
    assert!(report.contains("0\tversions (2 were there already)"), "{report}");
    assert_eq!(state(), before);
}

#[test]
fn what_is_deleted_comes_as_deleted_if_asked_for() {
    let (data, store) = (Data::new(), file_store());
    data.import(path(&store), &["--deleted"]);
    let server = data.serve();
    let gone = server.run(GONE);
    assert_eq!(gone["info"]["lifecycle_stage"], "deleted");
}

#[test]
fn what_cannot_be_carried_is_reported_with_its_reason_and_the_rest_comes() {
    let (data, store) = (Data::new(), file_store());
    let root = store.path();
    write(root, &format!("7/{RUN}/metrics/broken"), "no number\n");
    write(root, "7/0123456789abcdef0123456789abcdee/meta.yaml", "status: 1\n");
    let report = data.import(path(&store), &[]);
    assert!(
        report.contains("run 0123456789abcdef0123456789abcdee: it has no run_id"),
        "{report}"
    );
    assert!(
        report.contains(&format!("run {RUN}: the metric broken has the line `no number`")),
        "{report}"
    );
    // Once the store is mended, the same command brings the rest.
    fs::remove_file(root.join(format!("7/{RUN}/metrics/broken"))).unwrap();
    data.import(path(&store), &[]);
    let server = data.serve();
    assert_eq!(server.run(RUN)["info"]["status"], "FAILED");
    assert_eq!(server.history(RUN, "loss").len(), 1_500);
}

#[test]
fn a_file_outside_of_the_store_is_not_read() {
    let (data, store) = (Data::new(), file_store());
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "secret", "s");
    let meta = store.path().join(format!("7/{RUN}/meta.yaml"));
    let text = fs::read_to_string(&meta).unwrap();
    let hostile = text.replace(
        &format!("/elsewhere/mlruns/7/{RUN}/artifacts"),
        outside.path().to_str().unwrap(),
    );
    fs::write(&meta, hostile).unwrap();
    let report = data.import(path(&store), &[]);
    assert!(report.contains("lies outside of the store"), "{report}");
    let server = data.serve();
    let files = server.get(&format!("mlflow/artifacts/list?run_id={RUN}"));
    assert!(!files.to_string().contains("secret"), "{files}");
}

/// An SQLite file with the tables of MLflow that are read, as version 2.7 has them.
fn database(folder: &Path) -> String {
    let file = folder.join("mlflow.db");
    let connection = Connection::open(&file).unwrap();
    connection
        .execute_batch(&format!(
            "CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT, artifact_location TEXT,
                lifecycle_stage TEXT, creation_time BIGINT, last_update_time BIGINT);
             CREATE TABLE experiment_tags (key TEXT, value TEXT, experiment_id INTEGER);
             CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, user_id TEXT, status TEXT, start_time BIGINT,
                end_time BIGINT, lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER, deleted_time BIGINT);
             CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN);
             CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
             CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
             CREATE TABLE registered_models (name TEXT, creation_time BIGINT, last_updated_time BIGINT, description TEXT);
             CREATE TABLE registered_model_tags (key TEXT, value TEXT, name TEXT);
             CREATE TABLE model_versions (name TEXT, version INTEGER, creation_time BIGINT, last_updated_time BIGINT,
                description TEXT, user_id TEXT, current_stage TEXT, source TEXT, run_id TEXT, run_link TEXT);
             CREATE TABLE model_version_tags (key TEXT, value TEXT, name TEXT, version INTEGER);
             INSERT INTO experiments VALUES (0, 'Default', 'mlruns/0', 'active', 500, 500),
                (3, 'exp', 'mlruns/3', 'active', 1000, 1000);
             INSERT INTO runs VALUES ('{RUN}', 'first', 'ada', 'FINISHED', 4000, 5000, 'active',
                'mlruns/3/{RUN}/artifacts', 3, NULL);
             INSERT INTO tags VALUES ('t', 'x', '{RUN}'), ('mlflow.runName', 'first', '{RUN}');
             INSERT INTO params VALUES ('p', '', '{RUN}');
             INSERT INTO metrics VALUES ('m', 1, 4001, '{RUN}', 1, 0), ('m', 0.0, 4002, '{RUN}', 2, 1);
             INSERT INTO registered_models VALUES ('greet', 6000, 6000, 'first');
             INSERT INTO registered_model_tags VALUES ('mlflow.prompt.is_prompt', 'true', 'greet');
             INSERT INTO model_versions VALUES ('greet', 1, 6100, 6100, 'first', NULL, 'None', 'dummy-source', NULL, NULL);
             INSERT INTO model_version_tags VALUES ('mlflow.prompt.is_prompt', 'true', 'greet', 1),
                ('mlflow.prompt.text', 'Hello', 'greet', 1);"
        ))
        .unwrap();
    write(folder, &format!("mlruns/3/{RUN}/artifacts/f.txt"), "hello");
    file.to_str().unwrap().to_owned()
}

#[test]
fn an_sqlite_database_comes_with_its_files_beside_it() {
    let (data, folder) = (Data::new(), tempfile::tempdir().unwrap());
    let file = database(folder.path());
    let report = data.import(&format!("sqlite:///{file}"), &[]);
    assert!(!report.contains("could not be carried"), "{report}");
    let server = data.serve();
    let run = server.run(RUN);
    assert_eq!(
        (&run["info"]["status"], &run["info"]["experiment_id"]),
        (&json!("FINISHED"), &json!("3"))
    );
    assert_eq!(run["data"]["params"], json!([{"key": "p", "value": ""}]));
    let points = server.history(RUN, "m");
    assert_eq!((&points[0]["value"], &points[1]["value"]), (&json!(1.0), &json!("NaN")));
    let file = format!("mlflow-artifacts/artifacts/3/{RUN}/artifacts/f.txt");
    assert_eq!(server.send("GET", &file, ""), "hello");
    let prompt = server.get("mlflow/model-versions/get?name=greet&version=1")["model_version"].take();
    assert!(prompt["tags"].to_string().contains("Hello"), "{prompt}");
    let default = server.get("mlflow/experiments/get?experiment_id=0");
    assert_eq!(default["experiment"]["creation_time"], 500);
}

#[test]
fn a_running_server_is_read_over_http() {
    let (former, store) = (Data::new(), file_store());
    former.import(path(&store), &[]);
    let source = former.serve();
    let data = Data::new();
    let uri = format!("http://{}/api/v4/projects/p/ml/mlflow", source.address);
    let output = mlforge(data.path(), &["import", "--project", "p", "--from", &uri])
        .env("MLFLOW_TRACKING_TOKEN", &source.token)
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{report}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!report.contains("could not be carried"), "{report}");
    let copy = data.serve();
    assert_eq!(copy.run(RUN), source.run(RUN));
    assert_eq!(copy.history(RUN, "loss"), source.history(RUN, "loss"));
    let version = "mlflow/model-versions/get?name=net&version=1";
    assert_eq!(copy.get(version), source.get(version));
    let file = format!("mlflow-artifacts/artifacts/7/{RUN}/artifacts/model/MLmodel");
    assert_eq!(copy.send("GET", &file, ""), "flavors: {}");
}

#[test]
fn a_server_that_does_not_know_the_api_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            _ = stream.read(&mut [0; 4_096]);
            _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    let output = Data::new().try_import(&format!("http://{address}"), &[]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("is no tracking URI"), "{error}");
}

#[test]
fn a_store_or_project_that_does_not_exist_is_named() {
    let data = Data::new();
    let empty = tempfile::tempdir().unwrap();
    for (from, said) in [
        (path(&empty), "is no folder of MLflow's file store"),
        ("/none/mlflow.db", "cannot open /none/mlflow.db"),
        ("postgresql://127.0.0.1:1/db", "cannot connect to postgres://127.0.0.1"),
    ] {
        let output = data.try_import(from, &[]);
        assert_eq!(output.status.code(), Some(1), "{from}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(said), "{error}");
    }
    let store = file_store();
    let arguments = ["import", "--project", "other", "--from", path(&store)];
    let output = mlforge(data.path(), &arguments).output().unwrap();
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("there is no project `other`")
    );
}
