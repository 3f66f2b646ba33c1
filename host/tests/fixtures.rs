//! Data directories that earlier releases wrote, as backups in `tests/fixtures/`: each later version restores them and answers as the
//! release did.
//!
//! `MLFORGE_WRITE_FIXTURE=1 cargo test --workspace --test fixtures` writes the one of this version anew. A fixture of a
//! release is never written again.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::Server;
use support::compiled::share_compiled;

const API: &str = "/api/2.0/mlflow";
/// The file of a token of the fixture's user.
const TOKEN: &str = "token";
/// The file of addresses with the answers of the release.
const ANSWERS: &str = "answers.json";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")
}

fn mlforge(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlforge"));
    command.args(arguments).arg("--data").arg(data);
    command
}

fn serve(data: &Path) -> Command {
    share_compiled(data);
    let mut command = mlforge(data, &["serve", "--listen", "127.0.0.1:0"]);
    command.stderr(File::create(data.with_extension("log")).unwrap());
    command
}

/// Runs a command that must succeed. Returns what it printed.
#[track_caller]
fn done(mut command: Command) -> String {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

fn post(server: &Server, endpoint: &str, body: Value) -> Value {
    let (status, answer) = server.ask("POST", &format!("{API}/{endpoint}"), body.to_string().as_bytes());
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(status, 200, "{endpoint}: {answer}");
    answer
}

#[test]
fn data_of_each_release_is_restored_and_answers_the_same() {
    if std::env::var_os("MLFORGE_WRITE_FIXTURE").is_some() {
        write(&fixtures().join(env!("CARGO_PKG_VERSION")));
    }
    let mut count = 0;
    for fixture in fs::read_dir(fixtures()).unwrap() {
        let fixture = fixture.unwrap().path();
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        done(mlforge(&data, &["restore", fixture.to_str().unwrap()]));
        assert!(done(mlforge(&data, &["check"])).contains("no problem"));
        let token = fs::read_to_string(fixture.join(TOKEN)).unwrap();
        let server = Server::start(serve(&data), Some(token.trim().to_owned()));
        let answers: Value = serde_json::from_slice(&fs::read(fixture.join(ANSWERS)).unwrap()).unwrap();
        for (path, expected) in answers.as_object().unwrap() {
            assert_eq!(answer(&server, path), *expected, "{} {path}", fixture.display());
        }
        post(&server, "runs/create", json!({ "experiment_id": "1" }));
        count += 1;
    }
    assert!(count > 0);
}

/// The answer to a GET, as JSON or as text.
fn answer(server: &Server, path: &str) -> Value {
    let (status, body) = server.ask("GET", path, b"");
    assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
    let text = String::from_utf8_lossy(&body).into_owned();
    serde_json::from_slice(&body).unwrap_or(Value::String(text))
}

/// Writes the fixture of this version.
fn write(fixture: &Path) {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(serve(&data), None);
    let paths = fill(&server);
    // Compaction begins once the runs rest for a while.
    while !done(mlforge(&data, &["inspect", "1", "--prefix", "z"])).contains("rows: 2") {
        std::thread::yield_now();
    }
    let answers: serde_json::Map<String, Value> = paths
        .into_iter()
        .map(|path| (path.clone(), answer(&server, &path)))
        .collect();
    let backups = place.path().join("backups");
    let line = done(mlforge(&data, &["backup", backups.to_str().unwrap()]));
    let made = line.split('\t').next().unwrap();
    _ = fs::remove_dir_all(fixture);
    fs::create_dir_all(fixture).unwrap();
    let copied = Command::new("cp")
        .arg("-r")
        .arg(format!("{made}/."))
        .arg(fixture)
        .status();
    assert!(copied.unwrap().success());
    fs::write(fixture.join(TOKEN), format!("{}\n", server.token)).unwrap();
    let answers = serde_json::to_string_pretty(&answers).unwrap();
    fs::write(fixture.join(ANSWERS), format!("{answers}\n")).unwrap();
}

/// Stores something of every kind. Returns the addresses to read.
fn fill(server: &Server) -> Vec<String> {
    let experiment = post(
        server,
        "experiments/create",
        json!({ "name": "cats", "tags": [{ "key": "team", "value": "vision" }] }),
    );
    let experiment = experiment["experiment_id"].as_str().unwrap().to_owned();
    let run = |name: &str| {
        let body = json!({ "experiment_id": experiment, "run_name": name, "start_time": 1_700_000_000_000_i64 });
        let run = post(server, "runs/create", body);
        run["run"]["info"]["run_id"].as_str().unwrap().to_owned()
    };
    let (first, second, deleted) = (run("first"), run("second"), run("deleted"));
    let points: Vec<Value> = (0..50)
        .map(|step| json!({ "key": "loss", "value": 1.0 / f64::from(step + 1), "timestamp": 1_700_000_000_000_i64 + i64::from(step), "step": step }))
        .collect();
    let params = json!([{ "key": "rate", "value": "0.01" }, { "key": "long", "value": "x".repeat(500) }]);
    post(
        server,
        "runs/log-batch",
        json!({ "run_id": first, "metrics": points, "params": params, "tags": [{ "key": "ünï", "value": "한국어" }] }),
    );
    post(
        server,
        "runs/log-metric",
        json!({ "run_id": second, "key": "loss", "value": "NaN", "timestamp": 1, "step": -3 }),
    );
    let dataset = json!({ "name": "d", "digest": "1", "source_type": "s", "source": "{}" });
    let inputs = json!([{ "tags": [{ "key": "mlflow.data.context", "value": "train" }], "dataset": dataset }]);
    post(
        server,
        "runs/log-inputs",
        json!({ "run_id": first, "datasets": inputs }),
    );
    post(server, "runs/delete", json!({ "run_id": deleted }));
    let file = format!("/api/2.0/mlflow-artifacts/artifacts/{experiment}/{first}/artifacts/Model%20A/f.txt");
    assert_eq!(server.ask("PUT", &file, b"contents of a file").0, 200);
    post(
        server,
        "registered-models/create",
        json!({ "name": "cats", "description": "tells cats from dogs" }),
    );
    for semver in ["1.0.0", "2.0.0-rc.1"] {
        let tags = json!([{ "key": "gitlab.version", "value": semver }]);
        post(
            server,
            "model-versions/create",
            json!({ "name": "cats", "source": "", "tags": tags }),
        );
    }
    post(
        server,
        "registered-models/alias",
        json!({ "name": "cats", "alias": "best", "version": "1" }),
    );
    post(
        server,
        "model-versions/transition-stage",
        json!({ "name": "cats", "version": "1", "stage": "Production", "archive_existing_versions": false }),
    );
    let logged = post(
        server,
        "logged-models",
        json!({ "experiment_id": experiment, "name": "m", "source_run_id": first }),
    );
    let logged = logged["model"]["info"]["model_id"].as_str().unwrap().to_owned();
    vec![
        format!("{API}/experiments/get?experiment_id={experiment}"),
        format!("{API}/runs/get?run_id={first}"),
        format!("{API}/runs/get?run_id={second}"),
        format!("{API}/runs/get?run_id={deleted}"),
        format!("{API}/metrics/get-history?run_id={first}&metric_key=loss"),
        format!("{API}/registered-models/get?name=cats"),
        format!("{API}/model-versions/get?name=cats&version=1"),
        format!("{API}/model-versions/search"),
        format!("{API}/logged-models/{logged}"),
        format!("{API}/artifacts/list?run_id={first}&path=Model%20A"),
        file,
    ]
}
