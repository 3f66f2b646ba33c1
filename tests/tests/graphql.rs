//! GraphQL, as MLflow's own web pages ask it, and what else they ask that MLflow's clients do not.

use mlforge_tests::tracker::{NOW_MS, Reply, Tracker};
use serde_json::{Value, json};

fn ask(tracker: &Tracker, operation: &str, variables: &Value) -> Reply {
    let body = json!({"operationName": operation, "query": "query …", "variables": variables});
    tracker.send("POST", "/graphql", body.to_string())
}

/// The result of an operation that the server knows.
#[track_caller]
fn result(tracker: &Tracker, operation: &str, variables: &Value, field: &str) -> Value {
    let mut body = ask(tracker, operation, variables).ok();
    assert!(body.get("errors").is_none(), "{body}");
    body["data"][field].take()
}

/// The run of an answer to `GetRun`.
#[track_caller]
fn run_of(tracker: &Tracker, id: &str) -> Value {
    let mut got = result(tracker, "GetRun", &json!({"data": {"runId": id}}), "mlflowGetRun");
    assert_eq!(got["apiError"], Value::Null);
    got["run"].take()
}

#[test]
fn an_experiment_is_answered_with_every_field_and_numbers_as_texts() {
    let tracker = Tracker::fresh();
    let id = tracker.experiment("e");
    let tag = json!({"experiment_id": id, "key": "team", "value": "red"});
    tracker.post("experiments/set-experiment-tag", tag).ok();
    let variables = json!({"input": {"experimentId": id}});
    let got = result(&tracker, "MlflowGetExperimentQuery", &variables, "mlflowGetExperiment");
    let plain = tracker.get(&format!("experiments/get?experiment_id={id}")).ok();
    assert_eq!(
        got,
        json!({
            "__typename": "MlflowGetExperimentResponse",
            "apiError": null,
            "experiment": {
                "__typename": "MlflowExperiment",
                "artifactLocation": plain["experiment"]["artifact_location"],
                "creationTime": NOW_MS.to_string(),
                "effectiveTraceArchivalRetention": null,
                "experimentId": id,
                "lastUpdateTime": NOW_MS.to_string(),
                "lifecycleStage": "active",
                "name": "e",
                "tags": [{"__typename": "MlflowExperimentTag", "key": "team", "value": "red"}],
            },
        })
    );
}

#[test]
fn what_does_not_exist_is_told_in_the_result() {
    let tracker = Tracker::fresh();
    for (operation, variables, field, item, code) in [
        (
            "MlflowGetExperimentQuery",
            json!({"input": {"experimentId": "77"}}),
            "mlflowGetExperiment",
            "experiment",
            "RESOURCE_DOES_NOT_EXIST",
        ),
        (
            "GetRun",
            json!({"data": {"runId": "0".repeat(32)}}),
            "mlflowGetRun",
            "run",
            "RESOURCE_DOES_NOT_EXIST",
        ),
        (
            "SearchRuns",
            json!({"data": {"experimentIds": ["0"], "filter": "metrics.a >"}}),
            "mlflowSearchRuns",
            "runs",
            "INVALID_PARAMETER_VALUE",
        ),
        (
            "GetMetricHistoryBulkInterval",
            json!({"data": {"runIds": ["0"]}}),
            "mlflowGetMetricHistoryBulkInterval",
            "metrics",
            "INVALID_PARAMETER_VALUE",
        ),
        ("GetRun", json!({}), "mlflowGetRun", "run", "INVALID_PARAMETER_VALUE"),
    ] {
        let got = result(&tracker, operation, &variables, field);
        assert_eq!(got["apiError"]["code"], code, "{got}");
        assert!(!got["apiError"]["message"].as_str().unwrap().is_empty());
        assert_eq!(got["apiError"]["helpUrl"], Value::Null);
        assert_eq!(got.get(item), Some(&Value::Null), "{got}");
    }
}

/// Makes a run with one of everything; returns its id.
fn full_run(tracker: &Tracker) -> String {
    let id = tracker.run("0", 5);
    let batch = json!({
        "run_id": id,
        "metrics": [
            {"key": "loss", "value": 0.5, "timestamp": 7, "step": 9_007_199_254_740_993_i64},
            {"key": "none", "value": "NaN", "timestamp": 8, "step": 1},
        ],
        "params": [{"key": "rate", "value": "0.1"}],
        "tags": [{"key": "team", "value": "red"}],
    });
    tracker.post("runs/log-batch", batch).ok();
    let dataset = json!({"name": "rows", "digest": "d1", "source": "{}", "source_type": "local", "schema": "[]"});
    let datasets = json!([{"tags": [{"key": "mlflow.data.context", "value": "training"}], "dataset": dataset}]);
    tracker
        .post("runs/log-inputs", json!({"run_id": id, "datasets": datasets}))
        .ok();
    tracker.model("cats");
    let version = json!({"name": "cats", "source": format!("runs:/{id}/model"), "run_id": id});
    tracker.post("model-versions/create", version).ok();
    tracker
        .post(
            "runs/update",
            json!({"run_id": id, "status": "FINISHED", "end_time": 9}),
        )
        .ok();
    id
}

#[test]
fn a_run_is_answered_with_its_experiment_versions_and_datasets() {
    let tracker = Tracker::fresh();
    let id = full_run(&tracker);
    let run = run_of(&tracker, &id);
    let plain = tracker.read(&id);
    assert_eq!(run["__typename"], "MlflowRunExtension");
    assert_eq!(
        run["info"],
        json!({
            "__typename": "MlflowRunInfo",
            "runName": plain["info"]["run_name"],
            "status": "FINISHED",
            "runUuid": id,
            "runId": id,
            "experimentId": "0",
            "artifactUri": plain["info"]["artifact_uri"],
            "endTime": "9",
            "lifecycleStage": "active",
            "startTime": "5",
            "userId": plain["info"]["user_id"],
        })
    );
    assert_eq!(run["experiment"]["name"], "Default");
    // A number beyond 2^53 stays exact, and one that JSON has not is null.
    let metric = |key: &str, value: Value, step: &str, time: &str| json!({"__typename": "MlflowMetricExtension", "key": key, "value": value, "step": step, "timestamp": time});
    let metrics = [
        metric("loss", json!(0.5), "9007199254740993", "7"),
        metric("none", Value::Null, "1", "8"),
    ];
    assert_eq!(run["data"]["metrics"], json!(metrics));
    let param = json!([{"__typename": "MlflowParam", "key": "rate", "value": "0.1"}]);
    assert_eq!(run["data"]["params"], param);
    let tag = json!({"__typename": "MlflowRunTag", "key": "team", "value": "red"});
    assert!(run["data"]["tags"].as_array().unwrap().contains(&tag), "{run}");
    let version = &run["modelVersions"][0];
    assert_eq!(
        (&version["name"], &version["version"], &version["status"]),
        (&json!("cats"), &json!("1"), &json!("READY"))
    );
    let used = &run["inputs"]["datasetInputs"][0];
    assert_eq!(used["dataset"]["sourceType"], "local");
    assert_eq!(
        (&used["dataset"]["schema"], &used["dataset"]["profile"]),
        (&json!("[]"), &Value::Null)
    );
    assert_eq!(used["tags"][0]["value"], "training");
    assert_eq!(run["inputs"]["modelInputs"], json!([]));
    assert_eq!(run["outputs"]["modelOutputs"], json!([]));
    tracker.pack();
    assert_eq!(run_of(&tracker, &id), run);
}

#[test]
fn a_running_and_a_deleted_run_are_told_apart() {
    let tracker = Tracker::fresh();
    let id = tracker.run("0", 1);
    let run = run_of(&tracker, &id);
    assert_eq!(
        (&run["info"]["endTime"], &run["info"]["status"]),
        (&Value::Null, &json!("RUNNING"))
    );
    assert_eq!(run["modelVersions"], json!([]));
    tracker.post("runs/delete", json!({"run_id": id})).ok();
    assert_eq!(run_of(&tracker, &id)["info"]["lifecycleStage"], "deleted");
}

#[test]
fn runs_are_searched_as_the_api_does_and_at_most_100() {
    let tracker = Tracker::fresh();
    for start in 0..101 {
        tracker.run("0", start);
    }
    let found = |data: Value| {
        let mut got = result(&tracker, "SearchRuns", &json!({ "data": data }), "mlflowSearchRuns");
        got["runs"].take().as_array().cloned().unwrap()
    };
    let all = found(json!({"experimentIds": ["0"], "filter": ""}));
    assert_eq!((all.len(), &all[0]["info"]["startTime"]), (100, &json!("100")));
    let some = found(json!({"experimentIds": ["0"], "filter": "attributes.start_time < 2", "maxResults": 1}));
    assert_eq!((some.len(), &some[0]["info"]["startTime"]), (1, &json!("1")));
    let too_many = json!({"data": {"experimentIds": ["0"], "maxResults": 101}});
    let refused = result(&tracker, "SearchRuns", &too_many, "mlflowSearchRuns");
    assert_eq!(refused["apiError"]["code"], "INVALID_PARAMETER_VALUE");
}

#[test]
fn histories_of_runs_are_thinned_out_as_the_api_does() {
    let tracker = Tracker::fresh();
    let id = tracker.run("0", 1);
    let point = |step: i64| json!({"key": "m", "value": step, "timestamp": step, "step": step});
    let metrics: Vec<Value> = (0..50).map(point).collect();
    tracker
        .post("runs/log-batch", json!({"run_id": id, "metrics": metrics}))
        .ok();
    let data = json!({"runIds": [id], "metricKey": "m", "startStep": 3, "endStep": 30, "maxResults": 5});
    let (operation, field) = ("GetMetricHistoryBulkInterval", "mlflowGetMetricHistoryBulkInterval");
    let got = result(&tracker, operation, &json!({ "data": data }), field);
    assert_eq!(got["__typename"], "MlflowGetMetricHistoryBulkIntervalResponse");
    let plain =
        format!("metrics/get-history-bulk-interval?run_ids={id}&metric_key=m&start_step=3&end_step=30&max_results=5");
    let plain = tracker.get(&plain).ok();
    let expected: Vec<Value> = plain["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| {
            json!({
                "__typename": "MlflowMetricWithRunId",
                "timestamp": point["timestamp"].to_string(),
                "step": point["step"].to_string(),
                "runId": id,
                "key": "m",
                "value": point["value"].as_f64(),
            })
        })
        .collect();
    assert_eq!(got["metrics"], json!(expected));
}

#[test]
fn an_unknown_operation_is_an_error_of_graphql() {
    let tracker = Tracker::fresh();
    for body in [
        json!({"operationName": "DropEverything"}),
        json!({}),
        json!({"operationName": null}),
    ] {
        let answer = tracker.send("POST", "/graphql", body.to_string()).ok();
        assert_eq!(answer["data"], Value::Null);
        assert!(
            answer["errors"][0]["message"].as_str().unwrap().contains("GetRun"),
            "{answer}"
        );
    }
    assert_eq!(tracker.send("POST", "/graphql", "[").status, 400);
    assert_eq!(tracker.send("GET", "/graphql", "").status, 405);
    assert_eq!(tracker.send("POST", "/graphql/", "{}").status, 404);
}

#[test]
fn readers_may_ask_graphql() {
    let tracker = Tracker::fresh().as_reader();
    let variables = json!({"input": {"experimentId": "0"}});
    let got = result(&tracker, "MlflowGetExperimentQuery", &variables, "mlflowGetExperiment");
    assert_eq!(got["experiment"]["name"], "Default");
}

#[test]
fn the_pages_are_told_that_there_is_no_gateway_and_to_report_nothing() {
    let tracker = Tracker::fresh();
    let endpoints = tracker.get("gateway-proxy?gateway_path=api%2F2.0%2Fendpoints%2F").ok();
    assert_eq!(endpoints, json!({"endpoints": []}));
    let telemetry = tracker.send("GET", "/api/3.0/mlflow/ui-telemetry", "").ok();
    assert_eq!(telemetry["disable_ui_telemetry"], true);
    assert_eq!(telemetry["ui_rollout_percentage"], 0);
}
