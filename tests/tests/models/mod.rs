//! `registered-models/…`

mod changes;
mod creation;
mod experiments;
mod search;

use mlforge_tests::tracker::Tracker;
use serde_json::Value;

fn names(page: &Value) -> Vec<&str> {
    let models = page["registered_models"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    models.iter().map(|model| model["name"].as_str().unwrap()).collect()
}

fn search(tracker: &Tracker, query: &str) -> Value {
    tracker.get(&format!("registered-models/search?{query}")).ok()
}

fn experiment(tracker: &Tracker, name: &str) -> Option<Value> {
    let mut reply = tracker.get(&format!("experiments/get-by-name?experiment_name={name}"));
    (reply.status == 200).then(|| reply.body["experiment"].take())
}
