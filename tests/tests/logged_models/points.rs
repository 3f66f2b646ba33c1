//! Metrics that belong to a run and to a logged model.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::{create, id, measure, read};

#[test]
fn a_point_belongs_to_its_run_and_its_model() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let model_id = id(&create(&tracker, json!({})));
    for _ in 0..2 {
        measure(&tracker, &run, &model_id, "m", (1.0, 0), "");
        measure(&tracker, &run, &model_id, "m", (0.5, 1), "train");
    }
    let plain = json!({"run_id": run, "key": "m", "value": 7, "timestamp": 9, "step": 9});
    tracker.post("runs/log-metric", plain).ok();
    let batch = json!([
        {"key": "n", "value": 3, "timestamp": 5, "model_id": model_id, "dataset_name": "d"},
        {"key": "o", "value": 4, "timestamp": 5, "dataset_name": "d", "dataset_digest": "1"},
    ]);
    tracker
        .post("runs/log-batch", json!({"run_id": run, "metrics": batch}))
        .ok();
    let expected = json!([
        {"key": "m", "value": 1.0, "timestamp": 5, "step": 0, "model_id": model_id, "run_id": run},
        {"key": "m", "value": 0.5, "timestamp": 5, "step": 1, "dataset_name": "train", "dataset_digest": "1", "model_id": model_id, "run_id": run},
        {"key": "n", "value": 3.0, "timestamp": 5, "step": 0, "dataset_name": "d", "model_id": model_id, "run_id": run},
    ]);
    assert_eq!(read(&tracker, &model_id)["data"]["metrics"], expected);
    let of_run = json!([
        {"key": "m", "value": 7.0, "timestamp": 9, "step": 9},
        {"key": "n", "value": 3.0, "timestamp": 5, "step": 0},
        {"key": "o", "value": 4.0, "timestamp": 5, "step": 0},
    ]);
    assert_eq!(tracker.read(&run)["data"]["metrics"], of_run);
}

#[test]
fn a_model_with_too_many_points_shows_only_the_newest() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let model_id = id(&create(&tracker, json!({})));
    for some in 0..26 {
        let point = |n: i64| json!({"key": "m", "value": n, "timestamp": n, "step": n, "model_id": model_id});
        let metrics: Vec<Value> = (some * 1_000..(some + 1) * 1_000).map(point).collect();
        tracker
            .post("runs/log-batch", json!({"run_id": run, "metrics": metrics}))
            .ok();
        let shown = read(&tracker, &model_id)["data"]["metrics"].as_array().unwrap().len();
        assert_eq!(shown, if some < 25 { (some as usize + 1) * 1_000 } else { 1 });
    }
    assert_eq!(read(&tracker, &model_id)["data"]["metrics"][0]["step"], 25_999);
}

#[test]
fn many_writers_of_one_model_do_not_conflict() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let model_id = id(&create(&tracker, json!({})));
    let write = |n: i64| {
        let metric = json!({"run_id": run, "key": "m", "value": n, "timestamp": n, "model_id": model_id});
        [
            ("POST", "/api/2.0/mlflow/runs/log-metric".to_owned(), metric),
            (
                "PATCH",
                format!("/api/2.0/mlflow/logged-models/{model_id}/tags"),
                json!({"tags": [{"key": n.to_string(), "value": "v"}]}),
            ),
        ]
    };
    for reply in tracker.send_all((0..40).flat_map(write).collect()) {
        reply.ok();
    }
    let model = read(&tracker, &model_id);
    assert_eq!(model["info"]["tags"].as_array().unwrap().len(), 40);
    assert_eq!(model["data"]["metrics"].as_array().unwrap().len(), 40);
}

#[test]
fn a_metric_and_its_dataset_that_fit_into_no_key_are_refused() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let model_id = id(&create(&tracker, json!({})));
    let log = |letter: &str| {
        let point = json!({
            "run_id": run, "key": letter.repeat(250), "value": 1, "timestamp": 5, "model_id": model_id,
            "dataset_name": letter.repeat(500), "dataset_digest": letter.repeat(36),
        });
        tracker.post("runs/log-metric", point)
    };
    // The longest texts in any language of today fit. Those in characters of four bytes do not.
    log("\u{d55c}").ok();
    assert_eq!(
        read(&tracker, &model_id)["data"]["metrics"][0]["dataset_name"],
        "\u{d55c}".repeat(500)
    );
    let message = log("\u{10000}").fails(400, "INVALID_PARAMETER_VALUE");
    assert!(message.contains("3144 bytes") && message.contains("2400"), "{message}");
}
