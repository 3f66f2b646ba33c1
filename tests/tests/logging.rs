//! Logging to runs: metrics, params, tags, batches, inputs; and histories.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

fn value(run: &Value, kind: &str, key: &str) -> Value {
    let items = run["data"][kind].as_array().map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .find(|item| item["key"] == key)
        .map_or(Value::Null, |item| item["value"].clone())
}

fn history(tracker: &Tracker, run: &str, key: &str) -> Vec<(i64, i64, Value)> {
    let page = tracker
        .get(&format!("metrics/get-history?run_id={run}&metric_key={key}"))
        .ok();
    let points = page["metrics"].as_array().cloned().unwrap_or_default();
    points
        .iter()
        .map(|p| {
            (
                p["timestamp"].as_i64().unwrap(),
                p["step"].as_i64().unwrap(),
                p["value"].clone(),
            )
        })
        .collect()
}

#[test]
fn a_metrics_value_is_its_greatest_point_by_step_time_value() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let log = |value: Value, timestamp: i64, step: i64| {
        tracker
            .post(
                "runs/log-metric",
                json!({"run_id": run, "key": "m", "value": value, "timestamp": timestamp, "step": step}),
            )
            .ok();
        self::value(&tracker.read(&run), "metrics", "m")
    };
    assert_eq!(log(json!(1.5), 10, 0), 1.5);
    assert_eq!(log(json!(9.0), 99, -1), 1.5);
    assert_eq!(log(json!(2.0), 5, 1), 2.0);
    assert_eq!(log(json!(-1.0), 6, 1), -1.0);
    assert_eq!(log(json!("NaN"), 6, 1), "NaN");
    assert_eq!(log(json!(5), 6, 1), 5.0);
    assert_eq!(log(json!("NaN"), 6, 1), 5.0);
    assert_eq!(log(json!("-1e3"), 7, 1), -1000.0);
}

#[test]
fn infinities_are_stored_as_the_largest_numbers() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    for (key, sent, stored) in [("p", "Infinity", f64::MAX), ("n", "-Infinity", f64::MIN)] {
        tracker
            .post(
                "runs/log-metric",
                json!({"run_id": run, "key": key, "value": sent, "timestamp": 1}),
            )
            .ok();
        assert_eq!(value(&tracker.read(&run), "metrics", key), json!(stored));
    }
}

#[test]
fn a_history_is_ordered_by_time_step_value_and_holds_each_point_once() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let points = [
        (3, 1, json!(1.0)),
        (1, 5, json!(0.5)),
        (1, -2, json!(7.0)),
        (3, 1, json!(1.0)),
        (3, 1, json!("NaN")),
        (3, 1, json!(-1.0)),
    ];
    for (timestamp, step, value) in &points {
        let body = json!({"run_id": run, "key": "m", "value": value, "timestamp": timestamp, "step": step});
        tracker.post("runs/log-metric", body).ok();
    }
    let expected = [
        (1, -2, json!(7.0)),
        (1, 5, json!(0.5)),
        (3, 1, json!(-1.0)),
        (3, 1, json!("NaN")),
        (3, 1, json!(1.0)),
    ];
    assert_eq!(history(&tracker, &run, "m"), expected);
    assert_eq!(
        tracker
            .get(&format!("metrics/get-history?run_id={run}&metric_key=other"))
            .ok(),
        json!({})
    );
    assert_eq!(
        tracker.get("metrics/get-history?run_id=none&metric_key=m").ok(),
        json!({})
    );
}

#[test]
fn pages_of_a_history_have_no_gap_or_duplicate() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let metrics: Vec<Value> = (0..1000)
        .map(|n| json!({"key": "m", "value": n, "timestamp": n / 3, "step": n}))
        .collect();
    tracker
        .post("runs/log-batch", json!({"run_id": run, "metrics": metrics}))
        .ok();
    tracker
        .post(
            "runs/log-metric",
            json!({"run_id": run, "key": "m2", "value": 1, "timestamp": 1}),
        )
        .ok();
    for size in [1000, 999, 300, 77] {
        let (mut walked, mut token) = (Vec::new(), String::new());
        loop {
            let page = tracker
                .get(&format!(
                    "metrics/get-history?run_id={run}&metric_key=m&max_results={size}&page_token={token}"
                ))
                .ok();
            let points = page["metrics"].as_array().unwrap();
            assert!(points.len() <= size);
            walked.extend(points.iter().map(|point| point["step"].as_i64().unwrap()));
            match page["next_page_token"].as_str() {
                Some(next) => token = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(walked, (0..1000).collect::<Vec<i64>>(), "{size}");
    }
    tracker
        .get(&format!("metrics/get-history?run_id={run}&metric_key=m&max_results=0"))
        .fails(400, "INVALID_PARAMETER_VALUE");
    tracker
        .get(&format!("metrics/get-history?run_id={run}"))
        .fails(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn a_metric_needs_key_value_time_of_the_right_type() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let good = json!({"run_id": run, "key": "m", "value": 1.0, "timestamp": 1, "step": 0});
    for (field, wrong) in [
        ("key", json!(null)),
        ("key", json!("")),
        ("key", json!("a@b")),
        ("key", json!("../a")),
        ("key", json!("x".repeat(251))),
        ("value", json!(null)),
        ("value", json!("x")),
        ("value", json!(true)),
        ("value", json!("1e999")),
        ("timestamp", json!(null)),
        ("timestamp", json!(-1)),
        ("timestamp", json!(1.5)),
        ("step", json!("x")),
        ("step", json!(1.5)),
        ("run_id", json!(5)),
    ] {
        let mut body = good.clone();
        body[field] = wrong.clone();
        tracker
            .post("runs/log-metric", body)
            .fails(400, "INVALID_PARAMETER_VALUE");
    }
    assert_eq!(tracker.read(&run)["data"].get("metrics"), None);
    tracker.post("runs/log-metric", good).ok();
}

#[test]
fn a_param_is_set_once_and_may_be_repeated_with_the_same_value() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let log = |value: &str| tracker.post("runs/log-parameter", json!({"run_id": run, "key": "p", "value": value}));
    log("1").ok();
    log("1").ok();
    let refused = log("2").fails(400, "INVALID_PARAMETER_VALUE");
    assert_eq!(
        refused,
        format!(
            "Changing param values is not allowed. Param with key='p' was already logged with value='1' for run ID='{run}'. \
             Attempted logging new value '2'."
        )
    );
    assert_eq!(value(&tracker.read(&run), "params", "p"), "1");
}

#[test]
fn long_values_of_params_and_tags_are_cut() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let long = "ü".repeat(9_000);
    for _ in 0..2 {
        tracker
            .post("runs/log-parameter", json!({"run_id": run, "key": "k", "value": long}))
            .ok();
        tracker
            .post("runs/set-tag", json!({"run_id": run, "key": "k", "value": long}))
            .ok();
    }
    let read = tracker.read(&run);
    assert_eq!(value(&read, "params", "k"), "ü".repeat(6_000));
    assert_eq!(value(&read, "tags", "k"), "ü".repeat(8_000));
}

#[test]
fn a_tag_is_overwritten_and_deleted() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    for text in ["1", "2", ""] {
        tracker
            .post("runs/set-tag", json!({"run_id": run, "key": "k", "value": text}))
            .ok();
        assert_eq!(value(&tracker.read(&run), "tags", "k"), text);
    }
    tracker.post("runs/delete-tag", json!({"run_id": run, "key": "k"})).ok();
    assert_eq!(value(&tracker.read(&run), "tags", "k"), Value::Null);
    let gone = tracker
        .post("runs/delete-tag", json!({"run_id": run, "key": "k"}))
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    assert_eq!(gone, format!("No tag with name: k in run with id {run}"));
}

#[test]
fn an_empty_name_of_a_run_changes_nothing() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let before = tracker.read(&run);
    let tag = json!({"key": "mlflow.runName", "value": ""});
    tracker
        .post("runs/log-batch", json!({"run_id": run, "tags": [tag]}))
        .ok();
    tracker
        .post(
            "runs/set-tag",
            json!({"run_id": run, "key": "mlflow.runName", "value": ""}),
        )
        .ok();
    assert_eq!(tracker.read(&run), before);
}

#[test]
fn batches_and_inputs_distinguish_an_invalid_run_id_from_an_unknown_one() {
    let tracker = Tracker::fresh();
    for endpoint in ["runs/log-batch", "runs/log-inputs"] {
        tracker
            .post(endpoint, json!({"run_id": "../x"}))
            .fails(400, "INVALID_PARAMETER_VALUE");
        tracker
            .post(endpoint, json!({"run_id": "none"}))
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
    }
}

#[test]
fn a_batch_is_logged_whole_or_not_at_all() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    tracker
        .post("runs/log-parameter", json!({"run_id": run, "key": "p", "value": "1"}))
        .ok();
    let before = tracker.read(&run);
    let good_metric = json!({"key": "m", "value": 1, "timestamp": 1});
    for wrong in [
        json!({"params": [{"key": "q", "value": "1"}, {"key": "p", "value": "9"}]}),
        json!({"params": [{"key": "d", "value": "1"}, {"key": "d", "value": "1"}]}),
        json!({"params": [{"value": "1"}]}),
        json!({"tags": [{"key": "t@", "value": "1"}]}),
        json!({"metrics": [good_metric, {"key": "n", "value": "x", "timestamp": 1}]}),
        json!({"metrics": {}}),
        json!({"tags": [5]}),
    ] {
        let mut body = json!({"run_id": run, "metrics": [good_metric], "tags": [{"key": "t", "value": "v"}]});
        body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        tracker
            .post("runs/log-batch", body)
            .fails(400, "INVALID_PARAMETER_VALUE");
        assert_eq!(tracker.read(&run), before, "{wrong}");
    }
    let body = json!({
        "run_id": run, "metrics": [good_metric, {"key": "m", "value": 2, "timestamp": 1, "step": 1}],
        "params": [{"key": "p", "value": "1"}, {"key": "q", "value": "2"}], "tags": [{"key": "t", "value": "1"}, {"key": "t", "value": "2"}],
    });
    for _ in 0..2 {
        tracker.post("runs/log-batch", body.clone()).ok();
    }
    let read = tracker.read(&run);
    assert_eq!(value(&read, "metrics", "m"), 2.0);
    assert_eq!(
        (value(&read, "params", "q"), value(&read, "tags", "t")),
        (json!("2"), json!("2"))
    );
    assert_eq!(history(&tracker, &run, "m").len(), 2);
    tracker.post("runs/log-batch", json!({"run_id": run})).ok();
}

#[test]
fn the_messages_of_refused_params_name_the_stored_value() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let batch = |value: &str| {
        let params = json!([{"key": "p", "value": value}, {"key": "q", "value": value}]);
        tracker.post("runs/log-batch", json!({"run_id": run, "params": params}))
    };
    batch("1").ok();
    let refused = batch("9").fails(400, "INVALID_PARAMETER_VALUE");
    assert!(
        refused.contains("[{'key': 'p', 'old_value': '1', 'new_value': '9'}, {'key': 'q'"),
        "{refused}"
    );
    let twins = json!({"run_id": run, "params": [{"key": "dd", "value": "1"}, {"key": "dd", "value": "1"}]});
    let refused = tracker
        .post("runs/log-batch", twins)
        .fails(400, "INVALID_PARAMETER_VALUE");
    assert!(
        refused.starts_with("Duplicate parameter keys have been submitted: ['dd']."),
        "{refused}"
    );
    let nameless =
        json!({"run_id": run, "metrics": [{"key": "m", "value": 1, "timestamp": 1}, {"value": 1, "timestamp": 1}]});
    let refused = tracker
        .post("runs/log-batch", nameless)
        .fails(400, "INVALID_PARAMETER_VALUE");
    assert!(
        refused.starts_with("Missing value for required parameter 'metrics[1].key'."),
        "{refused}"
    );
}

#[test]
fn a_batch_has_at_most_1000_metrics_100_params_100_tags_and_1000_items() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let pairs = |count: usize| -> Vec<Value> {
        (0..count)
            .map(|n| json!({"key": format!("k{n}"), "value": "v"}))
            .collect()
    };
    let metrics = |count: usize| -> Vec<Value> {
        (0..count)
            .map(|n| json!({"key": format!("k{n}"), "value": 1, "timestamp": 1}))
            .collect()
    };
    let log = |m: usize, p: usize, t: usize| {
        tracker.post(
            "runs/log-batch",
            json!({"run_id": run, "metrics": metrics(m), "params": pairs(p), "tags": pairs(t)}),
        )
    };
    for (m, p, t) in [(1001, 0, 0), (0, 101, 0), (0, 0, 101), (900, 100, 1)] {
        log(m, p, t).fails(400, "INVALID_PARAMETER_VALUE");
    }
    log(1000, 0, 0).ok();
    log(800, 100, 100).ok();
    let read = tracker.read(&run);
    assert_eq!(read["data"]["metrics"].as_array().unwrap().len(), 1000);
    assert_eq!(read["data"]["params"].as_array().unwrap().len(), 100);
}

#[test]
fn concurrent_writes_to_one_run_are_all_kept() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let mut requests = Vec::new();
    for n in 0..64 {
        let metric = json!({"run_id": run, "key": "shared", "value": n, "timestamp": n, "step": n});
        requests.push(("POST", "/api/2.0/mlflow/runs/log-metric".to_owned(), metric));
        let param = json!({"run_id": run, "key": format!("p{n}"), "value": "v"});
        requests.push(("POST", "/api/2.0/mlflow/runs/log-parameter".to_owned(), param));
        let rename = json!({"run_id": run, "key": "mlflow.runName", "value": format!("n{n}")});
        requests.push(("POST", "/api/2.0/mlflow/runs/set-tag".to_owned(), rename));
    }
    for reply in tracker.send_all(requests) {
        reply.ok();
    }
    let read = tracker.read(&run);
    assert_eq!(history(&tracker, &run, "shared").len(), 64);
    assert_eq!(value(&read, "metrics", "shared"), 63.0);
    assert_eq!(read["data"]["params"].as_array().unwrap().len(), 64);
    assert_eq!(read["info"]["run_name"], value(&read, "tags", "mlflow.runName"));
}

#[test]
fn an_acknowledged_update_survives_concurrent_renames() {
    let tracker = Tracker::fresh();
    for _ in 0..10 {
        let run = tracker.run("0", 1);
        let rename = |n: i64| {
            let body = json!({"run_id": run, "key": "mlflow.runName", "value": format!("n{n}")});
            ("POST", "/api/2.0/mlflow/runs/set-tag".to_owned(), body)
        };
        let mut requests: Vec<_> = (0..24).map(rename).collect();
        let finish = json!({"run_id": run, "status": "FINISHED", "end_time": 9});
        requests.insert(12, ("POST", "/api/2.0/mlflow/runs/update".to_owned(), finish));
        for reply in tracker.send_all(requests) {
            reply.ok();
        }
        assert_eq!(tracker.read(&run)["info"]["status"], "FINISHED");
    }
}

#[test]
fn a_deleted_run_accepts_no_point_after_its_deletion_was_acknowledged() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let point = |n: i64| {
        let body = json!({"run_id": run, "key": "m", "value": n, "timestamp": n});
        ("POST", "/api/2.0/mlflow/runs/log-metric".to_owned(), body)
    };
    let mut requests: Vec<_> = (0..24).map(point).collect();
    requests.insert(
        12,
        ("POST", "/api/2.0/mlflow/runs/delete".to_owned(), json!({"run_id": run})),
    );
    let logged = tracker
        .send_all(requests)
        .iter()
        .filter(|reply| reply.status == 200)
        .count()
        - 1;
    assert_eq!(history(&tracker, &run, "m").len(), logged);
    tracker
        .post(
            "runs/log-metric",
            json!({"run_id": run, "key": "m", "value": 1, "timestamp": 99}),
        )
        .fails(400, "INVALID_PARAMETER_VALUE");
}

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
