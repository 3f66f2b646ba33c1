//! Datasets and models that runs use.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

fn input(name: &str, digest: &str, source: &str) -> Value {
    json!({
        "tags": [{"key": "mlflow.data.context", "value": "train"}],
        "dataset": {"name": name, "digest": digest, "source_type": "local", "source": source, "schema": "{}"},
    })
}

#[test]
fn a_dataset_is_stored_once_in_its_experiment() {
    let tracker = Tracker::fresh();
    let (first, second) = (tracker.run("0", 1), tracker.run("0", 2));
    let log = |run: &str, inputs: Vec<Value>| {
        tracker
            .post("runs/log-inputs", json!({"run_id": run, "datasets": inputs}))
            .ok()
    };
    log(&first, vec![input("d", "1", "a"), input("d", "2", "b")]);
    log(&first, vec![input("d", "1", "other")]);
    log(&second, vec![input("d", "1", "third")]);
    let mut bare = input("bare", "1", "a");
    bare["dataset"]["schema"] = json!("");
    tracker.wait_ms(1);
    log(&second, vec![bare]);
    let inputs = tracker.read(&first)["inputs"]["dataset_inputs"].take();
    assert_eq!(inputs, json!([input("d", "1", "a"), input("d", "2", "b")]));
    let bare = tracker.read(&second)["inputs"]["dataset_inputs"][1]["dataset"].take();
    assert_eq!(
        (&bare["name"], &bare["schema"]),
        (&json!("bare"), &Value::Null),
        "an empty schema is none"
    );
    assert_eq!(
        tracker.read(&second)["inputs"]["dataset_inputs"][0]["dataset"]["source"],
        "a"
    );
}

#[test]
fn inputs_and_outputs_of_a_run_are_listed_in_the_order_of_logging() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let log = |datasets: &[&str], models: &[&str]| {
        let datasets: Vec<Value> = datasets.iter().map(|name| input(name, "1", "a")).collect();
        let models: Vec<Value> = models.iter().map(|model| json!({ "model_id": model })).collect();
        let inputs = json!({"run_id": run, "datasets": datasets, "models": models});
        tracker.post("runs/log-inputs", inputs).ok();
        tracker
            .post("runs/outputs", json!({"run_id": run, "models": models}))
            .ok();
        tracker.wait_ms(1);
    };
    log(&["zeta", "alpha", "mid"], &["m-z", "m-a", "m-m"]);
    // Logged again, and repeatedly: each keeps its position.
    log(&["new", "alpha", "last", "new"], &["m-n", "m-a", "m-l"]);
    log(&["mid", "before"], &["m-m", "m-b"]);
    let check = |run: &Value| {
        let inputs = run["inputs"]["dataset_inputs"].as_array().unwrap();
        let names: Vec<&Value> = inputs.iter().map(|input| &input["dataset"]["name"]).collect();
        assert_eq!(names, ["zeta", "alpha", "mid", "new", "last", "before"]);
        for models in [&run["inputs"]["model_inputs"], &run["outputs"]["model_outputs"]] {
            let ids: Vec<&Value> = models
                .as_array()
                .unwrap()
                .iter()
                .map(|model| &model["model_id"])
                .collect();
            assert_eq!(ids, ["m-z", "m-a", "m-m", "m-n", "m-l", "m-b"]);
        }
    };
    check(&tracker.read(&run));
    let found = tracker.post("runs/search", json!({"experiment_ids": ["0"]})).ok();
    check(&found["runs"][0]);
}

#[test]
fn inputs_are_checked() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    for (field, wrong) in [
        ("name", json!("")),
        ("digest", json!("x".repeat(37))),
        ("source_type", json!(null)),
        ("source", json!(5)),
    ] {
        let mut bad = input("d", "1", "a");
        bad["dataset"][field] = wrong;
        tracker
            .post("runs/log-inputs", json!({"run_id": run, "datasets": [bad]}))
            .fails(400, "INVALID_PARAMETER_VALUE");
    }
    tracker
        .post("runs/log-inputs", json!({"run_id": run, "datasets": [{}]}))
        .fails(400, "INVALID_PARAMETER_VALUE");
    assert_eq!(tracker.read(&run)["inputs"], json!({}));
    tracker
        .post(
            "runs/log-inputs",
            json!({"run_id": run, "models": [{"model_id": "m-1"}]}),
        )
        .ok();
    assert_eq!(
        tracker.read(&run)["inputs"],
        json!({"model_inputs": [{"model_id": "m-1"}]})
    );
}
