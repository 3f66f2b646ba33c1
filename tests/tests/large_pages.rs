//! Pages that would be too large end earlier, so all stored data can be read.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

/// Walks through all pages of a search. Returns the found objects and the number of pages.
fn walk(tracker: &Tracker, endpoint: &str, list: &str, body: &Value) -> (Vec<Value>, usize) {
    let (mut found, mut pages, mut token) = (Vec::new(), 0, String::new());
    loop {
        let mut body = body.clone();
        body["page_token"] = token.into();
        let mut page = match endpoint.split_once(' ') {
            Some(("GET", endpoint)) => tracker.get(&format!("{endpoint}?{}", query(&body))).ok(),
            _ => tracker.post(endpoint, body).ok(),
        };
        found.extend(page[list].as_array_mut().map(std::mem::take).unwrap_or_default());
        pages += 1;
        match page["next_page_token"].as_str() {
            Some(next) => token = next.to_owned(),
            None => return (found, pages),
        }
    }
}

fn query(body: &Value) -> String {
    let fields = body.as_object().unwrap().iter();
    let fields =
        fields.map(|(name, value)| format!("{name}={}", value.as_str().map_or(value.to_string(), str::to_owned)));
    fields.collect::<Vec<_>>().join("&")
}

fn tags(count: usize, bytes: usize) -> Vec<Value> {
    let tag = |number| json!({"key": format!("t{number:04}"), "value": "x".repeat(bytes)});
    (0..count).map(tag).collect()
}

fn log_dataset(tracker: &Tracker, run: &str, name: &str, profile: &str) {
    let dataset = json!({"name": name, "digest": "d", "source_type": "local", "source": "{}", "schema": "{}", "profile": profile});
    let body = json!({"run_id": run, "datasets": [{"dataset": dataset}]});
    tracker.post("runs/log-inputs", body).ok();
}

/// For each dataset of a run: true if the answer shows its profile.
fn profiles(run: &Value) -> Vec<bool> {
    let inputs = run["inputs"]["dataset_inputs"].as_array().unwrap();
    inputs
        .iter()
        .map(|input| input["dataset"]["profile"].is_string())
        .collect()
}

#[test]
fn runs_with_large_datasets_are_read_and_listed() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    let runs: Vec<String> = (0..4).map(|start| tracker.run(&experiment, start)).collect();
    let profile = "p".repeat(14 << 20);
    for name in ["a", "b", "c"] {
        log_dataset(&tracker, &runs[0], name, &profile);
    }
    // The datasets are stored already, and must not be read into memory together.
    let small = |name: &str| json!({"dataset": {"name": name, "digest": "d", "source_type": "local", "source": "{}"}});
    for run in &runs[1..] {
        let datasets = [small("a"), small("b"), small("c"), small("d")];
        tracker
            .post("runs/log-inputs", json!({"run_id": run, "datasets": datasets}))
            .ok();
    }
    assert_eq!(profiles(&tracker.read(&runs[0])), [true, true, false]);
    let body = json!({"experiment_ids": [experiment], "order_by": ["attributes.start_time"]});
    let (found, pages) = walk(&tracker, "runs/search", "runs", &body);
    let ids: Vec<&str> = found
        .iter()
        .map(|run| run["info"]["run_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, runs);
    assert!(pages > 1, "{pages} pages");
    for run in &found[1..] {
        assert_eq!(profiles(run), [true, true, false, false]);
    }
    let filtered = json!({"experiment_ids": [experiment], "filter": "dataset.name = 'd'"});
    assert_eq!(walk(&tracker, "runs/search", "runs", &filtered).0.len(), 3);
}

#[test]
fn large_runs_are_searched_in_any_order_packed_or_not() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    for start in 0..8 {
        let body = json!({"experiment_id": experiment, "start_time": start, "tags": tags(1_000, 8_000)});
        tracker.post("runs/create", body).ok();
    }
    let small = tracker.run(&experiment, 8);
    let metric = json!({"run_id": small, "key": "m", "value": 1.0, "timestamp": 1});
    tracker.post("runs/log-metric", metric).ok();
    for _ in 0..2 {
        let page = |body: Value| tracker.post("runs/search", body).ok();
        let first = page(json!({"experiment_ids": [experiment], "order_by": ["metrics.m DESC"], "max_results": 1}));
        assert_eq!(first["runs"][0]["info"]["run_id"], small);
        let filter = json!({"experiment_ids": [experiment], "filter": "tags.t0999 LIKE 'x%'", "max_results": 10});
        for body in [
            filter,
            json!({"experiment_ids": [experiment], "order_by": ["tags.t0000"]}),
        ] {
            let (found, pages) = walk(&tracker, "runs/search", "runs", &body);
            assert!(found.len() >= 8 && pages > 1, "{} runs on {pages} pages", found.len());
        }
        tracker.pack();
    }
}

#[test]
fn large_experiments_models_and_versions_are_listed() {
    let tracker = Tracker::fresh();
    for number in 0..4 {
        let body = json!({"name": format!("e{number}"), "tags": tags(800, 19_000)});
        tracker.post("experiments/create", body).ok();
        let body = json!({"name": format!("m{number}"), "tags": tags(150, 100_000)});
        tracker.post("registered-models/create", body).ok();
        let body = json!({"name": "m0", "source": "", "tags": tags(150, 100_000)});
        tracker.post("model-versions/create", body).ok();
    }
    for (endpoint, list, body, count) in [
        ("experiments/search", "experiments", json!({"max_results": 1_000}), 9),
        (
            "experiments/search",
            "experiments",
            json!({"max_results": 1_000, "order_by": ["name DESC"]}),
            9,
        ),
        (
            "GET registered-models/search",
            "registered_models",
            json!({"max_results": 1_000}),
            4,
        ),
        (
            "GET model-versions/search",
            "model_versions",
            json!({"max_results": 1_000}),
            4,
        ),
        (
            "GET model-versions/search",
            "model_versions",
            json!({"filter": "tags.t0149 LIKE 'x%'"}),
            4,
        ),
    ] {
        let (found, pages) = walk(&tracker, endpoint, list, &body);
        assert_eq!(found.len(), count, "{endpoint} {body}");
        assert!(pages > 1, "{endpoint} {body}");
        let has_all = |thing: &&Value| thing["tags"].as_array().is_some_and(|tags| tags.len() >= 150);
        assert_eq!(found.iter().filter(has_all).count(), 4, "{endpoint} {body}");
    }
    assert!(tracker.read_model("m0")["latest_versions"][0]["version"].is_string());
}

#[test]
fn an_object_larger_than_any_answer_is_shown_in_part() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    for number in 0..300 {
        let body = json!({"name": "m", "key": format!("t{number:04}"), "value": "x".repeat(100_000)});
        tracker.post("registered-models/set-tag", body).ok();
    }
    let shown = tracker.read_model("m")["tags"].as_array().unwrap().len();
    assert!((150..300).contains(&shown), "{shown} tags");
    let (models, _) = walk(
        &tracker,
        "GET registered-models/search",
        "registered_models",
        &json!({}),
    );
    assert_eq!(models[0]["tags"].as_array().unwrap().len(), shown);
}

#[test]
fn large_logged_models_are_listed() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    for number in 0..4 {
        let body = json!({"experiment_id": experiment, "name": format!("m{number}"), "tags": tags(250, 60_000)});
        tracker.post("logged-models", body).ok();
    }
    for order in [json!([]), json!([{"field_name": "name"}])] {
        let body = json!({"experiment_ids": [experiment], "order_by": order});
        let (found, pages) = walk(&tracker, "logged-models/search", "models", &body);
        assert_eq!(found.len(), 4);
        assert!(pages > 1);
    }
}

#[test]
fn a_body_of_too_many_values_is_refused_and_the_limit_named() {
    let tracker = Tracker::fresh();
    let body = |inside: String| format!("{{\"run_id\": \"\", \"a\": [{inside}0]}}");
    let many = tracker.send("POST", "/api/2.0/mlflow/runs/log-batch", body("[],".repeat(6 << 20)));
    let message = many.fails(400, "INVALID_PARAMETER_VALUE");
    assert!(message.contains("more than 250000 values"), "{message}");
    let deep = tracker.send("POST", "/api/2.0/mlflow/runs/log-batch", body("[".repeat(1 << 20)));
    let message = deep.fails(400, "INVALID_PARAMETER_VALUE");
    assert!(message.contains("more than 100 lists and objects"), "{message}");
    let run = tracker.run(&tracker.experiment("e"), 1);
    let model = json!({"run_id": run, "model_json": format!("[{}0]", "[],".repeat(5 << 20))});
    let message = tracker
        .post("runs/log-model", model)
        .fails(400, "INVALID_PARAMETER_VALUE");
    assert!(message.contains("more than 250000 values"), "{message}");
}

#[test]
fn a_sample_of_histories_with_a_long_key_has_fewer_points() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    let key = "𝛼".repeat(250);
    let runs: Vec<String> = (0..30).map(|_| tracker.run(&experiment, 1)).collect();
    for run in &runs {
        for batch in 0..2 {
            let point = |step: i64| json!({"key": key, "value": 0.5, "timestamp": step, "step": step});
            let metrics: Vec<Value> = (0..1_000).map(|step| point(1_000 * batch + step)).collect();
            tracker
                .post("runs/log-batch", json!({"run_id": run, "metrics": metrics}))
                .ok();
        }
    }
    let asked: Vec<String> = runs.iter().map(|run| format!("run_ids={run}")).collect();
    let path = format!(
        "metrics/get-history-bulk-interval?{}&metric_key={key}&max_results=2500",
        asked.join("&")
    );
    let points = tracker.get(&path).ok()["metrics"].as_array().unwrap().clone();
    let of_first = points.iter().filter(|point| point["run_id"] == runs[0].as_str());
    let steps: Vec<i64> = of_first.map(|point| point["step"].as_i64().unwrap()).collect();
    assert!((1_000..1_500).contains(&steps.len()), "{} points", steps.len());
    assert_eq!((steps[0], steps[steps.len() - 1]), (0, 1_999));
}
