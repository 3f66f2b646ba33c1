//! The logged models of an experiment, and the page of one.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::page;

fn create(tracker: &Tracker, body: Value) -> String {
    let model = tracker.post("logged-models", body).ok()["model"].take();
    model["info"]["model_id"].as_str().unwrap().to_owned()
}

#[test]
fn an_experiment_lists_its_logged_models_in_pages() {
    let tracker = Tracker::fresh();
    page(&tracker, "experiments/0/logged-models")
        .ok()
        .shows("No model is logged")
        .shows("experiment_id=&quot;0&quot;");
    for number in 0..60 {
        create(&tracker, json!({"experiment_id": "0", "name": format!("l{number:02}")}));
    }
    let first = page(&tracker, "experiments/0/logged-models").ok();
    let next = super::models::next(&first).expect("a next page");
    let second = page(&tracker, &next).ok();
    for number in 0..60 {
        let cell = format!("<bdi>l{number:02}</bdi>");
        assert!(first.html.contains(&cell) != second.html.contains(&cell), "{cell}");
    }
    assert_eq!(page(&tracker, "experiments/9/logged-models").status, 404);
}

#[test]
fn a_logged_model_shows_where_it_comes_from_and_where_it_went() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let body = json!({
        "experiment_id": "0", "name": "net", "model_type": "classifier", "source_run_id": run,
        "params": [{"key": "depth", "value": "50"}], "tags": [{"key": "team", "value": "v42"}],
    });
    let id = create(&tracker, body);
    let metric = json!({
        "run_id": run, "model_id": id, "key": "acc", "value": 0.5, "timestamp": 1, "step": 3,
        "dataset_name": "cats", "dataset_digest": "4be1a0c2",
    });
    tracker.post("runs/log-metric", metric).ok();
    let finalized = json!({"model_id": id, "status": "LOGGED_MODEL_READY"});
    tracker.patch(&format!("logged-models/{id}"), finalized).ok();
    tracker.model("m");
    let version = json!({"name": "m", "source": format!("models:/{id}"), "model_id": id});
    tracker.post("model-versions/create", version).ok();
    page(&tracker, &format!("logged-models/{id}"))
        .ok()
        .shows("Ready")
        .shows("classifier")
        .shows("50")
        .shows("v42")
        .shows("0.5000")
        .shows("<bdi>cats</bdi>")
        .shows(&format!("candidates/{run}\""))
        .shows("models/by-name/m/versions/1\"")
        .shows(&format!("load_model(&quot;models:/{id}&quot;)"))
        .shows("No files here");
    page(&tracker, "experiments/0/logged-models")
        .ok()
        .shows("<bdi>acc</bdi> 0.5000");
    tracker.delete(&format!("logged-models/{id}"), json!({})).ok();
    assert_eq!(page(&tracker, &format!("logged-models/{id}")).status, 404);
}
