//! Page tokens. A token belongs to the search that made it, with all of its parameters except the page size.

use mlforge_tests::tracker::{Reply, Tracker};
use serde_json::{Value, json};

/// Makes two of each kind of object, so that a first page with one object has a next page.
fn with_two_of_all() -> (Tracker, String) {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    tracker.run("0", 2);
    for name in ["a", "b"] {
        tracker.experiment(name);
        tracker.model(name);
        tracker.version(name, None);
        tracker
            .post("logged-models", json!({"experiment_id": "0", "name": name}))
            .ok();
    }
    let points: Vec<Value> = (0..3)
        .map(|n| json!({"key": "m", "value": n, "timestamp": n}))
        .collect();
    let points = json!({"run_id": run, "metrics": points});
    tracker.post("runs/log-batch", points).ok();
    (tracker, run)
}

/// A search by POST.
fn post<'a>(tracker: &'a Tracker, path: &'a str) -> impl Fn(Value) -> Reply + 'a {
    move |question| tracker.post(path, question)
}

/// The search by GET; a list repeats its name.
fn get<'a>(tracker: &'a Tracker, path: &'a str) -> impl Fn(Value) -> Reply + 'a {
    move |question| {
        let mut pairs = Vec::new();
        for (name, value) in question.as_object().unwrap() {
            let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            for value in values.iter().filter(|value| !value.is_null()) {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                pairs.push(format!("{name}={text}"));
            }
        }
        tracker.get(&format!("{path}?{}", pairs.join("&")))
    }
}

/// Checks that the token of a first page continues with another page size, but with none of the changes.
/// Returns the token.
#[track_caller]
fn belongs(search: impl Fn(Value) -> Reply, question: &Value, changes: &[Value]) -> String {
    let with = |changes: &[(&str, &Value)]| {
        let mut question = question.clone();
        for (name, value) in changes {
            question[name] = (*value).clone();
        }
        search(question)
    };
    let first = with(&[("max_results", &json!(1))]).ok();
    let token = &first["next_page_token"];
    assert!(token.is_string(), "{first}");
    with(&[("max_results", &json!(1)), ("page_token", token)]).ok();
    with(&[("max_results", &json!(100)), ("page_token", token)]).ok();
    for change in changes {
        for (name, value) in change.as_object().unwrap() {
            let more = [("max_results", &json!(1)), (name.as_str(), value)];
            with(&more).ok();
            let changed = with(&[more[0], more[1], ("page_token", token)]);
            let message = changed.fails(400, "INVALID_PARAMETER_VALUE");
            assert!(message.contains("belongs to another search"), "{change}: {message}");
        }
    }
    for nonsense in ["nonsense", "00", &"0".repeat(15), &"0".repeat(16), &"0".repeat(10_000)] {
        with(&[("max_results", &json!(1)), ("page_token", &json!(nonsense))]).fails(400, "INVALID_PARAMETER_VALUE");
    }
    token.as_str().unwrap().to_owned()
}

#[test]
fn a_token_belongs_to_the_search_that_made_it() {
    let (tracker, run) = with_two_of_all();
    let mut tokens = Vec::new();
    let experiments = json!({"filter": "name != 'x'", "order_by": ["name"], "view_type": "ACTIVE_ONLY"});
    let changes = [
        json!({"filter": "name != 'y'", "order_by": ["name DESC"], "view_type": "ALL"}),
        json!({"filter": "", "order_by": ["creation_time"]}),
    ];
    tokens.push(belongs(post(&tracker, "experiments/search"), &experiments, &changes));
    // Both methods send the same search.
    tokens.push(belongs(get(&tracker, "experiments/search"), &experiments, &changes));
    assert_eq!(tokens[0], tokens[1]);
    tokens.remove(0);
    let runs = json!({"experiment_ids": ["0"], "filter": "", "order_by": [], "run_view_type": "ACTIVE_ONLY"});
    let changes = [
        json!({"experiment_ids": ["0", "1"], "filter": "start_time > 0", "order_by": ["start_time"], "run_view_type": "ALL"}),
        json!({"order_by": ["metrics.m"]}),
    ];
    tokens.push(belongs(post(&tracker, "runs/search"), &runs, &changes));
    let named = json!({"filter": "name != 'x'", "order_by": ["name ASC"]});
    let changes = [json!({"filter": "name != 'y'", "order_by": ["name DESC"]})];
    tokens.push(belongs(get(&tracker, "registered-models/search"), &named, &changes));
    tokens.push(belongs(get(&tracker, "model-versions/search"), &named, &changes));
    let logged = json!({"experiment_ids": ["0"], "filter": "name != 'x'", "order_by": [{"field_name": "name"}]});
    let changes = [
        json!({"experiment_ids": ["0", "1"], "filter": "name != 'y'", "order_by": [{"field_name": "name", "ascending": false}]}),
        json!({"filter": "", "order_by": [{"field_name": "name"}, {"field_name": "status"}]}),
        json!({"order_by": [{"field_name": "name", "dataset_name": "d"}]}),
    ];
    tokens.push(belongs(post(&tracker, "logged-models/search"), &logged, &changes));
    let history = json!({"run_id": run, "metric_key": "m"});
    let other = json!({"run_id": tracker.run("0", 3), "metric_key": "n"});
    tokens.push(belongs(get(&tracker, "metrics/get-history"), &history, &[other]));
    assert_eq!(tokens.len(), 6);
    for (index, token) in tokens.iter().enumerate() {
        assert!(!tokens[..index].contains(token));
    }
}

#[test]
fn the_same_search_may_name_its_experiments_in_any_order() {
    let (tracker, _) = with_two_of_all();
    let search = |experiments: Value, token: &Value| {
        let body = json!({"experiment_ids": experiments, "max_results": 1, "page_token": token});
        tracker.post("runs/search", body)
    };
    let token = search(json!(["0", "1"]), &Value::Null).ok()["next_page_token"].take();
    search(json!(["1", "0", "0", "999999"]), &Value::Null).ok();
    search(json!(["1", "0", "0"]), &token).ok();
}

#[test]
fn a_token_of_logged_models_belongs_to_their_datasets() {
    let tracker = Tracker::fresh();
    for name in ["a", "b"] {
        let made = json!({"experiment_id": "0", "name": name});
        let model = tracker.post("logged-models", made).ok()["model"]["info"]["model_id"].take();
        for dataset in ["d", "e"] {
            let metric = json!({"run_id": tracker.run("0", 1), "key": "m", "value": 1, "timestamp": 1, "model_id": model,
                "dataset_name": dataset, "dataset_digest": "1"});
            tracker.post("runs/log-metric", metric).ok();
        }
    }
    let question = json!({"experiment_ids": ["0"], "datasets": [{"dataset_name": "d"}]});
    let changes = [
        json!({"datasets": [{"dataset_name": "e"}]}),
        json!({"datasets": [{"dataset_name": "d", "dataset_digest": "1"}]}),
    ];
    belongs(post(&tracker, "logged-models/search"), &question, &changes);
}
