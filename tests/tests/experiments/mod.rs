//! `experiments/…`

mod creation;
mod lifecycle;
mod listing;
mod names;
mod tags;

use serde_json::Value;

fn names(page: &Value) -> Vec<&str> {
    let experiments = page["experiments"].as_array().map(Vec::as_slice).unwrap_or_default();
    experiments
        .iter()
        .map(|experiment| experiment["name"].as_str().unwrap())
        .collect()
}
