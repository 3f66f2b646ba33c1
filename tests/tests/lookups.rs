//! Look-ups by impossible names, keys, ids and paths.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

/// Makes a logged model; returns its id.
fn logged_model(tracker: &Tracker) -> String {
    let made = tracker.post("logged-models", json!({"experiment_id": "0"})).ok();
    made["model"]["info"]["model_id"].as_str().unwrap().to_owned()
}

/// A text longer than any name and than any key of the storage, and a long one with few characters.
fn impossible_names() -> [String; 2] {
    ["n".repeat(5_000), "\u{10000}".repeat(1_100)]
}

#[test]
fn impossible_names_and_ids_are_not_found() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    tracker.model("m");
    tracker.version("m", None);
    let logged = logged_model(&tracker);
    for name in impossible_names() {
        let not_found = [
            tracker.get(&format!("experiments/get-by-name?experiment_name={name}")),
            tracker.get(&format!("experiments/get?experiment_id={}", "9".repeat(5_000))),
            tracker.post(
                "experiments/delete-experiment-tag",
                json!({"experiment_id": "0", "key": name}),
            ),
            tracker.get(&format!("runs/get?run_id={name}")),
            tracker.post("runs/delete-tag", json!({"run_id": run, "key": name})),
            tracker.get(&format!("registered-models/get?name={name}")),
            tracker.get(&format!("model-versions/get?name={name}&version=1")),
            tracker.get(&format!("model-versions/get?name=m&version={}", "9".repeat(5_000))),
            tracker.get(&format!("registered-models/alias?name={name}&alias=a")),
            tracker.post(
                "model-versions/create",
                json!({"name": "m", "source": format!("models:/{}/1", "n".repeat(2_000))}),
            ),
            tracker.delete(&format!("logged-models/{logged}/tags/{name}"), json!({})),
            tracker.get(&format!("logged-models/{name}")),
        ];
        for (index, reply) in not_found.into_iter().enumerate() {
            let message = reply.fails(404, "RESOURCE_DOES_NOT_EXIST");
            assert!(!message.contains("bytes of a key"), "{index}: {message}");
        }
    }
}

#[test]
fn a_search_for_impossible_names_finds_nothing() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    tracker.pack();
    logged_model(&tracker);
    tracker.model("m");
    tracker.version("m", None);
    for name in impossible_names() {
        let by_metric = json!({"experiment_ids": ["0"], "filter": format!("metrics.`{name}` > 1")});
        let by_tag = json!({"experiment_ids": ["0"], "filter": format!("tags.`{name}` = 'v'")});
        let by_param = json!({"experiment_ids": ["0"], "filter": format!("params.`{name}` IS NOT NULL")});
        let by_name = json!({"experiment_ids": ["0"], "filter": format!("name = '{name}'")});
        let experiments = json!({"max_results": 10, "filter": format!("name = '{name}' AND tags.`{name}` = 'v'")});
        let versions = format!("model-versions/search?filter=run_id='{name}'");
        for nothing in [
            tracker.post("runs/search", by_metric),
            tracker.post("runs/search", by_tag),
            tracker.post("runs/search", by_param),
            tracker.post("logged-models/search", by_name),
            tracker.post("experiments/search", experiments),
            tracker.get(&format!("registered-models/search?filter=name='{name}'")),
            tracker.get(&format!("model-versions/search?filter=name='{name}'")),
            tracker.get(&versions),
            tracker.get(&format!("metrics/get-history?run_id={run}&metric_key={name}")),
        ] {
            assert_eq!(nothing.ok(), json!({}));
        }
        for bulk in [
            format!("metrics/get-history-bulk?run_id={run}&metric_key={name}"),
            format!("metrics/get-history-bulk-interval?run_ids={run}&metric_key={name}"),
        ] {
            assert_eq!(tracker.get(&bulk).ok()["metrics"].as_array().map_or(0, Vec::len), 0);
        }
    }
}

#[test]
fn a_file_of_an_impossible_path_is_not_found_and_cannot_be_made() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let store = "/api/2.0/mlflow-artifacts/artifacts";
    let long = format!("{}x", "x/".repeat(600));
    for path in [
        "n".repeat(300),
        format!("a/{}", "n".repeat(1_500)),
        long,
        "a/".repeat(120) + "a",
    ] {
        let in_store = format!("{store}/0/{run}/artifacts/{path}");
        for read in [in_store.clone(), format!("/get-artifact?run_id={run}&path={path}")] {
            let read = tracker.file("GET", &read, &[], "");
            assert_eq!((read.status, &*read.error_code()), (404, "RESOURCE_DOES_NOT_EXIST"));
        }
        for list in [
            format!("{store}?path=0/{run}/artifacts/{path}"),
            format!("/api/2.0/mlflow/artifacts/list?run_id={run}&path={path}"),
        ] {
            let listed = tracker.file("GET", &list, &[], "").ok();
            assert!(!listed.contains("files"), "{listed}");
        }
        assert_eq!(tracker.file("PUT", &in_store, &[], "x").status, 400);
        let climbs = format!("{store}/0/{run}/artifacts/../../{path}");
        assert_ne!(tracker.file("GET", &climbs, &[], "").status, 200);
    }
}
