//! Models, versions, prompts and logged models.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::{Address, HOSTILE, run};

pub(super) fn seed(tracker: &Tracker) -> Vec<Address> {
    tracker.post("experiments/create", json!({"name": HOSTILE})).ok();
    let logged = registry(tracker);
    let files = [
        (
            "/-/ml/models/{model_id}/versions/{version}/artifacts",
            "models/1/versions/1".to_owned(),
        ),
        (
            "/-/ml/logged-models/{model_id}/artifacts",
            format!("logged-models/{logged}"),
        ),
    ];
    let files = files
        .into_iter()
        .flat_map(|(route, owner)| run::addresses_of_files(route, &owner));
    files.chain(addresses(&logged)).collect()
}

fn addresses(logged: &str) -> Vec<Address> {
    vec![
        (
            "/-/ml/experiments/{experiment_id}/logged-models",
            "experiments/0/logged-models".to_owned(),
        ),
        ("/-/ml/logged-models/{model_id}", format!("logged-models/{}", logged)),
        ("/-/ml/models", "models".to_owned()),
        (
            "/-/ml/models",
            format!("models?q={}", mlforge_ui::link::encoded(HOSTILE)),
        ),
        ("/-/ml/models/new", "models/new".to_owned()),
        ("/-/ml/models/{model_id}", "models/1".to_owned()),
        (
            "/-/ml/models/{model_id}",
            format!("models/1?q={}", mlforge_ui::link::encoded(HOSTILE)),
        ),
        ("/-/ml/models/{model_id}/edit", "models/1/edit".to_owned()),
        ("/-/ml/models/{model_id}/delete", "models/1/delete".to_owned()),
        (
            "/-/ml/models/{model_id}/versions/new",
            "models/1/versions/new".to_owned(),
        ),
        (
            "/-/ml/models/{model_id}/versions/{version}",
            "models/1/versions/1".to_owned(),
        ),
        (
            "/-/ml/models/{model_id}/versions/{version}/edit",
            "models/1/versions/1/edit".to_owned(),
        ),
        (
            "/-/ml/models/{model_id}/versions/{version}/upload",
            "models/1/versions/1/upload".to_owned(),
        ),
        (
            "/-/ml/models/{model_id}/versions/{version}/delete",
            "models/1/versions/1/delete".to_owned(),
        ),
        ("/-/ml/prompts", "prompts".to_owned()),
        ("/-/ml/prompts/{model_id}", "prompts/2".to_owned()),
        ("/-/ml/prompts/{model_id}", "prompts/2?from=1&to=2".to_owned()),
    ]
}

/// Makes model 1 with a version, prompt 2 with two versions, and a logged model, all hostile. Returns the id of the
/// logged model.
fn registry(tracker: &Tracker) -> String {
    // Names of models have none of these.
    let name: String = HOSTILE.chars().filter(|char| !"/?:".contains(*char)).collect();
    let tags = json!([{"key": "mlflow.prompt.text", "value": HOSTILE}, {"key": "t", "value": HOSTILE}]);
    let model = json!({"name": name, "description": HOSTILE, "tags": tags});
    tracker.post("registered-models/create", model).ok();
    let version = json!({"name": name, "source": "", "description": HOSTILE, "tags": tags, "run_link": HOSTILE});
    let version = tracker.post("model-versions/create", version).ok()["model_version"].take();
    let batch = json!({
        "run_id": version["run_id"], "params": [{"key": "p", "value": HOSTILE}],
        "tags": [{"key": "mlflow.runName", "value": HOSTILE}, {"key": "mlflow.note.content", "value": HOSTILE}],
        "metrics": [{"key": "m", "value": "NaN", "timestamp": 1, "step": -1}],
    });
    tracker.post("runs/log-batch", batch).ok();
    let root = version["source"].as_str().unwrap().strip_prefix("mlflow-artifacts:/");
    run::put_hostile_files(tracker, root.unwrap());
    let mark = json!({"key": "mlflow.prompt.is_prompt", "value": "true"});
    let prompt = format!("prompt {name}");
    let tags = |text: &str| json!([mark, {"key": "mlflow.prompt.text", "value": text}]);
    let model = json!({"name": prompt, "description": HOSTILE, "tags": tags(HOSTILE)});
    tracker.post("registered-models/create", model).ok();
    for text in [HOSTILE.to_owned(), format!("{HOSTILE}\nx{HOSTILE}")] {
        let version = json!({"name": prompt, "source": "dummy-source", "description": HOSTILE, "tags": tags(&text)});
        tracker.post("model-versions/create", version).ok();
    }
    let name: String = HOSTILE.chars().filter(|char| !"/:.%\"'".contains(*char)).collect();
    let pairs = json!([{"key": HOSTILE, "value": HOSTILE}]);
    let logged = json!({
        "experiment_id": "0", "name": name, "model_type": HOSTILE, "source_run_id": HOSTILE,
        "params": pairs, "tags": pairs,
    });
    let logged = tracker.post("logged-models", logged).ok()["model"].take();
    let id = logged["info"]["model_id"].as_str().unwrap().to_owned();
    run::put_hostile_files(tracker, &format!("0/models/{id}/artifacts"));
    id
}
