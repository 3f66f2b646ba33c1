//! Values of metrics are returned exactly as they were sent.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

/// Values that a careless decimal parser rounds to a neighbour, and the extremes of the range.
const VALUES: [f64; 7] = [
    0.095_467_931_303_899_83,
    3.818_717_252_155_993_3,
    1.373_900_992_973_631_3e-16,
    2.228_619_418_164_935_5e-13,
    f64::MAX,
    f64::MIN_POSITIVE,
    5e-324,
];

fn bits(metric: &Value) -> u64 {
    metric["value"].as_f64().unwrap().to_bits()
}

#[test]
fn a_metric_is_read_back_bit_for_bit() {
    let tracker = Tracker::fresh();
    for value in VALUES {
        let (single, batched) = (tracker.run("0", 1), tracker.run("0", 2));
        let metric = json!({"run_id": single, "key": "m", "value": value, "timestamp": 1});
        tracker.post("runs/log-metric", metric.clone()).ok();
        tracker
            .post("runs/log-batch", json!({"run_id": batched, "metrics": [metric]}))
            .ok();
        for run in [single, batched] {
            assert_eq!(
                bits(&tracker.read(&run)["data"]["metrics"][0]),
                value.to_bits(),
                "{value:e}"
            );
            let history = tracker
                .get(&format!("metrics/get-history?run_id={run}&metric_key=m"))
                .ok();
            assert_eq!(bits(&history["metrics"][0]), value.to_bits(), "{value:e}");
        }
    }
}

#[test]
fn a_metric_is_found_by_its_exact_value() {
    let tracker = Tracker::fresh();
    for value in &VALUES[..4] {
        let run = tracker.run("0", 1);
        let metric = json!({"run_id": run, "key": "m", "value": value, "timestamp": 1});
        tracker.post("runs/log-metric", metric).ok();
        let equal = json!({"experiment_ids": ["0"], "filter": format!("metrics.m = {value:?}")});
        let found = tracker.post("runs/search", equal).ok();
        assert_eq!(found["runs"].as_array().unwrap().len(), 1, "{value:e}");
        assert_eq!(found["runs"][0]["info"]["run_id"], run);
    }
}
