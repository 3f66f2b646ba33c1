//! Logging to runs: metrics, params, tags, batches, inputs; and histories.

mod batches;
mod concurrency;
mod inputs;
mod metrics;
mod params;
mod tags;

use mlforge_tests::tracker::Tracker;
use serde_json::Value;

fn value(run: &Value, kind: &str, key: &str) -> Value {
    let items = run["data"][kind].as_array().map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .find(|item| item["key"] == key)
        .map_or(Value::Null, |item| item["value"].clone())
}

fn history(tracker: &Tracker, run: &str, key: &str) -> Vec<(i64, i64, Value)> {
    let page = tracker
        .get(&format!("metrics/get-history?run_id={run}&metric_key={key}"))
        .ok();
    let points = page["metrics"].as_array().cloned().unwrap_or_default();
    points
        .iter()
        .map(|p| {
            (
                p["timestamp"].as_i64().unwrap(),
                p["step"].as_i64().unwrap(),
                p["value"].clone(),
            )
        })
        .collect()
}
