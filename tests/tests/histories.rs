//! `metrics/get-history-bulk` and `metrics/get-history-bulk-interval`: histories of several runs.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

/// Logs points (time, step, value) of the metric `m`.
fn log(tracker: &Tracker, run: &str, points: impl IntoIterator<Item = (i64, i64, f64)>) {
    let metrics: Vec<Value> = points
        .into_iter()
        .map(|(timestamp, step, value)| json!({"key": "m", "timestamp": timestamp, "step": step, "value": value}))
        .collect();
    for some in metrics.chunks(1000) {
        tracker
            .post("runs/log-batch", json!({"run_id": run, "metrics": some}))
            .ok();
    }
}

/// The points of an answer: run, time, step.
fn points(answer: &Value) -> Vec<(String, i64, i64)> {
    let metrics = answer["metrics"].as_array().cloned().unwrap_or_default();
    metrics
        .iter()
        .map(|m| {
            (
                m["run_id"].as_str().unwrap().to_owned(),
                m["timestamp"].as_i64().unwrap(),
                m["step"].as_i64().unwrap(),
            )
        })
        .collect()
}

/// The steps that one run's sample holds.
fn sampled(tracker: &Tracker, run: &str, query: &str) -> Vec<i64> {
    let path = format!("metrics/get-history-bulk-interval?run_ids={run}&metric_key=m{query}");
    points(&tracker.get(&path).ok())
        .into_iter()
        .map(|(_, _, step)| step)
        .collect()
}

fn refused(tracker: &Tracker, path: &str) -> String {
    tracker.get(path).fails(400, "INVALID_PARAMETER_VALUE")
}

#[test]
fn histories_of_several_runs_are_ordered_by_run_then_time_step_value() {
    let tracker = Tracker::fresh();
    let mut runs = [tracker.run("0", 1), tracker.run("0", 2)];
    log(&tracker, &runs[0], [(2, 1, 1.0), (1, 2, 2.0)]);
    log(&tracker, &runs[1], [(1, 9, 3.0), (1, 8, 4.0)]);
    let query = format!("run_id={}&run_id={}&run_id={0}", runs[1], runs[0]);
    let ask = |more: &str| {
        tracker
            .get(&format!("metrics/get-history-bulk?{query}&metric_key=m{more}"))
            .ok()
    };
    let mut expected = [
        [(runs[0].clone(), 1, 2), (runs[0].clone(), 2, 1)],
        [(runs[1].clone(), 1, 8), (runs[1].clone(), 1, 9)],
    ];
    expected.sort();
    let expected = expected.concat();
    assert_eq!(points(&ask("")), expected);
    assert_eq!(points(&ask("&max_results=3")), expected[..3]);
    assert_eq!(ask("&max_results=0"), json!({"metrics": []}));
    assert_eq!(points(&ask("&max_results=99999")), expected);
    runs.sort();
    let first = ask("&max_results=1")["metrics"][0].take();
    assert_eq!((&first["key"], &first["run_id"]), (&json!("m"), &json!(runs[0])));
}

#[test]
fn a_metric_without_points_has_an_empty_list_in_bulk() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    for query in [
        format!("run_id={run}&metric_key=m"),
        "run_id=none&metric_key=m".to_owned(),
        format!("run_id={run}&metric_key="),
    ] {
        let path = format!("metrics/get-history-bulk?{query}");
        assert_eq!(tracker.get(&path).ok(), json!({"metrics": []}));
    }
    let path = format!("metrics/get-history-bulk-interval?run_ids={run}&run_ids=none&metric_key=m");
    assert_eq!(tracker.get(&path).ok(), json!({}));
}

#[test]
fn bulk_answers_at_most_25000_points() {
    let tracker = Tracker::fresh();
    let runs = [tracker.run("0", 1), tracker.run("0", 2)];
    for run in &runs {
        log(&tracker, run, (0..13_000).map(|n| (n, n, 1.0)));
    }
    let path = format!(
        "metrics/get-history-bulk?run_id={}&run_id={}&metric_key=m",
        runs[0], runs[1]
    );
    assert_eq!(points(&tracker.get(&path).ok()).len(), 25_000);
}

#[test]
fn invalid_requests_for_histories_have_distinct_errors() {
    let tracker = Tracker::fresh();
    let bulk = |query: &str| refused(&tracker, &format!("metrics/get-history-bulk?{query}"));
    assert!(bulk("metric_key=m").contains("at least one run_id"));
    assert!(bulk("run_id=a").contains("metric_key"));
    assert!(bulk("run_id=a&metric_key=m&max_results=many").contains("max_results"));
    assert!(bulk("run_id=a&metric_key=m&max_results=-1").contains("max_results"));
    assert!(bulk(&format!("metric_key=m{}", "&run_id=a".repeat(101))).contains("Received 101"));
    let path = "metrics/get-history-bulk-interval";
    let interval = |query: &str| refused(&tracker, &format!("{path}?{query}"));
    assert!(interval("metric_key=m").contains("'run_ids'"));
    assert!(interval("run_ids=a").contains("'metric_key'"));
    assert!(interval("run_ids=a&metric_key=m&max_results=0").contains("max_results"));
    assert!(interval("run_ids=a&metric_key=m&max_results=2501").contains("max_results"));
    assert!(interval("run_ids=a&metric_key=m&start_step=1").contains("both must be specified"));
    assert!(interval("run_ids=a&metric_key=m&start_step=2&end_step=1").contains("end_step must be greater"));
    assert!(interval(&format!("metric_key=m{}", "&run_ids=a".repeat(101))).contains("Received 101"));
    let most = format!("{path}?metric_key=m&max_results=2500{}", "&run_ids=a".repeat(100));
    assert_eq!(tracker.get(&most).ok(), json!({}));
}

#[test]
fn a_sample_is_even_and_keeps_the_first_and_the_last_point() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    log(&tracker, &run, (0..10).map(|n| (n, n, 1.0)));
    assert_eq!(sampled(&tracker, &run, ""), (0..10).collect::<Vec<_>>());
    assert_eq!(sampled(&tracker, &run, "&max_results=4"), [0, 3, 6, 9]);
    assert_eq!(sampled(&tracker, &run, "&max_results=3"), [0, 4, 9]);
    assert_eq!(sampled(&tracker, &run, "&max_results=1"), [9]);
    assert_eq!(
        sampled(&tracker, &run, "&start_step=2&end_step=8&max_results=3"),
        [2, 5, 8]
    );
    assert_eq!(sampled(&tracker, &run, "&start_step=4&end_step=4"), [4]);
    assert_eq!(sampled(&tracker, &run, "&start_step=40&end_step=50"), [] as [i64; 0]);
}

#[test]
fn a_sample_is_ordered_by_step_and_not_by_time_of_logging() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    log(&tracker, &run, [(1, 5, 1.0), (2, -7, 1.0), (3, 3, 1.0), (4, 3, 0.5)]);
    assert_eq!(sampled(&tracker, &run, ""), [-7, 3, 3, 5]);
    assert_eq!(sampled(&tracker, &run, "&max_results=2"), [-7, 5]);
}

#[test]
fn each_run_is_sampled_by_itself_in_the_order_asked() {
    let tracker = Tracker::fresh();
    let (short, long) = (tracker.run("0", 1), tracker.run("0", 2));
    log(&tracker, &short, [(1, 1, 1.0)]);
    log(&tracker, &long, (0..100).map(|n| (n, n, 1.0)));
    let path = format!(
        "metrics/get-history-bulk-interval?run_ids={long}&run_ids={short}&run_ids={short}&metric_key=m&max_results=2"
    );
    let found = points(&tracker.get(&path).ok());
    let expected = [
        (long.clone(), 0, 0),
        (long, 99, 99),
        (short.clone(), 1, 1),
        (short, 1, 1),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_history_too_long_for_memory_is_read_twice() {
    let tracker = Tracker::fresh();
    let (growing, falling) = (tracker.run("0", 1), tracker.run("0", 2));
    log(&tracker, &growing, (0..51_000).map(|n| (n, n, 1.0)));
    log(&tracker, &falling, (0..51_000).map(|n| (n, -n, 1.0)));
    assert_eq!(
        sampled(&tracker, &growing, "&max_results=4"),
        [0, 12_750, 25_500, 50_999]
    );
    assert_eq!(
        sampled(&tracker, &falling, "&max_results=4"),
        [-50_999, -38_249, -25_499, 0]
    );
    assert_eq!(
        sampled(&tracker, &growing, "&start_step=7&end_step=9"),
        [7, 8, 9],
        "fewer steps are kept again"
    );
}

#[test]
fn a_long_history_is_sampled_across_its_pages() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    log(&tracker, &run, (0..25_000).map(|n| (n, 25_000 - n, 1.0)));
    let steps = sampled(&tracker, &run, "");
    assert_eq!(steps.len(), 2500);
    assert_eq!((steps[0], steps[1], steps[2499]), (1, 11, 25_000));
}
