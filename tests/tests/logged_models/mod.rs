//! `logged-models/…`, `runs/outputs`, `runs/log-model`, and metrics that belong to a logged model too.

mod creation;
mod outputs;
mod pairs;
mod points;
mod random;
mod search;

use mlforge_tests::tracker::{Reply, Tracker};
use serde_json::{Value, json};

/// Makes a logged model in `Default`; returns it.
fn create(tracker: &Tracker, mut body: Value) -> Value {
    if body.get("experiment_id").is_none() {
        body["experiment_id"] = json!("0");
    }
    tracker.post("logged-models", body).ok()["model"].take()
}

fn id(model: &Value) -> String {
    model["info"]["model_id"].as_str().unwrap().to_owned()
}

fn get(tracker: &Tracker, model_id: &str) -> Reply {
    tracker.get(&format!("logged-models/{model_id}"))
}

fn read(tracker: &Tracker, model_id: &str) -> Value {
    get(tracker, model_id).ok()["model"].take()
}

fn set_tags(tracker: &Tracker, model_id: &str, tags: Value) -> Reply {
    tracker.patch(&format!("logged-models/{model_id}/tags"), json!({ "tags": tags }))
}

fn log_params(tracker: &Tracker, model_id: &str, params: Value) -> Reply {
    tracker.post(&format!("logged-models/{model_id}/params"), json!({ "params": params }))
}

fn finalize(tracker: &Tracker, model_id: &str, status: Value) -> Reply {
    let body = json!({"model_id": model_id, "status": status});
    tracker.patch(&format!("logged-models/{model_id}"), body)
}

fn delete(tracker: &Tracker, model_id: &str) -> Reply {
    tracker.delete(&format!("logged-models/{model_id}"), json!({}))
}

fn search(tracker: &Tracker, mut body: Value) -> Reply {
    if body.get("experiment_ids").is_none() {
        body["experiment_ids"] = json!(["0"]);
    }
    tracker.post("logged-models/search", body)
}

fn names(page: &Value) -> Vec<String> {
    let models = page["models"].as_array().map(Vec::as_slice).unwrap_or_default();
    models
        .iter()
        .map(|model| model["info"]["name"].as_str().unwrap().to_owned())
        .collect()
}

/// The names on all pages of a search, with this page size.
fn walk(tracker: &Tracker, body: &Value, count: usize) -> Vec<String> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let mut body = body.clone();
        (body["max_results"], body["page_token"]) = (json!(count), json!(token));
        let page = search(tracker, body).ok();
        all.extend(names(&page));
        match page["next_page_token"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return all,
        }
    }
}

/// Logs a point to a run and a model.
fn measure(tracker: &Tracker, run: &str, model: &str, key: &str, (value, step): (f64, i64), dataset: &str) {
    let body = json!({
        "run_id": run, "key": key, "value": value, "timestamp": 5, "step": step, "model_id": model, "dataset_name": dataset,
        "dataset_digest": if dataset.is_empty() { "" } else { "1" },
    });
    tracker.post("runs/log-metric", body).ok();
}

/// Five models of two experiments, with params, tags and metrics on two datasets.
fn with_models() -> (Tracker, Vec<Value>) {
    let tracker = Tracker::fresh();
    let other = tracker.experiment("other");
    let run = tracker.run("0", 1);
    for (name, experiment, param) in [
        ("a", "0", "1"),
        ("b", &*other, "1"),
        ("c", "0", "2"),
        ("d", &*other, "10"),
        ("e", "0", "x"),
    ] {
        let body = json!({
            "experiment_id": experiment, "name": name, "model_type": if name < "c" { "t" } else { "" }, "source_run_id": run,
            "params": [{"key": "p", "value": param}], "tags": [{"key": "k k", "value": name.to_uppercase()}],
        });
        let model = id(&create(&tracker, body));
        let (number, status) = (
            f64::from(name.as_bytes()[0] - b'a'),
            (name.as_bytes()[0] - b'a') % 3 + 1,
        );
        finalize(&tracker, &model, json!(status)).ok();
        if name != "e" {
            measure(&tracker, &run, &model, "acc", (number, 2), "train");
            measure(&tracker, &run, &model, "acc", (9.0, 1), "train");
            measure(
                &tracker,
                &run,
                &model,
                "acc",
                (4.0 - number, 3),
                if name < "c" { "test" } else { "" },
            );
        }
    }
    let page = search(&tracker, json!({"experiment_ids": ["0", other]})).ok();
    let models = page["models"].as_array().unwrap().clone();
    (tracker, models)
}
