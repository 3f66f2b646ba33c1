//! A project with something of every kind, and what a server answers about it.

use serde_json::{Value, json};

use super::Server;

const API: &str = "/api/2.0/mlflow";

/// Sends a request that must succeed. Returns its answer.
#[track_caller]
pub(crate) fn post(server: &Server, endpoint: &str, body: Value) -> Value {
    let (status, answer) = server.ask("POST", &format!("{API}/{endpoint}"), body.to_string().as_bytes());
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(status, 200, "{endpoint}: {answer}");
    answer
}

/// The answer to a GET, as JSON or as text.
#[track_caller]
pub(crate) fn answer(server: &Server, path: &str) -> Value {
    let (status, body) = server.ask("GET", path, b"");
    assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
    let text = String::from_utf8_lossy(&body).into_owned();
    serde_json::from_slice(&body).unwrap_or(Value::String(text))
}

/// Stores something of every kind. Returns the addresses to read.
pub(crate) fn fill(server: &Server) -> Vec<String> {
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
