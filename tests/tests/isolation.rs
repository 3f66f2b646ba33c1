//! A project's items do not exist for another project: each request that names one is answered as if its name was made up.
//!
//! Other tests hold the rest of the wall: upload tokens in `uploads/tokens.rs`, CI jobs in `ci_jobs/`, forged headers in
//! `host_imports.rs`, a malicious component in `engine.rs`, and a path that another project took over in the tests of each
//! forge's adapter.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

/// Project 1 with an item of each kind, and their names.
struct World {
    tracker: Tracker,
    run: String,
    logged_model: String,
}

/// Names of the same form that nothing has.
const NO_RUN: &str = "0123456789abcdef0123456789abcdef";
const NO_MODEL: &str = "nothing";

impl World {
    fn new() -> Self {
        let tracker = Tracker::fresh();
        let run = tracker.run("0", 1);
        tracker.model("secret");
        tracker.version("secret", Some("1.0.0"));
        let alias = json!({"name": "secret", "alias": "best", "version": "1"});
        tracker.post("registered-models/alias", alias).ok();
        let put = tracker.file("PUT", &artifact("0", &run), &[], "secret");
        assert_eq!(put.status, 200, "{}", put.text());
        let logged = tracker
            .post("logged-models", json!({"experiment_id": "0", "name": "l"}))
            .ok();
        let logged_model = logged["model"]["info"]["model_id"].as_str().unwrap().to_owned();
        Self {
            tracker,
            run,
            logged_model,
        }
    }

    /// Asks project 2 for an item of project 1 and for a name that nothing has. The answers must be the same.
    #[track_caller]
    fn cannot_cross(&mut self, method: &str, secret: &str, made_up: &str, path: &str, body: &Value) {
        let secret = secret.to_owned();
        self.tracker.in_project(2, |tracker| {
            let ask = |name: &str| {
                let text = if method == "GET" {
                    String::new()
                } else {
                    body.to_string().replace("NAME", name)
                };
                let answer = tracker.file(method, &path.replace("NAME", name), &[], text);
                (answer.status, answer.text().replace(name, "NAME"))
            };
            let crossing = ask(&secret);
            assert_eq!(crossing, ask(made_up), "{method} {path} {body}");
            assert!(
                crossing.0 >= 400 || crossing.1.len() <= 2,
                "{method} {path}: {crossing:?}"
            );
        });
    }
}

fn artifact(experiment: &str, run: &str) -> String {
    format!("/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/f")
}

#[test]
fn a_run_of_another_project_does_not_exist() {
    let mut world = World::new();
    let run = world.run.clone();
    for endpoint in [
        "runs/get?run_id=NAME",
        "metrics/get-history?run_id=NAME&metric_key=m",
        "artifacts/list?run_id=NAME",
    ] {
        world.cannot_cross(
            "GET",
            &run,
            NO_RUN,
            &format!("/api/2.0/mlflow/{endpoint}"),
            &Value::Null,
        );
    }
    for (endpoint, body) in [
        ("runs/update", json!({"run_id": "NAME", "status": "FINISHED"})),
        ("runs/delete", json!({"run_id": "NAME"})),
        ("runs/restore", json!({"run_id": "NAME"})),
        (
            "runs/log-metric",
            json!({"run_id": "NAME", "key": "m", "value": 1, "timestamp": 1}),
        ),
        (
            "runs/log-parameter",
            json!({"run_id": "NAME", "key": "p", "value": "1"}),
        ),
        ("runs/set-tag", json!({"run_id": "NAME", "key": "t", "value": "1"})),
        ("runs/delete-tag", json!({"run_id": "NAME", "key": "mlflow.runName"})),
        (
            "runs/log-batch",
            json!({"run_id": "NAME", "tags": [{"key": "t", "value": "1"}]}),
        ),
        ("runs/log-inputs", json!({"run_id": "NAME", "datasets": []})),
    ] {
        world.cannot_cross("POST", &run, NO_RUN, &format!("/api/2.0/mlflow/{endpoint}"), &body);
    }
}

#[test]
fn a_model_of_another_project_does_not_exist() {
    let mut world = World::new();
    for endpoint in [
        "registered-models/get?name=NAME",
        "registered-models/alias?name=NAME&alias=best",
        "model-versions/get?name=NAME&version=1",
        "model-versions/get-download-uri?name=NAME&version=1",
    ] {
        world.cannot_cross(
            "GET",
            "secret",
            NO_MODEL,
            &format!("/api/2.0/mlflow/{endpoint}"),
            &Value::Null,
        );
    }
    world.cannot_cross(
        "GET",
        "secret",
        NO_MODEL,
        "/model-versions/get-artifact?name=NAME&version=1&path=f",
        &Value::Null,
    );
    for (method, endpoint, body) in [
        (
            "PATCH",
            "registered-models/update",
            json!({"name": "NAME", "description": "d"}),
        ),
        (
            "POST",
            "registered-models/rename",
            json!({"name": "NAME", "new_name": "mine"}),
        ),
        ("DELETE", "registered-models/delete", json!({"name": "NAME"})),
        (
            "POST",
            "registered-models/alias",
            json!({"name": "NAME", "alias": "a", "version": "1"}),
        ),
        (
            "DELETE",
            "registered-models/alias",
            json!({"name": "NAME", "alias": "best"}),
        ),
        (
            "POST",
            "registered-models/set-tag",
            json!({"name": "NAME", "key": "k", "value": "v"}),
        ),
        (
            "PATCH",
            "model-versions/update",
            json!({"name": "NAME", "version": "1", "description": "d"}),
        ),
        (
            "POST",
            "model-versions/transition-stage",
            json!({"name": "NAME", "version": "1", "stage": "Production"}),
        ),
        (
            "DELETE",
            "model-versions/delete",
            json!({"name": "NAME", "version": "1"}),
        ),
        ("POST", "model-versions/create", json!({"name": "NAME", "source": ""})),
    ] {
        world.cannot_cross(
            method,
            "secret",
            NO_MODEL,
            &format!("/api/2.0/mlflow/{endpoint}"),
            &body,
        );
    }
}

#[test]
fn a_logged_model_of_another_project_does_not_exist() {
    let mut world = World::new();
    let (model, none) = (world.logged_model.clone(), format!("m-{NO_RUN}"));
    let path = "/api/2.0/mlflow/logged-models/NAME";
    world.cannot_cross("GET", &model, &none, path, &Value::Null);
    world.cannot_cross("PATCH", &model, &none, path, &json!({"status": "LOGGED_MODEL_READY"}));
    world.cannot_cross("DELETE", &model, &none, path, &Value::Null);
}

#[test]
fn an_artifact_of_another_project_can_neither_be_read_nor_written() {
    let mut world = World::new();
    let run = world.run.clone();
    world.cannot_cross("GET", &run, NO_RUN, &artifact("0", "NAME"), &Value::Null);
    world.cannot_cross("PUT", &run, NO_RUN, &artifact("0", "NAME"), &json!("x"));
    world.cannot_cross("DELETE", &run, NO_RUN, &artifact("0", "NAME"), &Value::Null);
    world.cannot_cross("GET", &run, NO_RUN, "/get-artifact?run_uuid=NAME&path=f", &Value::Null);
    let create = "/api/2.0/mlflow-artifacts/mpu/create/0/NAME/artifacts";
    world.cannot_cross("POST", &run, NO_RUN, create, &json!({"path": "f", "num_parts": 1}));
    let kept = world.tracker.file("GET", &artifact("0", &run), &[], "");
    assert_eq!((kept.status, kept.text()), (200, "secret".to_owned()));
}

#[test]
fn no_version_is_made_from_a_source_in_another_project() {
    let mut world = World::new();
    world.tracker.in_project(2, |tracker| _ = tracker.model("mine"));
    let create = "/api/2.0/mlflow/model-versions/create";
    let run = world.run.clone();
    for body in [
        json!({"name": "mine", "source": "mlflow-artifacts:/0/NAME/artifacts"}),
        json!({"name": "mine", "source": "runs:/NAME/f"}),
        json!({"name": "mine", "source": "", "run_id": "NAME"}),
    ] {
        world.cannot_cross("POST", &run, NO_RUN, create, &body);
    }
    world.cannot_cross(
        "POST",
        "secret",
        NO_MODEL,
        create,
        &json!({"name": "mine", "source": "models:/NAME/1"}),
    );
}

#[test]
fn a_page_token_of_another_project_shows_nothing_of_it() {
    let mut world = World::new();
    for start_time in 2..5 {
        world.tracker.run("0", start_time);
    }
    let search = json!({"experiment_ids": ["0"], "max_results": 1});
    let page = world.tracker.post("runs/search", search.clone()).ok();
    let mut next = search;
    next["page_token"] = page["next_page_token"].clone();
    let second = world.tracker.post("runs/search", next.clone()).ok();
    assert_eq!(second["runs"].as_array().map(Vec::len), Some(1), "{second}");
    world.tracker.in_project(2, |tracker| {
        // It comes before the page of the token, which could only hold runs of project 1.
        let mine = tracker.run("0", 100);
        let answer = tracker.post("runs/search", next).body;
        let runs = answer["runs"].as_array().into_iter().flatten();
        let others = runs.filter(|run| run["info"]["run_id"] != mine);
        assert_eq!(others.count(), 0, "{answer}");
    });
}
