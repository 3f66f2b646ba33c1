//! `experiments/search-datasets`.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

fn log(tracker: &Tracker, run: &str, name: &str, contexts: &[&str]) {
    let tags: Vec<Value> = contexts
        .iter()
        .map(|context| json!({"key": "mlflow.data.context", "value": context}))
        .collect();
    let dataset = json!({"name": name, "digest": "1", "source_type": "local", "source": "x"});
    let body = json!({"run_id": run, "datasets": [{"dataset": dataset, "tags": tags}]});
    tracker.post("runs/log-inputs", body).ok();
}

fn search(tracker: &Tracker, experiments: &Value) -> Value {
    let body = json!({ "experiment_ids": experiments });
    tracker.post("experiments/search-datasets", body).ok()
}

#[test]
fn the_datasets_of_an_experiment_are_listed_once_for_each_context() {
    let tracker = Tracker::fresh();
    let (first, second) = (tracker.run("0", 1), tracker.run("0", 2));
    log(&tracker, &first, "d", &["train"]);
    log(&tracker, &second, "d", &["train"]);
    log(&tracker, &second, "e", &["eval"]);
    log(&tracker, &second, "plain", &[]);
    let other = tracker.experiment("other");
    let third = tracker.run(&other, 1);
    log(&tracker, &third, "d", &["eval"]);
    let summary = |experiment: &str, name: &str, context: &str| json!({"experiment_id": experiment, "name": name, "digest": "1", "context": context});
    let of_default = [
        summary("0", "d", "train"),
        summary("0", "e", "eval"),
        json!({"experiment_id": "0", "name": "plain", "digest": "1"}),
    ];
    assert_eq!(
        search(&tracker, &json!(["0"])),
        json!({ "dataset_summaries": of_default })
    );
    let all = search(&tracker, &json!(["1", "0", "0", "7"]));
    assert_eq!(all["dataset_summaries"].as_array().unwrap().len(), 4);
    assert_eq!(all["dataset_summaries"][3], summary("1", "d", "eval"));
}

#[test]
fn an_experiment_without_datasets_has_an_empty_answer() {
    let tracker = Tracker::fresh();
    assert_eq!(search(&tracker, &json!(["0", "-1"])), json!({}));
}

#[test]
fn a_dataset_that_one_run_logs_again_keeps_its_first_context() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    log(&tracker, &run, "d", &["train"]);
    log(&tracker, &run, "d", &["eval"]);
    let found = search(&tracker, &json!(["0"]));
    assert_eq!(found["dataset_summaries"].as_array().unwrap().len(), 1);
    assert_eq!(found["dataset_summaries"][0]["context"], "train");
}

#[test]
fn at_most_1000_datasets_of_at_most_20_experiments_are_listed() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    for start in [0, 1000] {
        let datasets: Vec<Value> = (start..start + 1000)
            .map(|n| json!({"dataset": {"name": format!("d{n}"), "digest": "1", "source_type": "s", "source": "x"}}))
            .collect();
        tracker
            .post("runs/log-inputs", json!({"run_id": run, "datasets": datasets}))
            .ok();
    }
    let found = search(&tracker, &json!(["0"]));
    assert_eq!(found["dataset_summaries"].as_array().unwrap().len(), 1000);
    search(&tracker, &json!(vec!["0"; 20]));
    for wrong in [json!(vec!["0"; 21]), json!([]), json!(null), json!(["abc"]), json!([1])] {
        tracker
            .post("experiments/search-datasets", json!({"experiment_ids": wrong}))
            .fails(400, "INVALID_PARAMETER_VALUE");
    }
}
