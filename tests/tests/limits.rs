//! The limits of `domain/limits.rs`: the same for every endpoint.

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

/// Number of characters of a value that are stored. `None`: it is refused, or nothing of it is stored.
fn stored(way: &Way, key: &str, length: usize) -> Option<usize> {
    let tracker = Tracker::fresh();
    let pair = json!({"key": key, "value": "ü".repeat(length)});
    let reply = (way.send)(&tracker, &pair);
    let pairs = (way.read)(&tracker);
    let pairs = pairs.as_array().map(Vec::as_slice).unwrap_or_default();
    let value = pairs.iter().find(|pair| pair["key"] == key);
    let stored = value.map(|pair| pair["value"].as_str().unwrap().chars().count());
    if reply.status != 200 {
        let message = reply.fails(400, "INVALID_PARAMETER_VALUE");
        let value = way.key.replace("key", "value");
        assert!(message.contains(&value), "{}: {message}", way.name);
        assert_eq!(stored, None, "{}", way.name);
    }
    stored
}

#[test]
fn a_long_value_is_cut_or_refused_alike_by_every_endpoint() {
    for (ways, key, max, longer) in [
        (&RUN_TAGS[..], "config", 8_000, Some(8_000)),
        (&RUN_TAGS, "mlflow.loggedArtifacts", 100_000, None),
        (&RUN_TAGS, "mlflow.runName", 8_000, Some(8_000)),
        (&RUN_PARAMS, "mlflow.p", 6_000, Some(6_000)),
        (&EXPERIMENT_TAGS, "k", 20_000, None),
        (&REGISTRY_TAGS, "k", 100_000, None),
        (&LOGGED_PAIRS, "k", 65_535, None),
        (&INPUT_TAGS, "k", 500, None),
    ] {
        for way in ways {
            assert_eq!(stored(way, key, max), Some(max), "{} {key}", way.name);
            assert_eq!(stored(way, key, max + 1), longer, "{} {key}", way.name);
        }
    }
}

#[test]
fn an_impossible_key_is_refused_by_every_endpoint_and_nothing_is_stored() {
    let too_long = ("k".repeat(251), "k".repeat(256));
    for (ways, bad) in [
        (&RUN_TAGS[..], &["a@b", "a\n", "a/../b", "", &too_long.0][..]),
        (&RUN_PARAMS, &["a@b", "a\n", "a/../b", "", &too_long.0]),
        (&EXPERIMENT_TAGS, &["a@b", "a\n", "a/../b", "", &too_long.0]),
        (&REGISTRY_TAGS, &["a@b", "a\n", "a/../b", "", &too_long.0]),
        (&LOGGED_PAIRS, &["", &too_long.1]),
        (&INPUT_TAGS, &["", &too_long.1]),
    ] {
        for (way, key) in ways.iter().flat_map(|way| bad.iter().map(move |key| (way, key))) {
            let tracker = Tracker::fresh();
            let reply = (way.send)(&tracker, &json!({"key": key, "value": "v"}));
            let message = reply.fails(400, "INVALID_PARAMETER_VALUE");
            assert!(message.contains(way.key), "{} {key:?}: {message}", way.name);
            assert!(
                !(way.read)(&tracker).to_string().contains("\"v\""),
                "{} {key:?}",
                way.name
            );
        }
    }
}

#[test]
fn a_list_has_at_most_1000_pairs() {
    let tracker = Tracker::fresh();
    let pairs = |count: usize| -> Vec<Value> { (0..count).map(|n| json!({"key": format!("k{n}")})).collect() };
    let logged = logged_model(&tracker);
    let run = tracker.run("0", 1);
    tracker.model("m");
    for (number, count) in [1_000, 1_001].into_iter().enumerate() {
        let named = |list: &str, field: &str, value: String| json!({ list: pairs(count), field: value });
        let dataset = json!({"name": format!("d{number}"), "digest": "1", "source_type": "local", "source": "{}"});
        let inputs = json!({"run_id": run, "datasets": [{"dataset": dataset, "tags": pairs(count)}]});
        let replies = [
            tracker.post("runs/create", named("tags", "experiment_id", "0".to_owned())),
            tracker.post("experiments/create", named("tags", "name", format!("e{number}"))),
            tracker.post("registered-models/create", named("tags", "name", format!("m{number}"))),
            tracker.post("model-versions/create", named("tags", "name", "m".to_owned())),
            tracker.post("logged-models", named("tags", "experiment_id", "0".to_owned())),
            tracker.post("logged-models", named("params", "experiment_id", "0".to_owned())),
            tracker.patch(&format!("logged-models/{logged}/tags"), json!({ "tags": pairs(count) })),
            tracker.post(
                &format!("logged-models/{logged}/params"),
                json!({ "params": pairs(count) }),
            ),
            tracker.post("runs/log-inputs", inputs),
        ];
        for reply in replies {
            if number == 0 {
                reply.ok();
            } else {
                let message = reply.fails(400, "INVALID_PARAMETER_VALUE");
                assert!(message.contains("at most 1000"), "{message}");
            }
        }
    }
}

#[test]
fn the_name_of_a_run_is_cut_by_every_endpoint() {
    let tracker = Tracker::fresh();
    let long = "ü".repeat(8_001);
    let tag = json!({"key": "mlflow.runName", "value": long});
    let create = |body: Value| {
        let mut body = body;
        body["experiment_id"] = json!("0");
        let run = tracker.post("runs/create", body).ok();
        run["run"]["info"]["run_id"].as_str().unwrap().to_owned()
    };
    let renamed = tracker.run("0", 1);
    tracker
        .post("runs/update", json!({"run_id": renamed, "run_name": long}))
        .ok();
    for run in [
        create(json!({ "run_name": long })),
        create(json!({"tags": [tag]})),
        create(json!({"run_name": long, "tags": [tag]})),
        renamed,
    ] {
        let run = tracker.read(&run);
        assert_eq!(run["info"]["run_name"].as_str().unwrap().chars().count(), 8_000);
        let shown = json!({"key": "mlflow.runName", "value": run["info"]["run_name"]});
        assert!(run["data"]["tags"].as_array().unwrap().contains(&shown));
    }
}

#[test]
fn the_last_of_equal_tags_of_an_input_counts() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let tags: Vec<Value> = (0..1_000)
        .map(|n| {
            let key = if n % 2 == 0 { "mlflow.data.context" } else { "t" };
            json!({"key": key, "value": n.to_string()})
        })
        .collect();
    let dataset = |n: usize| json!({"name": format!("d{n}"), "digest": "1", "source_type": "local", "source": "{}"});
    // A commit has at most 10,000 changes, fewer than there are tags here.
    let inputs: Vec<Value> = (0..15).map(|n| json!({"dataset": dataset(n), "tags": tags})).collect();
    tracker
        .post("runs/log-inputs", json!({"run_id": run, "datasets": inputs}))
        .ok();
    let input = &tracker.read(&run)["inputs"]["dataset_inputs"][0];
    let last = json!([{"key": "mlflow.data.context", "value": "998"}, {"key": "t", "value": "999"}]);
    assert_eq!(input["tags"], last);
}

#[test]
fn a_name_that_is_too_long_is_refused_where_it_is_given() {
    let tracker = Tracker::fresh();
    tracker.experiment("e");
    tracker.model("m");
    for (parameter, reply) in [
        (
            "'name'",
            tracker.post("experiments/create", json!({"name": "n".repeat(501)})),
        ),
        (
            "'new_name'",
            tracker.post(
                "experiments/update",
                json!({"experiment_id": "1", "new_name": "n".repeat(501)}),
            ),
        ),
        (
            "'name'",
            tracker.post("registered-models/create", json!({"name": "n".repeat(494)})),
        ),
        (
            "'new_name'",
            tracker.post(
                "registered-models/rename",
                json!({"name": "m", "new_name": "n".repeat(494)}),
            ),
        ),
        (
            "'new_name'",
            tracker.post("registered-models/rename", json!({"name": "m", "new_name": "a/b"})),
        ),
        (
            "'new_name'",
            tracker.post("registered-models/rename", json!({"name": "m", "new_name": ".."})),
        ),
    ] {
        let message = reply.fails(400, "INVALID_PARAMETER_VALUE");
        assert!(message.contains(parameter), "{message}");
    }
}
