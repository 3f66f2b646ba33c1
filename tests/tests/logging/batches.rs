//! Batches of metrics, params and tags.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::{history, value};

#[test]
fn batches_and_inputs_distinguish_an_invalid_run_id_from_an_unknown_one() {
    let tracker = Tracker::fresh();
    for endpoint in ["runs/log-batch", "runs/log-inputs"] {
        tracker
            .post(endpoint, json!({"run_id": "../x"}))
            .fails(400, "INVALID_PARAMETER_VALUE");
        tracker
            .post(endpoint, json!({"run_id": "none"}))
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
    }
}

#[test]
fn a_batch_is_logged_whole_or_not_at_all() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    tracker
        .post("runs/log-parameter", json!({"run_id": run, "key": "p", "value": "1"}))
        .ok();
    let before = tracker.read(&run);
    let good_metric = json!({"key": "m", "value": 1, "timestamp": 1});
    for wrong in [
        json!({"params": [{"key": "q", "value": "1"}, {"key": "p", "value": "9"}]}),
        json!({"params": [{"key": "d", "value": "1"}, {"key": "d", "value": "1"}]}),
        json!({"params": [{"value": "1"}]}),
        json!({"tags": [{"key": "t@", "value": "1"}]}),
        json!({"metrics": [good_metric, {"key": "n", "value": "x", "timestamp": 1}]}),
        json!({"metrics": {}}),
        json!({"tags": [5]}),
    ] {
        let mut body = json!({"run_id": run, "metrics": [good_metric], "tags": [{"key": "t", "value": "v"}]});
        body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        tracker
            .post("runs/log-batch", body)
            .fails(400, "INVALID_PARAMETER_VALUE");
        assert_eq!(tracker.read(&run), before, "{wrong}");
    }
    let body = json!({
        "run_id": run, "metrics": [good_metric, {"key": "m", "value": 2, "timestamp": 1, "step": 1}],
        "params": [{"key": "p", "value": "1"}, {"key": "q", "value": "2"}], "tags": [{"key": "t", "value": "1"}, {"key": "t", "value": "2"}],
    });
    for _ in 0..2 {
        tracker.post("runs/log-batch", body.clone()).ok();
    }
    let read = tracker.read(&run);
    assert_eq!(value(&read, "metrics", "m"), 2.0);
    assert_eq!(
        (value(&read, "params", "q"), value(&read, "tags", "t")),
        (json!("2"), json!("2"))
    );
    assert_eq!(history(&tracker, &run, "m").len(), 2);
    tracker.post("runs/log-batch", json!({"run_id": run})).ok();
}

#[test]
fn a_batch_has_at_most_1000_metrics_100_params_100_tags_and_1000_items() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let pairs = |count: usize| -> Vec<Value> {
        (0..count)
            .map(|n| json!({"key": format!("k{n}"), "value": "v"}))
            .collect()
    };
    let metrics = |count: usize| -> Vec<Value> {
        (0..count)
            .map(|n| json!({"key": format!("k{n}"), "value": 1, "timestamp": 1}))
            .collect()
    };
    let log = |m: usize, p: usize, t: usize| {
        tracker.post(
            "runs/log-batch",
            json!({"run_id": run, "metrics": metrics(m), "params": pairs(p), "tags": pairs(t)}),
        )
    };
    for (m, p, t) in [(1001, 0, 0), (0, 101, 0), (0, 0, 101), (900, 100, 1)] {
        log(m, p, t).fails(400, "INVALID_PARAMETER_VALUE");
    }
    log(1000, 0, 0).ok();
    log(800, 100, 100).ok();
    let read = tracker.read(&run);
    assert_eq!(read["data"]["metrics"].as_array().unwrap().len(), 1000);
    assert_eq!(read["data"]["params"].as_array().unwrap().len(), 100);
}
