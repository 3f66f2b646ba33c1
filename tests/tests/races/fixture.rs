//! The project in which pairs of operations race. It has one of each kind of object, active and deleted.

use mlforge_tests::gated_host::{Client, GatedHost};
use mlforge_tests::snapshot::Snapshot;
use serde_json::{Value, json};

const STORE: &str = "/api/2.0/mlflow-artifacts/artifacts";
pub const HOUR_MS: u64 = 3_600 * 1_000;

/// The project of which each race gets a copy.
pub struct Fixture {
    /// All stored data of the project.
    pub initial: Snapshot,
    /// An active experiment, and the run in it that most operations change.
    pub experiment: String,
    pub run: String,
    /// A run of the same experiment that was deleted long ago.
    pub deleted_run: String,
    /// An experiment that was deleted long ago.
    pub deleted_experiment: String,
    /// A logged model of the active experiment, and one of the deleted one.
    pub logged: String,
    pub deleted_logged: String,
    /// An upload in parts of a file of the run, and its parts, which have all arrived.
    pub upload: String,
    pub parts: Value,
}

/// The trace of the active experiment.
pub const TRACE: &str = "tr-00000000000000000000000000000001";

/// The facts that a client sends at the end of a trace.
pub fn trace_info(experiment: &str, id: &str, tag: &str) -> Value {
    let location = json!({"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}});
    let info = json!({
        "trace_id": id, "trace_location": location, "request_time": "2026-11-28T16:17:21Z", "execution_duration": "1s", "state": "OK",
        "tags": {"t": tag},
    });
    json!({"trace": {"trace_info": info}})
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

async fn experiment(client: &Client, name: &str) -> String {
    text(&client.must("POST", "experiments/create", json!({"name": name})).await["experiment_id"])
}

async fn run(client: &Client, experiment: &str, name: &str) -> String {
    let body = json!({
        "experiment_id": experiment, "run_name": name, "start_time": 1, "tags": [{"key": "t", "value": "v"}],
    });
    let run = text(&client.must("POST", "runs/create", body).await["run"]["info"]["run_id"]);
    let batch = json!({
        "run_id": run, "metrics": [{"key": "m", "value": 1, "timestamp": 1, "step": 1}],
        "params": [{"key": "p", "value": "1"}],
    });
    client.must("POST", "runs/log-batch", batch).await;
    put(client, &format!("{experiment}/{run}/artifacts/model/file")).await;
    run
}

async fn put(client: &Client, path: &str) {
    let (status, answer) = client.ask("PUT", &format!("{STORE}/{path}"), "bytes").await;
    assert_eq!(status, 200, "{answer}");
}

async fn logged_model(client: &Client, experiment: &str, name: &str) -> String {
    let body = json!({
        "experiment_id": experiment, "name": name, "params": [{"key": "p", "value": "1"}],
        "tags": [{"key": "t", "value": "v"}],
    });
    let made = client.must("POST", "logged-models", body).await;
    let id = text(&made["model"]["info"]["model_id"]);
    put(client, &format!("{experiment}/models/{id}/artifacts/MLmodel")).await;
    id
}

async fn upload(client: &Client, experiment: &str, run: &str) -> (String, Value) {
    let path = format!("/api/2.0/mlflow-artifacts/mpu/create/{experiment}/{run}/artifacts");
    let (status, begun) = client
        .ask("POST", &path, json!({"path": "large", "num_parts": 1}).to_string())
        .await;
    assert_eq!(status, 200, "{begun}");
    let credential = &begun["credentials"][0];
    let etag = client.send_part(credential, "a large file").await;
    let parts = json!([{"part_number": 1, "etag": etag, "url": credential["url"]}]);
    (text(&begun["upload_id"]), parts)
}

async fn models(client: &Client) {
    for model in ["m", "n"] {
        client
            .must("POST", "registered-models/create", json!({"name": model}))
            .await;
    }
    for _ in 0..2 {
        let version = json!({"name": "m", "tags": [{"key": "t", "value": "v"}]});
        client.must("POST", "model-versions/create", version).await;
    }
    let production = json!({"name": "m", "version": "1", "stage": "Production"});
    client.must("POST", "model-versions/transition-stage", production).await;
    for alias in ["champion", "other"] {
        let alias = json!({"name": "m", "alias": alias, "version": "1"});
        client.must("POST", "registered-models/alias", alias).await;
    }
    let tag = json!({"name": "m", "key": "t", "value": "v"});
    client.must("POST", "registered-models/set-tag", tag).await;
}

impl Fixture {
    /// Makes the fixture as the first project of a host. Then an hour passes, so that a purge takes the
    /// deleted objects.
    pub async fn make(host: &GatedHost) -> Fixture {
        let client = host.project(&Snapshot::default()).await;
        let experiment = experiment(&client, "e").await;
        let run = self::run(&client, &experiment, "run").await;
        let deleted_run = self::run(&client, &experiment, "deleted").await;
        let deleted_experiment = self::experiment(&client, "deleted").await;
        self::run(&client, &deleted_experiment, "gone").await;
        let logged = logged_model(&client, &experiment, "l").await;
        let deleted_logged = logged_model(&client, &deleted_experiment, "gone").await;
        let body = trace_info(&experiment, TRACE, "v").to_string();
        let (status, answer) = client.ask("POST", "/api/3.0/mlflow/traces", body).await;
        assert_eq!(status, 200, "{answer}");
        models(&client).await;
        client
            .must(
                "POST",
                "experiments/set-experiment-tag",
                json!({"experiment_id": experiment, "key": "t", "value": "v"}),
            )
            .await;
        client.run_maintenance().await;
        // This run is not packed.
        self::run(&client, &deleted_experiment, "late").await;
        client.must("POST", "runs/delete", json!({"run_id": deleted_run})).await;
        client
            .must(
                "POST",
                "experiments/delete",
                json!({"experiment_id": deleted_experiment}),
            )
            .await;
        let (upload, parts) = upload(&client, &experiment, &run).await;
        host.wait_ms(HOUR_MS + 60_000);
        Fixture {
            initial: host.snapshot(&client).await,
            experiment,
            run,
            deleted_run,
            deleted_experiment,
            logged,
            deleted_logged,
            upload,
            parts,
        }
    }
}
