//! Clients of MLflow 2, and what the two versions see of each other.

use super::*;

fn begin(tracker: &Tracker) -> Value {
    let body = json!({
        "experiment_id": "0", "timestamp_ms": 1_000, "request_metadata": [{"key": "m", "value": "1"}], "tags": [{"key": "t", "value": "x"}],
    });
    tracker.post("traces", body).ok()["trace_info"].take()
}

#[test]
fn a_trace_is_begun_and_ended() {
    let tracker = Tracker::fresh();
    let begun = begin(&tracker);
    let request_id = begun["request_id"].as_str().unwrap();
    assert_eq!(
        (request_id.len(), &begun["status"], &begun["execution_time_ms"]),
        (32, &json!("IN_PROGRESS"), &json!(0))
    );
    let end =
        json!({"request_id": request_id, "timestamp_ms": 1_247, "status": "OK", "tags": [{"key": "u", "value": "y"}]});
    let ended = tracker.patch(&format!("traces/{request_id}"), end).ok()["trace_info"].take();
    assert_eq!(
        (&ended["execution_time_ms"], &ended["status"]),
        (&json!(247), &json!("OK"))
    );
    let read = tracker.get(&format!("traces/{request_id}/info")).ok()["trace_info"].take();
    assert_eq!(read, ended);
    assert_eq!(read["request_metadata"], json!([{"key": "m", "value": "1"}]));
    let newer = info(&tracker, request_id);
    assert_eq!(
        (&newer["execution_duration"], &newer["tags"]["u"]),
        (&json!("0.247s"), &json!("y"))
    );
    let page = tracker
        .get("traces?experiment_ids=0&filter=status = 'OK'&max_results=5&order_by=timestamp_ms DESC")
        .ok();
    assert_eq!(page["traces"], json!([read]));
    tracker
        .patch("traces/none", json!({"timestamp_ms": 1, "status": "OK"}))
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    tracker
        .patch(&format!("traces/{request_id}"), json!({"timestamp_ms": 1}))
        .fails(400, "INVALID_PARAMETER_VALUE");
    tracker.post("traces", json!({})).fails(400, "INVALID_PARAMETER_VALUE");
    tracker.get("traces").fails(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn the_files_of_a_trace_are_uploaded_and_deleted_with_it() {
    let tracker = Tracker::fresh();
    let request_id = begin(&tracker)["request_id"].as_str().unwrap().to_owned();
    let path = format!("/api/2.0/mlflow-artifacts/artifacts/0/traces/{request_id}/artifacts/traces.json");
    let spans = r#"{"spans": []}"#;
    assert_eq!(tracker.file("PUT", &path, &[], spans).status, 200);
    assert_eq!(tracker.file("GET", &path, &[], "").ok(), spans);
    let elsewhere = "/api/2.0/mlflow-artifacts/artifacts/0/traces/none/artifacts/traces.json";
    assert_eq!(tracker.file("PUT", elsewhere, &[], spans).status, 400);
    let delete = json!({"experiment_id": "0", "request_ids": [request_id]});
    tracker.post("traces/delete-traces", delete).ok();
    assert_eq!(tracker.file("GET", &path, &[], "").status, 404);
}

#[test]
fn spans_of_opentelemetry_are_a_file_for_clients_of_mlflow_2() {
    let tracker = Tracker::fresh();
    let root = with_attributes(
        span('a', 1, None, "root", (5, 9)),
        &[("mlflow.spanInputs", r#"{"q": "hé"}"#)],
    );
    export(&tracker, "0", &body_of(&[root, span('a', 2, Some(1), "child", (6, 7))])).ok();
    let path = format!(
        "/api/2.0/mlflow-artifacts/artifacts/0/traces/{}/artifacts/traces.json",
        trace_id('a')
    );
    let file: Value = serde_json::from_str(&tracker.file("GET", &path, &[], "").ok()).unwrap();
    assert_eq!(
        (&file["request"], &file["response"]),
        (&json!(r#"{"q": "hé"}"#), &Value::Null)
    );
    let [root, child] = file["spans"].as_array().unwrap().as_slice() else {
        panic!("two spans");
    };
    assert_eq!(
        (&root["name"], &root["parent_id"], &root["status_code"]),
        (&json!("root"), &Value::Null, &json!("OK"))
    );
    assert_eq!(child["parent_id"], root["context"]["span_id"]);
    assert_eq!(
        (&child["start_time"], &child["context"]["trace_id"]),
        (&json!(6_000_000), &json!("a".repeat(32)))
    );
    assert_eq!(root["attributes"]["mlflow.spanInputs"], r#"{"q": "hé"}"#);
    // Clients of MLflow 3 also upload a file if their spans came late. Those of MLflow 2 refuse its form.
    assert_eq!(tracker.file("PUT", &path, &[], NEW_FILE).status, 200);
    let again: Value = serde_json::from_str(&tracker.file("GET", &path, &[], "").ok()).unwrap();
    assert_eq!(again, file);
    let ajax = format!("/ajax-api/2.0/mlflow/get-trace-artifact?request_id={}", trace_id('a'));
    let newer: Value = serde_json::from_str(&tracker.file("GET", &ajax, &[], "").ok()).unwrap();
    assert_eq!(newer["spans"][0]["status"]["code"], "STATUS_CODE_OK");
}

/// `traces.json` as MLflow 3 writes it.
const NEW_FILE: &str = r#"{"spans": [{
    "trace_id": "AAAAAAAAAAAAAAAAAAAAAQ==", "span_id": "AAAAAAAAAAE=", "parent_span_id": null, "name": "late", "start_time_unix_nano": 5,
    "end_time_unix_nano": 9, "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": {"k": "[1]"}, "links": []}]}"#;

#[test]
fn a_file_of_a_client_of_mlflow_3_is_read_by_one_of_mlflow_2() {
    let tracker = Tracker::fresh();
    start(&tracker, json!({"trace_id": trace_id('b')})).ok();
    let path = format!(
        "/api/2.0/mlflow-artifacts/artifacts/0/traces/{}/artifacts/traces.json",
        trace_id('b')
    );
    assert_eq!(tracker.file("PUT", &path, &[], NEW_FILE).status, 200);
    assert_eq!(tracker.file("HEAD", &path, &[], "").status, 200);
    let file: Value = serde_json::from_str(&tracker.file("GET", &path, &[], "").ok()).unwrap();
    let span = &file["spans"][0];
    assert_eq!(
        (&span["name"], &span["context"]["span_id"], &span["status_code"]),
        (&json!("late"), &json!("0000000000000001"), &json!("OK"))
    );
    assert_eq!(
        (&span["start_time"], &span["attributes"]["k"]),
        (&json!(5), &json!("[1]"))
    );
}
