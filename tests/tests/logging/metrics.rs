//! Metrics of runs, and their histories.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::{history, value};

#[test]
fn a_metrics_value_is_its_greatest_point_by_step_time_value() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let log = |value: Value, timestamp: i64, step: i64| {
        tracker
            .post(
                "runs/log-metric",
                json!({"run_id": run, "key": "m", "value": value, "timestamp": timestamp, "step": step}),
            )
            .ok();
        self::value(&tracker.read(&run), "metrics", "m")
    };
    assert_eq!(log(json!(1.5), 10, 0), 1.5);
    assert_eq!(log(json!(9.0), 99, -1), 1.5);
    assert_eq!(log(json!(2.0), 5, 1), 2.0);
    assert_eq!(log(json!(-1.0), 6, 1), -1.0);
    assert_eq!(log(json!("NaN"), 6, 1), "NaN");
    assert_eq!(log(json!(5), 6, 1), 5.0);
    assert_eq!(log(json!("NaN"), 6, 1), 5.0);
    assert_eq!(log(json!("-1e3"), 7, 1), -1000.0);
}

#[test]
fn infinities_are_stored_as_the_largest_numbers() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    for (key, sent, stored) in [("p", "Infinity", f64::MAX), ("n", "-Infinity", f64::MIN)] {
        tracker
            .post(
                "runs/log-metric",
                json!({"run_id": run, "key": key, "value": sent, "timestamp": 1}),
            )
            .ok();
        assert_eq!(value(&tracker.read(&run), "metrics", key), json!(stored));
    }
}

#[test]
fn a_history_is_ordered_by_time_step_value_and_holds_each_point_once() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let points = [
        (3, 1, json!(1.0)),
        (1, 5, json!(0.5)),
        (1, -2, json!(7.0)),
        (3, 1, json!(1.0)),
        (3, 1, json!("NaN")),
        (3, 1, json!(-1.0)),
    ];
    for (timestamp, step, value) in &points {
        let body = json!({"run_id": run, "key": "m", "value": value, "timestamp": timestamp, "step": step});
        tracker.post("runs/log-metric", body).ok();
    }
    let expected = [
        (1, -2, json!(7.0)),
        (1, 5, json!(0.5)),
        (3, 1, json!(-1.0)),
        (3, 1, json!("NaN")),
        (3, 1, json!(1.0)),
    ];
    assert_eq!(history(&tracker, &run, "m"), expected);
    assert_eq!(
        tracker
            .get(&format!("metrics/get-history?run_id={run}&metric_key=other"))
            .ok(),
        json!({})
    );
    assert_eq!(
        tracker.get("metrics/get-history?run_id=none&metric_key=m").ok(),
        json!({})
    );
}

#[test]
fn pages_of_a_history_have_no_gap_or_duplicate() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let metrics: Vec<Value> = (0..1000)
        .map(|n| json!({"key": "m", "value": n, "timestamp": n / 3, "step": n}))
        .collect();
    tracker
        .post("runs/log-batch", json!({"run_id": run, "metrics": metrics}))
        .ok();
    tracker
        .post(
            "runs/log-metric",
            json!({"run_id": run, "key": "m2", "value": 1, "timestamp": 1}),
        )
        .ok();
    for size in [1000, 999, 300, 77] {
        let (mut walked, mut token) = (Vec::new(), String::new());
        loop {
            let page = tracker
                .get(&format!(
                    "metrics/get-history?run_id={run}&metric_key=m&max_results={size}&page_token={token}"
                ))
                .ok();
            let points = page["metrics"].as_array().unwrap();
            assert!(points.len() <= size);
            walked.extend(points.iter().map(|point| point["step"].as_i64().unwrap()));
            match page["next_page_token"].as_str() {
                Some(next) => token = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(walked, (0..1000).collect::<Vec<i64>>(), "{size}");
    }
    tracker
        .get(&format!("metrics/get-history?run_id={run}&metric_key=m&max_results=0"))
        .fails(400, "INVALID_PARAMETER_VALUE");
    tracker
        .get(&format!("metrics/get-history?run_id={run}"))
        .fails(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn a_metric_needs_key_value_time_of_the_right_type() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let good = json!({"run_id": run, "key": "m", "value": 1.0, "timestamp": 1, "step": 0});
    for (field, wrong) in [
        ("key", json!(null)),
        ("key", json!("")),
        ("key", json!("a@b")),
        ("key", json!("../a")),
        ("key", json!("x".repeat(251))),
        ("value", json!(null)),
        ("value", json!("x")),
        ("value", json!(true)),
        ("value", json!("1e999")),
        ("timestamp", json!(null)),
        ("timestamp", json!(-1)),
        ("timestamp", json!(1.5)),
        ("step", json!("x")),
        ("step", json!(1.5)),
        ("run_id", json!(5)),
    ] {
        let mut body = good.clone();
        body[field] = wrong.clone();
        tracker
            .post("runs/log-metric", body)
            .fails(400, "INVALID_PARAMETER_VALUE");
    }
    assert_eq!(tracker.read(&run)["data"].get("metrics"), None);
    tracker.post("runs/log-metric", good).ok();
}
