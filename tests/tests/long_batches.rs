//! Batches with many points of one metric, which are stored together. Their history equals that of single
//! points.

use std::collections::BTreeMap;

use mlforge_tests::Dice;
use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

/// Time, step, and value in a request.
type Point = (i64, i64, Value);

/// The sort key of a point in a history. NaN counts as 0 and comes after it.
fn place((time, step, value): &Point) -> (i64, i64, i64, bool) {
    let number = match value.as_str() {
        Some("Infinity") => f64::MAX,
        Some("-Infinity") => f64::MIN,
        Some(_) => 0.0,
        None => value.as_f64().unwrap(),
    };
    let bits = number.to_bits().cast_signed();
    // The bits of negative floats grow as the floats fall.
    let ordered = if bits < 0 { bits ^ i64::MAX } else { bits };
    (*time, *step, ordered, value.as_str() == Some("NaN"))
}

/// A value in an answer.
fn stored(value: &Value) -> Value {
    match value.as_str() {
        Some("Infinity") => json!(f64::MAX),
        Some("-Infinity") => json!(f64::MIN),
        Some(_) => value.clone(),
        None => json!(value.as_f64().unwrap()),
    }
}

/// The expected history of these points.
fn expected<'a>(points: impl IntoIterator<Item = &'a Point>) -> Vec<Point> {
    let by_place: BTreeMap<_, _> = points.into_iter().map(|point| (place(point), point)).collect();
    let answered = |(time, step, value): &Point| (*time, *step, stored(value));
    by_place.into_values().map(answered).collect()
}

fn batch(run: &str, key: &str, points: &[Point]) -> Value {
    let metric =
        |(timestamp, step, value): &Point| json!({"key": key, "value": value, "timestamp": timestamp, "step": step});
    json!({"run_id": run, "metrics": points.iter().map(metric).collect::<Vec<_>>()})
}

fn log(tracker: &Tracker, run: &str, points: &[Point]) {
    tracker.post("runs/log-batch", batch(run, "m", points)).ok();
}

fn points(answer: &Value) -> Vec<Point> {
    let metrics = answer["metrics"].as_array().cloned().unwrap_or_default();
    let point = |m: &Value| {
        (
            m["timestamp"].as_i64().unwrap(),
            m["step"].as_i64().unwrap(),
            m["value"].clone(),
        )
    };
    metrics.iter().map(point).collect()
}

/// A history, read in pages of this size.
fn walk(tracker: &Tracker, run: &str, size: usize) -> Vec<Point> {
    let (mut walked, mut token) = (Vec::new(), String::new());
    loop {
        let query = format!("run_id={run}&metric_key=m&max_results={size}&page_token={token}");
        let page = tracker.get(&format!("metrics/get-history?{query}")).ok();
        let found = points(&page);
        assert!(found.len() <= size);
        walked.extend(found);
        match page["next_page_token"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return walked,
        }
    }
}

/// One point for each time, with the time as its step.
fn line(times: std::ops::Range<i64>) -> Vec<Point> {
    times.map(|time| (time, time, json!(0.5))).collect()
}

/// Points of which many share a time, a step or a value, or are equal.
fn tangled(seed: u64, count: usize, times: std::ops::Range<i64>) -> Vec<Point> {
    let values = [
        json!("NaN"),
        json!("Infinity"),
        json!("-Infinity"),
        json!(0),
        json!(-0.0),
        json!(-2.5),
        json!(1e-9),
    ];
    let mut dice = Dice::new(seed);
    let mut below = |end: i64| i64::try_from(dice.below(u64::try_from(end).unwrap())).unwrap();
    (0..count)
        .map(|_| {
            let time = times.start + below(times.end - times.start);
            let value = &values[usize::try_from(below(7)).unwrap()];
            (time, below(5) - 2, value.clone())
        })
        .collect()
}

#[test]
fn the_history_of_batches_is_in_order_at_every_page_size() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let batches = [
        tangled(1, 300, 100..140),
        tangled(2, 90, 140..160),
        // Late batches, overlapping ones, and both.
        tangled(3, 120, 0..100),
        tangled(4, 200, 120..170),
        tangled(5, 7, 90..180),
        tangled(6, 1000, 150..400),
    ];
    let mut logged: Vec<Point> = Vec::new();
    for batch in &batches {
        log(&tracker, &run, batch);
        logged.extend(batch.iter().cloned());
        assert_eq!(walk(&tracker, &run, 1000), expected(&logged));
    }
    for size in [25_000, 999, 65, 64, 63, 10] {
        assert_eq!(walk(&tracker, &run, size), expected(&logged), "{size}");
    }
    for batch in &batches {
        log(&tracker, &run, batch);
    }
    assert_eq!(
        walk(&tracker, &run, 500),
        expected(&logged),
        "a repeated batch changes nothing"
    );
}

#[test]
fn each_point_of_a_history_can_be_a_page() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let (early, late) = (tangled(7, 80, 0..20), tangled(8, 80, 15..30));
    log(&tracker, &run, &early);
    log(&tracker, &run, &late);
    assert_eq!(walk(&tracker, &run, 1), expected(early.iter().chain(&late)));
}

#[test]
fn single_points_are_ordered_among_those_of_batches() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let mut logged = Vec::new();
    for turn in 0..6 {
        let batch = line(turn * 100..turn * 100 + 80);
        log(&tracker, &run, &batch);
        logged.extend(batch);
        // One point within the batch, one that it has already, one before the next batch, and two among later
        // points.
        for (time, step) in [(40, 7), (41, 41), (90, 90), (150, 3), (177, 177)] {
            let single = (turn * 100 + time, turn * 100 + step, json!(0.5));
            let mut body = batch_of_one(&single);
            body["run_id"] = json!(run);
            tracker.post("runs/log-metric", body).ok();
            logged.push(single);
        }
    }
    for size in [10_000, 50, 3] {
        assert_eq!(walk(&tracker, &run, size), expected(&logged), "{size}");
    }
}

fn batch_of_one((timestamp, step, value): &Point) -> Value {
    json!({"key": "m", "value": value, "timestamp": timestamp, "step": step})
}

#[test]
fn the_newest_point_is_the_greatest_by_step_though_batches_come_late() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let newest = |tracker: &Tracker| tracker.read(&run)["data"]["metrics"][0].clone();
    let falling: Vec<Point> = (0..50).map(|n| (n, 100 - n, json!(n))).collect();
    log(&tracker, &run, &falling);
    assert_eq!(
        (&newest(&tracker)["step"], &newest(&tracker)["value"]),
        (&json!(100), &json!(0.0))
    );
    log(&tracker, &run, &line(60..90));
    assert_eq!(newest(&tracker)["step"], 100);
    let late: Vec<Point> = (0..20).map(|n| (n, 200, json!(n % 7))).collect();
    log(&tracker, &run, &late);
    assert_eq!(
        (&newest(&tracker)["step"], &newest(&tracker)["timestamp"]),
        (&json!(200), &json!(19))
    );
}

#[test]
fn the_metrics_of_one_batch_have_histories_of_their_own() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let mut metrics = Vec::new();
    for (key, count) in [("m", 300), ("m/a", 200), ("m a", 9), ("n", 8), ("o", 7), ("p", 1)] {
        let body = batch(&run, key, &line(0..count));
        metrics.extend(body["metrics"].as_array().unwrap().iter().cloned());
    }
    // A training loop logs them like this: step by step.
    metrics.sort_by_key(|metric| metric["step"].as_i64());
    tracker
        .post("runs/log-batch", json!({"run_id": run, "metrics": metrics}))
        .ok();
    for (key, count) in [("m", 300), ("m/a", 200), ("m%20a", 9), ("n", 8), ("o", 7), ("p", 1)] {
        let answer = tracker
            .get(&format!("metrics/get-history?run_id={run}&metric_key={key}"))
            .ok();
        assert_eq!(points(&answer), line(0..count), "{key}");
    }
}

#[test]
fn concurrent_appends_to_one_metric_are_all_kept() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let mut logged = Vec::new();
    for round in 0..4 {
        let batches: Vec<Vec<Point>> = (0..24)
            .map(|n| tangled(100 + n, 60, round * 500..round * 500 + 600))
            .collect();
        let requests = batches.iter().map(|points| {
            (
                "POST",
                "/api/2.0/mlflow/runs/log-batch".to_owned(),
                batch(&run, "m", points),
            )
        });
        for reply in tracker.send_all(requests.collect()) {
            reply.ok();
        }
        logged.extend(batches.into_iter().flatten());
    }
    for size in [5000, 100] {
        assert_eq!(walk(&tracker, &run, size), expected(&logged), "{size}");
    }
}

#[test]
fn histories_of_several_runs_are_the_same_as_of_one() {
    let tracker = Tracker::fresh();
    let runs = [tracker.run("0", 1), tracker.run("0", 2)];
    let mut all = Vec::new();
    for (run, seed) in runs.iter().zip([20, 30]) {
        for turn in 0..3 {
            log(&tracker, run, &tangled(seed + turn, 200, 0..400));
        }
        log(&tracker, run, &line(300..900));
        all.push((run, walk(&tracker, run, 25_000)));
    }
    for (run, history) in &all {
        let bulk = tracker
            .get(&format!("metrics/get-history-bulk?run_id={run}&metric_key=m"))
            .ok();
        assert_eq!(&points(&bulk), history);
        let query = format!("run_ids={run}&metric_key=m&max_results=2500");
        let mut sample = points(&tracker.get(&format!("metrics/get-history-bulk-interval?{query}")).ok());
        sample.sort_by_key(place);
        assert_eq!(&sample, history);
    }
    all.sort_by_key(|(run, _)| (*run).clone());
    let both = tracker.get(&format!(
        "metrics/get-history-bulk?run_id={}&run_id={}&metric_key=m",
        runs[0], runs[1]
    ));
    let expected: Vec<Point> = all.into_iter().flat_map(|(_, history)| history).collect();
    assert_eq!(points(&both.ok()), expected);
}
