//! The limits of tags and params: keys, values, and their number.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::{EXPERIMENT_TAGS, INPUT_TAGS, LOGGED_PAIRS, REGISTRY_TAGS, RUN_PARAMS, RUN_TAGS, Way, logged_model};

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
