//! The limits of `domain/limits.rs`: the same for every endpoint.

mod names;
mod pairs;

use mlforge_tests::tracker::{Reply, Tracker};
use serde_json::{Value, json};

/// An endpoint that takes a tag or a param. `send` sends it to a fresh object; `read` reads the stored list.
struct Way {
    name: &'static str,
    send: fn(&Tracker, &Value) -> Reply,
    /// The caller's name of the key.
    key: &'static str,
    read: fn(&Tracker) -> Value,
}

fn run(tracker: &Tracker) -> String {
    let found = json!({"experiment_ids": ["0"], "max_results": 1});
    let found = tracker.post("runs/search", found).ok();
    found["runs"][0]["info"]["run_id"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn of_run(tracker: &Tracker, list: &str) -> Value {
    match run(tracker).as_str() {
        "" => Value::Null,
        run => tracker.read(run)["data"][list].take(),
    }
}

/// A request about a new run: its id, and the fields of `pair`.
fn about_run(tracker: &Tracker, path: &str, pair: &Value) -> Reply {
    let mut body = pair.clone();
    body["run_id"] = json!(tracker.run("0", 1));
    tracker.post(path, body)
}

fn in_batch(tracker: &Tracker, list: &str, pair: &Value) -> Reply {
    about_run(tracker, "runs/log-batch", &json!({ list: [pair] }))
}

/// The id of the only logged model.
fn logged_model(tracker: &Tracker) -> String {
    let made = tracker.post("logged-models", json!({"experiment_id": "0"})).ok();
    made["model"]["info"]["model_id"].as_str().unwrap().to_owned()
}

fn of_logged_model(tracker: &Tracker, part: &str, list: &str) -> Value {
    let found = tracker
        .post("logged-models/search", json!({"experiment_ids": ["0"]}))
        .ok();
    found["models"][0][part][list].clone()
}

fn of_model(tracker: &Tracker) -> Value {
    let found = tracker.get("registered-models/search").ok();
    found["registered_models"][0]["tags"].clone()
}

fn of_version(tracker: &Tracker) -> Value {
    let found = tracker.get("model-versions/search").ok();
    found["model_versions"][0]["tags"].clone()
}

fn of_experiment(tracker: &Tracker) -> Value {
    let found = tracker.post("experiments/search", json!({"max_results": 1})).ok();
    found["experiments"][0]["tags"].clone()
}

const RUN_TAGS: [Way; 3] = [
    Way {
        name: "runs/create",
        send: |tracker, pair| tracker.post("runs/create", json!({"experiment_id": "0", "tags": [pair]})),
        key: "'tags[0].key'",
        read: |tracker| of_run(tracker, "tags"),
    },
    Way {
        name: "runs/set-tag",
        send: |tracker, pair| about_run(tracker, "runs/set-tag", pair),
        key: "'key'",
        read: |tracker| of_run(tracker, "tags"),
    },
    Way {
        name: "runs/log-batch",
        send: |tracker, pair| in_batch(tracker, "tags", pair),
        key: "'tags[0].key'",
        read: |tracker| of_run(tracker, "tags"),
    },
];

const RUN_PARAMS: [Way; 2] = [
    Way {
        name: "runs/log-parameter",
        send: |tracker, pair| about_run(tracker, "runs/log-parameter", pair),
        key: "'key'",
        read: |tracker| of_run(tracker, "params"),
    },
    Way {
        name: "runs/log-batch",
        send: |tracker, pair| in_batch(tracker, "params", pair),
        key: "'params[0].key'",
        read: |tracker| of_run(tracker, "params"),
    },
];

const EXPERIMENT_TAGS: [Way; 2] = [
    Way {
        name: "experiments/create",
        send: |tracker, pair| tracker.post("experiments/create", json!({"name": "e", "tags": [pair]})),
        key: "'tags[0].key'",
        read: of_experiment,
    },
    Way {
        name: "experiments/set-experiment-tag",
        send: |tracker, pair| {
            let mut body = pair.clone();
            body["experiment_id"] = json!("0");
            tracker.post("experiments/set-experiment-tag", body)
        },
        key: "'key'",
        read: of_experiment,
    },
];

const REGISTRY_TAGS: [Way; 4] = [
    Way {
        name: "registered-models/create",
        send: |tracker, pair| tracker.post("registered-models/create", json!({"name": "m", "tags": [pair]})),
        key: "'tags[0].key'",
        read: of_model,
    },
    Way {
        name: "registered-models/set-tag",
        send: |tracker, pair| {
            tracker.model("m");
            let mut body = pair.clone();
            body["name"] = json!("m");
            tracker.post("registered-models/set-tag", body)
        },
        key: "'key'",
        read: of_model,
    },
    Way {
        name: "model-versions/create",
        send: |tracker, pair| {
            tracker.model("m");
            tracker.post("model-versions/create", json!({"name": "m", "tags": [pair]}))
        },
        key: "'tags[0].key'",
        read: of_version,
    },
    Way {
        name: "model-versions/set-tag",
        send: |tracker, pair| {
            tracker.model("m");
            tracker.version("m", None);
            let mut body = pair.clone();
            (body["name"], body["version"]) = (json!("m"), json!("1"));
            tracker.post("model-versions/set-tag", body)
        },
        key: "'key'",
        read: of_version,
    },
];

const LOGGED_PAIRS: [Way; 4] = [
    Way {
        name: "logged-models, tags",
        send: |tracker, pair| tracker.post("logged-models", json!({"experiment_id": "0", "tags": [pair]})),
        key: "'tags[0].key'",
        read: |tracker| of_logged_model(tracker, "info", "tags"),
    },
    Way {
        name: "logged-models, params",
        send: |tracker, pair| tracker.post("logged-models", json!({"experiment_id": "0", "params": [pair]})),
        key: "'params[0].key'",
        read: |tracker| of_logged_model(tracker, "data", "params"),
    },
    Way {
        name: "logged-models/{model_id}/tags",
        send: |tracker, pair| {
            let model = logged_model(tracker);
            tracker.patch(&format!("logged-models/{model}/tags"), json!({"tags": [pair]}))
        },
        key: "'tags[0].key'",
        read: |tracker| of_logged_model(tracker, "info", "tags"),
    },
    Way {
        name: "logged-models/{model_id}/params",
        send: |tracker, pair| {
            let model = logged_model(tracker);
            tracker.post(&format!("logged-models/{model}/params"), json!({"params": [pair]}))
        },
        key: "'params[0].key'",
        read: |tracker| of_logged_model(tracker, "data", "params"),
    },
];

const INPUT_TAGS: [Way; 1] = [Way {
    name: "runs/log-inputs",
    send: |tracker, pair| {
        let plain = json!({"name": "a", "digest": "1", "source_type": "local", "source": "{}"});
        let mut tagged = plain.clone();
        tagged["name"] = json!("b");
        let datasets = json!([{"dataset": plain}, {"dataset": tagged, "tags": [{"key": "t"}, pair]}]);
        about_run(tracker, "runs/log-inputs", &json!({ "datasets": datasets }))
    },
    key: "'datasets[1].tags[1].key'",
    read: |tracker| {
        let run = tracker.read(&run(tracker));
        run["inputs"]["dataset_inputs"][1]["tags"].clone()
    },
}];
