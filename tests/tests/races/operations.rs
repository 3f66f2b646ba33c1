//! The operations that race: each kind of change, and some sequences of requests.

mod traces;

use std::sync::Arc;

use mlforge_tests::gated_host::Client;
use mlforge_tests::interleaving::{Operation, Rewrites, Step, StepFuture};
use serde_json::{Value, json};

use super::fixture::{Fixture, HOUR_MS};

/// A request: method, endpoint of MLflow or a path that begins with a slash, body.
pub type Request = (&'static str, String, Value);

const STORE: &str = "/api/2.0/mlflow-artifacts/artifacts";

/// An operation of requests one after the other. Its answer is the status of each request, with the error
/// code of a failed one.
pub fn requests(name: &'static str, requests: Vec<Request>) -> Operation {
    Operation {
        name,
        steps: requests.into_iter().map(step).collect(),
        rewrites: Rewrites::Nothing,
    }
}

fn step((method, path, body): Request) -> Step {
    Arc::new(move |client: Client| {
        let (path, body) = (path.clone(), body.clone());
        Box::pin(async move {
            let (status, answer) = match path.starts_with('/') {
                true => client.ask(method, &path, body.to_string()).await,
                false => client.call(method, &path, body).await,
            };
            format!("{status} {}", answer["error_code"].as_str().unwrap_or_default())
        })
    })
}

fn post(name: &'static str, path: &str, body: Value) -> Operation {
    requests(name, vec![("POST", path.to_owned(), body)])
}

fn delete(name: &'static str, path: &str, body: Value) -> Operation {
    requests(name, vec![("DELETE", path.to_owned(), body)])
}

/// Purges data that was deleted an hour ago.
pub fn purge() -> Operation {
    Operation {
        name: "purge",
        steps: vec![purge_of(HOUR_MS)],
        rewrites: Rewrites::Blocks,
    }
}

fn purge_of(deleted_for_ms: u64) -> Step {
    Arc::new(move |client: Client| {
        Box::pin(async move { format!("{}", client.purge(deleted_for_ms).await.is_ok()) }) as StepFuture
    })
}

/// Deletes the run that most operations change, and purges it at once.
pub fn delete_for_good(fixture: &Fixture) -> Operation {
    let delete = ("POST", "runs/delete".to_owned(), json!({"run_id": fixture.run}));
    Operation {
        name: "delete and purge run",
        steps: vec![step(delete), purge_of(0)],
        rewrites: Rewrites::Blocks,
    }
}

/// Runs all maintenance.
fn run_maintenance() -> Operation {
    let step = |client: Client| {
        Box::pin(async move {
            client.run_maintenance().await;
            String::new()
        }) as StepFuture
    };
    Operation {
        name: "maintenance",
        steps: vec![Arc::new(step)],
        rewrites: Rewrites::All,
    }
}

/// All operations on the fixture, grouped by the objects that they change.
pub fn all(fixture: &Fixture) -> Vec<Operation> {
    [
        experiments(fixture),
        runs(fixture),
        logged(fixture),
        traces::all(fixture),
        files(fixture),
        models(),
        versions(fixture),
        maintenance(),
    ]
    .concat()
}

fn experiments(fixture: &Fixture) -> Vec<Operation> {
    let id = &fixture.experiment;
    let tag = |endpoint, name| post(name, endpoint, json!({"experiment_id": id, "key": "t", "value": "w"}));
    vec![
        post("create experiment", "experiments/create", json!({"name": "new"})),
        post(
            "rename experiment",
            "experiments/update",
            json!({"experiment_id": id, "new_name": "new"}),
        ),
        post("delete experiment", "experiments/delete", json!({"experiment_id": id})),
        post(
            "restore experiment",
            "experiments/restore",
            json!({"experiment_id": fixture.deleted_experiment}),
        ),
        tag("experiments/set-experiment-tag", "tag experiment"),
        tag("experiments/delete-experiment-tag", "untag experiment"),
    ]
}

/// Operations that may each be the first one in an empty project.
pub fn first_ones() -> Vec<Operation> {
    let of_default = |name, path, mut body: Value| {
        body["experiment_id"] = json!("0");
        post(name, path, body)
    };
    vec![
        post("create experiment", "experiments/create", json!({"name": "e"})),
        post("create model", "registered-models/create", json!({"name": "m"})),
        of_default("rename default", "experiments/update", json!({"new_name": "e"})),
        of_default("delete default", "experiments/delete", json!({})),
        of_default(
            "tag default",
            "experiments/set-experiment-tag",
            json!({"key": "t", "value": "v"}),
        ),
        of_default("create run", "runs/create", json!({"run_name": "r", "start_time": 1})),
        of_default("create logged model", "logged-models", json!({"name": "l"})),
    ]
}

/// Operations on the run that most operations change, and those that make a version of it.
pub fn of_run(fixture: &Fixture) -> Vec<Operation> {
    let versions = versions(fixture).into_iter();
    let of_run = versions.filter(|operation| operation.name == "create version of run");
    [runs(fixture), files(fixture), of_run.collect()].concat()
}

fn runs(fixture: &Fixture) -> Vec<Operation> {
    let run = &fixture.run;
    let create = json!({"experiment_id": fixture.experiment, "run_name": "made", "start_time": 2});
    let metric =
        |step: i64| json!({"key": "m", "value": 2, "timestamp": 5 + step, "step": step, "model_id": fixture.logged});
    let batch = json!({
        "run_id": run, "metrics": (0..10).map(metric).collect::<Vec<_>>(), "params": [{"key": "q", "value": "1"}],
        "tags": [{"key": "t", "value": "w"}],
    });
    let dataset = json!({"name": "d", "digest": "1", "source_type": "s", "source": "s"});
    let inputs = json!({"run_id": run, "datasets": [{"dataset": dataset, "tags": []}]});
    let model_json =
        json!({"artifact_path": "model", "flavors": {}, "utc_time_created": "t", "run_id": run}).to_string();
    vec![
        post("create run", "runs/create", create),
        post(
            "update run",
            "runs/update",
            json!({"run_id": run, "status": "FINISHED", "run_name": "named"}),
        ),
        post("delete run", "runs/delete", json!({"run_id": run})),
        post("restore run", "runs/restore", json!({"run_id": fixture.deleted_run})),
        post("log batch", "runs/log-batch", batch),
        post(
            "log metric of logged model of deleted experiment",
            "runs/log-metric",
            json!({"run_id": run, "key": "m", "value": 2, "timestamp": 2, "step": 2, "model_id": fixture.deleted_logged}),
        ),
        post(
            "log param",
            "runs/log-parameter",
            json!({"run_id": run, "key": "q", "value": "2"}),
        ),
        post(
            "tag run",
            "runs/set-tag",
            json!({"run_id": run, "key": "t", "value": "x"}),
        ),
        post("untag run", "runs/delete-tag", json!({"run_id": run, "key": "t"})),
        post(
            "log model",
            "runs/log-model",
            json!({"run_id": run, "model_json": model_json}),
        ),
        post("log inputs", "runs/log-inputs", inputs),
        post(
            "log outputs",
            "runs/outputs",
            json!({"run_id": run, "models": [{"model_id": fixture.logged}]}),
        ),
    ]
}

fn logged(fixture: &Fixture) -> Vec<Operation> {
    let path = format!("logged-models/{}", fixture.logged);
    let status = json!({"status": "LOGGED_MODEL_READY"});
    let pairs = |what: &str, value| json!({what: [{"key": "q", "value": value}]});
    vec![
        post(
            "create logged model",
            "logged-models",
            json!({"experiment_id": fixture.experiment, "name": "made"}),
        ),
        requests("finalize logged model", vec![("PATCH", path.clone(), status)]),
        delete("delete logged model", &path, Value::Null),
        requests(
            "tag logged model",
            vec![("PATCH", format!("{path}/tags"), pairs("tags", "1"))],
        ),
        delete("untag logged model", &format!("{path}/tags/t"), Value::Null),
        post(
            "log param to logged model",
            &format!("{path}/params"),
            pairs("params", "2"),
        ),
        post(
            "log param to logged model of deleted experiment",
            &format!("logged-models/{}/params", fixture.deleted_logged),
            pairs("params", "2"),
        ),
    ]
}

fn files(fixture: &Fixture) -> Vec<Operation> {
    let root = format!("{}/{}/artifacts", fixture.experiment, fixture.run);
    let put = |name, path: String| requests(name, vec![("PUT", format!("{STORE}/{path}"), json!("new"))]);
    let upload = |name, what: &str| {
        let body = json!({"path": "large", "num_parts": 1, "upload_id": fixture.upload, "parts": fixture.parts});
        requests(
            name,
            vec![("POST", format!("/api/2.0/mlflow-artifacts/mpu/{what}/{root}"), body)],
        )
    };
    let gone = format!(
        "{}/models/{}/artifacts",
        fixture.deleted_experiment, fixture.deleted_logged
    );
    vec![
        put("upload", format!("{root}/model/file")),
        put("upload to logged model of deleted experiment", format!("{gone}/new")),
        requests(
            "delete artifacts",
            vec![("DELETE", format!("{STORE}/{root}/model"), Value::Null)],
        ),
        upload("begin upload", "create"),
        upload("complete upload", "complete"),
        upload("abort upload", "abort"),
    ]
}

fn models() -> Vec<Operation> {
    let tag = |name, endpoint: &str| {
        requests(
            name,
            vec![(
                "POST",
                endpoint.to_owned(),
                json!({"name": "m", "key": "t", "value": "w"}),
            )],
        )
    };
    vec![
        post("create model", "registered-models/create", json!({"name": "k"})),
        post(
            "rename model",
            "registered-models/rename",
            json!({"name": "m", "new_name": "k"}),
        ),
        delete("delete model", "registered-models/delete", json!({"name": "m"})),
        requests(
            "describe model",
            vec![(
                "PATCH",
                "registered-models/update".to_owned(),
                json!({"name": "m", "description": "d"}),
            )],
        ),
        tag("tag model", "registered-models/set-tag"),
        delete(
            "untag model",
            "registered-models/delete-tag",
            json!({"name": "m", "key": "t"}),
        ),
        requests(
            "rename model and make another",
            vec![
                (
                    "POST",
                    "registered-models/rename".to_owned(),
                    json!({"name": "m", "new_name": "k"}),
                ),
                ("POST", "registered-models/create".to_owned(), json!({"name": "m"})),
            ],
        ),
    ]
}

fn versions(fixture: &Fixture) -> Vec<Operation> {
    let create =
        |name, model: &str, source: &str| post(name, "model-versions/create", json!({"name": model, "source": source}));
    let of = |version: &str| json!({"name": "m", "version": version, "key": "t", "value": "w", "description": "d"});
    let alias = |version: &str| json!({"name": "m", "version": version, "alias": "champion"});
    let moved = |version: &str| json!({"name": "m", "version": version, "stage": "Production", "archive_existing_versions": true});
    let of_deleted = format!("runs:/{}/model", fixture.deleted_run);
    let version_of_deleted = json!({"name": "n", "source": of_deleted});
    let to = |path: &str| path.to_owned();
    let tag = json!({"key": "gitlab.version", "value": "1.0.0"});
    let copy = json!({"name": "n", "source": "models:/m/1", "tags": [tag]});
    let chosen = |model: &str| {
        let tag = json!({"key": "gitlab.version", "value": "9.9.9"});
        json!({"name": model, "source": format!("runs:/{}/model", fixture.run), "tags": [tag]})
    };
    let semver = json!({"name": "m", "version": "1", "key": "gitlab.version", "value": "1.0.0"});
    vec![
        create("create version", "m", ""),
        create("create version of run", "n", &format!("runs:/{}/model", fixture.run)),
        create("create version of deleted run", "n", &of_deleted),
        create("create version of alias", "n", "models:/m@champion"),
        post("copy version", "model-versions/create", copy),
        post("create chosen version of run", "model-versions/create", chosen("n")),
        post(
            "create the same version of another model",
            "model-versions/create",
            chosen("m"),
        ),
        create("create version of latest", "n", "models:/m/latest"),
        create(
            "create version of logged model",
            "n",
            &format!("models:/{}", fixture.logged),
        ),
        create(
            "create version of deleted experiment",
            "n",
            &format!("models:/{}", fixture.deleted_logged),
        ),
        delete("delete version", "model-versions/delete", of("1")),
        requests(
            "describe version",
            vec![("PATCH", to("model-versions/update"), of("1"))],
        ),
        post("tag version", "model-versions/set-tag", of("1")),
        post("tag version with semantic version", "model-versions/set-tag", semver),
        delete("untag version", "model-versions/delete-tag", of("1")),
        post("promote version", "model-versions/transition-stage", moved("2")),
        post("give alias", "registered-models/alias", alias("1")),
        post("move alias", "registered-models/alias", alias("2")),
        delete("delete alias", "registered-models/alias", alias("1")),
        requests(
            "move alias and delete its version",
            vec![
                ("POST", to("registered-models/alias"), alias("2")),
                ("DELETE", to("model-versions/delete"), of("1")),
            ],
        ),
        requests(
            "restore run and make a version of it",
            vec![
                ("POST", to("runs/restore"), json!({"run_id": fixture.deleted_run})),
                ("POST", to("model-versions/create"), version_of_deleted.clone()),
            ],
        ),
        requests(
            "restore run, make a version of it, and delete both",
            vec![
                ("POST", to("runs/restore"), json!({"run_id": fixture.deleted_run})),
                ("POST", to("model-versions/create"), version_of_deleted),
                (
                    "DELETE",
                    to("model-versions/delete"),
                    json!({"name": "n", "version": "1"}),
                ),
                ("POST", to("runs/delete"), json!({"run_id": fixture.deleted_run})),
            ],
        ),
    ]
}

fn maintenance() -> Vec<Operation> {
    vec![purge(), run_maintenance()]
}
