//! Links of logged models: runs that use or make them, and versions.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::{create, delete, id, read};

#[test]
fn a_run_shows_its_input_and_output_models() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    assert_eq!(tracker.read(&run)["outputs"], json!({}));
    let models = json!([{"model_id": "m-b", "step": 3}, {"model_id": "m-a"}]);
    let outputs = |body| tracker.post("runs/outputs", body);
    for _ in 0..2 {
        outputs(json!({"run_id": run, "models": models})).ok();
    }
    tracker
        .post(
            "runs/log-inputs",
            json!({"run_id": run, "models": [{"model_id": "m-c"}]}),
        )
        .ok();
    let shown = tracker.read(&run);
    let made = json!({"model_outputs": [{"model_id": "m-b", "step": 3}, {"model_id": "m-a", "step": 0}]});
    assert_eq!(
        (&shown["outputs"], &shown["inputs"]),
        (&made, &json!({"model_inputs": [{"model_id": "m-c"}]}))
    );
    tracker.pack();
    assert_eq!(tracker.read(&run), shown);
    let found = tracker.post("runs/search", json!({"experiment_ids": ["0"]})).ok();
    assert_eq!(found["runs"][0]["outputs"], made);
    for bad in [
        json!({"run_id": run}),
        json!({"run_id": run, "models": [{}]}),
        json!({"models": models}),
    ] {
        outputs(bad).fails(400, "INVALID_PARAMETER_VALUE");
    }
    tracker.post("runs/delete", json!({"run_id": run})).ok();
    outputs(json!({"run_id": run, "models": models})).fails(400, "INVALID_PARAMETER_VALUE");
    outputs(json!({"run_id": "0".repeat(32), "models": models})).fails(404, "RESOURCE_DOES_NOT_EXIST");
}

#[test]
fn models_of_an_old_client_are_listed_in_a_tag() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let log = |json: &str| tracker.post("runs/log-model", json!({"run_id": run, "model_json": json}));
    let model = |path: &str| {
        let flavors = json!({"python_function": {"env": "x", "config": {"a": 1}}, "other": "y"});
        json!({"artifact_path": path, "flavors": flavors, "utc_time_created": "t", "run_id": run, "signature": "s"})
            .to_string()
    };
    for path in ["a", "b"] {
        log(&model(path)).ok();
        tracker.pack();
    }
    let tags = tracker.read(&run)["data"]["tags"].take();
    let tag = tags
        .as_array()
        .unwrap()
        .iter()
        .find(|tag| tag["key"] == "mlflow.log-model.history")
        .unwrap();
    let noted: Value = serde_json::from_str(tag["value"].as_str().unwrap()).unwrap();
    let note = |path: &str| {
        let flavors = json!({"python_function": {"env": "x"}, "other": "y"});
        json!({"run_id": run, "artifact_path": path, "utc_time_created": "t", "flavors": flavors})
    };
    assert_eq!(noted, json!([note("a"), note("b")]));
    for bad in [
        "",
        "nonsense",
        "[]",
        "{}",
        r#"{"artifact_path": "a", "flavors": {}, "run_id": "x"}"#,
    ] {
        log(bad).fails(400, "INVALID_PARAMETER_VALUE");
    }
    // Clients parse the list, so it is never cut.
    log(&model(&"x".repeat(90_000))).ok();
    log(&model(&"y".repeat(10_000))).fails(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn a_version_can_be_made_from_a_logged_model() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let run = tracker.run("0", 1);
    let model = create(&tracker, json!({"name": "l", "source_run_id": run}));
    let (model_id, root) = (id(&model), model["info"]["artifact_uri"].as_str().unwrap().to_owned());
    let make = |source: &str, model: Value| {
        tracker.post(
            "model-versions/create",
            json!({"name": "m", "source": source, "model_id": model}),
        )
    };
    let named = format!("models:/{model_id}");
    for (source, location) in [
        (&named, &root),
        (&root, &root),
        (&format!("{root}/a"), &format!("{root}/a")),
    ] {
        for model in [json!(model_id), json!(null)] {
            let made = make(source, model).ok()["model_version"].take();
            assert_eq!((&made["source"], &made["run_id"]), (&json!(source), &json!(run)));
            let uri = tracker
                .get(&format!(
                    "model-versions/get-download-uri?name=m&version={}",
                    made["version"].as_str().unwrap()
                ))
                .ok();
            assert_eq!(uri["artifact_uri"], json!(location));
        }
    }
    let tags = read(&tracker, &model_id)["info"]["tags"].take();
    let noted: Value = serde_json::from_str(tags[0]["value"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&tags[0]["key"], noted.as_array().unwrap().len()),
        (&json!("mlflow.modelVersions"), 6)
    );
    assert_eq!(noted[0], json!({"name": "m", "version": 1}));

    let other = id(&create(&tracker, json!({})));
    for (source, model) in [
        (&*named, &*other),
        (&root, &other),
        ("", &model_id),
        (&format!("runs:/{run}/l"), &model_id),
        (&named, "m-1"),
        (&format!("models:/m-{}", "0".repeat(32)), ""),
        (&format!("mlflow-artifacts:/1/models/{model_id}/artifacts"), ""),
        (&format!("mlflow-artifacts:/0/models/{model_id}"), &model_id),
    ] {
        make(source, json!(model)).fails(400, "INVALID_PARAMETER_VALUE");
    }
    make("models:/m/1", json!(model_id)).ok();
    make("models:/m/1", json!(other)).fails(400, "INVALID_PARAMETER_VALUE");
    let own = make(&format!("models:/{other}"), json!(null)).ok()["model_version"].take();
    assert_eq!(
        tracker.read(own["run_id"].as_str().unwrap())["info"]["lifecycle_stage"],
        "active"
    );
    delete(&tracker, &model_id).ok();
    make(&named, json!(model_id)).fails(400, "INVALID_PARAMETER_VALUE");
}
