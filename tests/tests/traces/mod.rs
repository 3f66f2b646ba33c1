//! Traces: the endpoints of MLflow 2 and 3, and OpenTelemetry.

mod assessments;
mod metrics;
mod old;
mod packing;
mod search;
mod spans;

use mlforge_tests::tracker::{File, Reply, Tracker};
use serde_json::{Value, json};

const TRACES: &str = "/api/3.0/mlflow/traces";

/// The id of a trace, made of one repeated digit.
fn trace_id(digit: char) -> String {
    format!("tr-{}", digit.to_string().repeat(32))
}

/// Stores a trace as clients of MLflow 3 do at its end.
fn start(tracker: &Tracker, mut info: Value) -> Reply {
    if info.get("trace_location").is_none() {
        info["trace_location"] = json!({"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}});
    }
    let body = json!({"trace": {"trace_info": info}});
    tracker.send("POST", "/api/3.0/mlflow/traces", body.to_string())
}

fn get(tracker: &Tracker, trace_id: &str) -> Reply {
    tracker.send("GET", &format!("/api/3.0/mlflow/traces/{trace_id}"), "")
}

fn info(tracker: &Tracker, trace_id: &str) -> Value {
    get(tracker, trace_id).ok()["trace"]["trace_info"].take()
}

/// The trace with its spans.
fn whole(tracker: &Tracker, trace_id: &str) -> Value {
    let path = "/api/3.0/mlflow/traces/get";
    let path = format!("{path}?trace_id={trace_id}&allow_partial=False");
    tracker.send("GET", &path, "").ok()["trace"].take()
}

fn found(tracker: &Tracker, mut body: Value) -> Reply {
    if body.get("locations").is_none() {
        body["locations"] = json!([{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}]);
    }
    tracker.send("POST", "/api/3.0/mlflow/traces/search", body.to_string())
}

/// The ids that a search finds.
fn ids(page: &Value) -> Vec<String> {
    let traces = page["traces"].as_array().map(Vec::as_slice).unwrap_or_default();
    traces
        .iter()
        .map(|trace| trace["trace_id"].as_str().unwrap().to_owned())
        .collect()
}

/// Sends a body of OpenTelemetry in JSON.
fn export(tracker: &Tracker, experiment: &str, body: &Value) -> File {
    let headers = [
        ("content-type", "application/json"),
        ("x-mlflow-experiment-id", experiment),
    ];
    tracker.file("POST", "/v1/traces", &headers, body.to_string())
}

/// Spans in a body of OpenTelemetry.
fn body_of(spans: &[Value]) -> Value {
    json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
}

/// A span of the trace of a digit, from one millisecond to another.
fn span(trace: char, id: u8, parent: Option<u8>, name: &str, ms: (u64, u64)) -> Value {
    let hex = |id: u8| format!("{id:016x}");
    json!({
        "traceId": trace.to_string().repeat(32), "spanId": hex(id), "parentSpanId": parent.map(hex), "name": name, "kind": 1,
        "startTimeUnixNano": (ms.0 * 1_000_000).to_string(), "endTimeUnixNano": (ms.1 * 1_000_000).to_string(), "status": {"code": 1},
    })
}

fn with_attributes(mut span: Value, attributes: &[(&str, &str)]) -> Value {
    let attribute = |(key, value): &(&str, &str)| json!({"key": key, "value": {"stringValue": value}});
    span["attributes"] = attributes.iter().map(attribute).collect();
    span
}

#[test]
fn a_trace_is_stored_read_and_stored_again() {
    let tracker = Tracker::fresh();
    let trace_id = trace_id('a');
    let sent = json!({
        "trace_id": trace_id, "client_request_id": "cr", "request_time": "2026-11-28T16:17:21.3819Z", "execution_duration": "0.146s",
        "state": "OK", "request_preview": "in", "trace_metadata": {"m": "1"},
        "tags": {"t": "x", "mlflow.artifactLocation": "s3://elsewhere"},
    });
    let stored = start(&tracker, sent.clone()).ok()["trace"]["trace_info"].take();
    assert_eq!(info(&tracker, &trace_id), stored);
    assert_eq!(stored["request_time"], "2026-11-28T16:17:21.381Z");
    assert_eq!(
        stored["trace_metadata"],
        json!({"m": "1", "mlflow.trace.infoFinalized": "true"})
    );
    let location = format!("mlflow-artifacts:/0/traces/{trace_id}/artifacts");
    assert_eq!(stored["tags"], json!({"t": "x", "mlflow.artifactLocation": location}));
    assert_eq!(
        (stored.get("response_preview"), stored.get("assessments")),
        (None, None)
    );
    assert_eq!(start(&tracker, sent.clone()).ok()["trace"]["trace_info"], stored);
    let mut again = sent;
    (again["tags"], again["state"]) = (json!({"u": "y"}), json!("ERROR"));
    let merged = start(&tracker, again).ok()["trace"]["trace_info"].take();
    assert_eq!(
        (&merged["tags"]["t"], &merged["tags"]["u"], &merged["state"]),
        (&json!("x"), &json!("y"), &json!("ERROR"))
    );
}

#[test]
fn what_cannot_be_a_trace_is_refused_and_not_stored() {
    let tracker = Tracker::fresh();
    let other = tracker.experiment("other");
    for trace_id in ["", "a/b", "..", "a?"] {
        start(&tracker, json!({"trace_id": trace_id})).fails(400, "INVALID_PARAMETER_VALUE");
    }
    for (field, value) in [("request_time", "noon"), ("execution_duration", "1"), ("state", "DONE")] {
        start(&tracker, json!({"trace_id": "t", field: value})).fails(400, "INVALID_PARAMETER_VALUE");
    }
    let long = json!({"mlflow.trace.session": "s".repeat(251)});
    start(&tracker, json!({"trace_id": "t", "trace_metadata": long})).fails(400, "INVALID_PARAMETER_VALUE");
    start(&tracker, json!({"trace_id": "t", "trace_location": {}})).fails(400, "INVALID_PARAMETER_VALUE");
    let location = |id: &str| json!({"mlflow_experiment": {"experiment_id": id}});
    start(&tracker, json!({"trace_id": "t", "trace_location": location("999")})).fails(404, "RESOURCE_DOES_NOT_EXIST");
    tracker.send("POST", TRACES, "{}").fails(400, "INVALID_PARAMETER_VALUE");
    get(&tracker, "t").fails(404, "RESOURCE_DOES_NOT_EXIST");
    start(&tracker, json!({"trace_id": "t"})).ok();
    let message = start(&tracker, json!({"trace_id": "t", "trace_location": location(&other)}));
    assert!(
        message
            .fails(400, "INVALID_PARAMETER_VALUE")
            .contains("another experiment")
    );
}

#[test]
fn tags_are_set_and_deleted_by_both_versions() {
    let tracker = Tracker::fresh();
    let trace_id = trace_id('b');
    start(&tracker, json!({"trace_id": trace_id})).ok();
    let request_id = &trace_id;
    let old = format!("traces/{request_id}/tags");
    assert_eq!(old, format!("traces/{trace_id}/tags"));
    let newer = format!("/api/3.0/mlflow/traces/{trace_id}/tags");
    assert_eq!(
        tracker
            .patch(&old, json!({"key": "mlflow.traceName", "value": "n"}))
            .ok(),
        json!({})
    );
    tracker
        .send("PATCH", &newer, json!({"key": "k", "value": "v"}).to_string())
        .ok();
    assert_eq!(
        ids(&found(&tracker, json!({"filter": "name = 'n' AND tags.k = 'v'"})).ok()),
        std::slice::from_ref(&trace_id)
    );
    tracker.delete(&old, json!({"key": "k"})).ok();
    tracker
        .send("DELETE", &format!("{newer}?key=mlflow.traceName"), "")
        .ok();
    assert_eq!(
        ids(&found(&tracker, json!({"filter": "name IS NULL"})).ok()),
        std::slice::from_ref(&trace_id)
    );
    tracker
        .delete(&old, json!({"key": "k"}))
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    let immutable = json!({"key": "mlflow.artifactLocation", "value": "x"});
    tracker.patch(&old, immutable).fails(400, "INVALID_PARAMETER_VALUE");
    tracker
        .patch("traces/none/tags", json!({"key": "k", "value": "v"}))
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
}

#[test]
fn several_traces_are_read_in_the_order_of_the_request_and_each_once() {
    let tracker = Tracker::fresh();
    let all: Vec<String> = ['1', '2', '3'].map(trace_id).into();
    for trace_id in &all {
        start(&tracker, json!({"trace_id": trace_id})).ok();
    }
    let path = "/api/3.0/mlflow/traces/batchGetInfos";
    let asked = json!({"trace_ids": [all[2], "none", all[0], all[2]], "experiment_ids": ["0", "7"]});
    let read = tracker.send("POST", path, asked.to_string()).ok();
    let infos: Vec<&Value> = read["trace_infos"]
        .as_array()
        .unwrap()
        .iter()
        .map(|info| &info["trace_id"])
        .collect();
    assert_eq!(infos, [&json!(all[2]), &json!(all[0])]);
    assert_eq!(tracker.send("POST", path, r#"{"trace_ids": ["none"]}"#).ok(), json!({}));
    tracker.send("POST", path, "{}").fails(400, "INVALID_PARAMETER_VALUE");
    let path = "/api/3.0/mlflow/traces/batchGet";
    let read = tracker
        .send(
            "GET",
            &format!("{path}?trace_ids={}&trace_ids=x&trace_ids={}", all[1], all[0]),
            "",
        )
        .ok();
    let traces = read["traces"].as_array().unwrap();
    assert_eq!(traces.len(), 2);
    assert_eq!(
        (&traces[0]["trace_info"]["trace_id"], traces[0].get("spans")),
        (&json!(all[1]), None)
    );
}

#[test]
fn traces_are_deleted_by_ids_and_by_time_with_the_oldest_first() {
    let tracker = Tracker::fresh();
    for (digit, second) in [('1', 1), ('2', 2), ('3', 3), ('4', 4)] {
        let time = format!("1970-01-01T00:00:0{second}Z");
        start(&tracker, json!({"trace_id": trace_id(digit), "request_time": time})).ok();
    }
    let body = body_of(&[span('4', 1, None, "root", (1, 2))]);
    assert_eq!(export(&tracker, "0", &body).status, 200);
    let delete = |body: Value| tracker.post("traces/delete-traces", body);
    let by_ids = json!({"experiment_id": "0", "request_ids": [trace_id('4'), "none"]});
    assert_eq!(delete(by_ids).ok(), json!({"traces_deleted": 1}));
    get(&tracker, &trace_id('4')).fails(404, "RESOURCE_DOES_NOT_EXIST");
    let by_time = json!({"experiment_id": "0", "max_timestamp_millis": 2_000, "max_traces": 1});
    assert_eq!(delete(by_time).ok(), json!({"traces_deleted": 1}));
    assert_eq!(ids(&found(&tracker, json!({})).ok()), [trace_id('3'), trace_id('2')]);
    let rest = json!({"experiment_id": "0", "max_timestamp_millis": "9000"});
    let newer = tracker.send("POST", "/api/3.0/mlflow/traces/delete-traces", rest.to_string());
    assert_eq!(newer.ok(), json!({"traces_deleted": 2}));
    for wrong in [
        json!({"experiment_id": "0"}),
        json!({"experiment_id": "0", "request_ids": ["t"], "max_timestamp_millis": 1}),
        json!({"experiment_id": "0", "request_ids": ["t"], "max_traces": 1}),
        json!({"experiment_id": "0", "max_timestamp_millis": 1, "max_traces": 0}),
        json!({"max_timestamp_millis": 1}),
    ] {
        delete(wrong).fails(400, "INVALID_PARAMETER_VALUE");
    }
    let unknown = json!({"experiment_id": "99", "request_ids": ["t"]});
    assert_eq!(delete(unknown).ok(), json!({"traces_deleted": 0}));
    // A late export makes the trace again, without anything of the deleted one.
    assert_eq!(
        export(&tracker, "0", &body_of(&[span('4', 2, None, "late", (1, 2))])).status,
        200
    );
    assert_eq!(whole(&tracker, &trace_id('4'))["spans"].as_array().unwrap().len(), 1);
}

#[test]
fn runs_and_prompts_are_linked_to_traces() {
    let tracker = Tracker::fresh();
    start(&tracker, json!({"trace_id": "t"})).ok();
    let link = json!({"trace_ids": ["t", "none"], "run_id": "r1"});
    assert_eq!(tracker.post("traces/link-to-run", link.clone()).ok(), json!({}));
    tracker.post("traces/link-to-run", link).ok();
    for filter in ["run_id = 'r1'", "metadata.mlflow.sourceRun = 'r1'"] {
        assert_eq!(ids(&found(&tracker, json!({"filter": filter})).ok()), ["t"], "{filter}");
    }
    assert_eq!(info(&tracker, "t")["trace_metadata"].get("mlflow.sourceRun"), None);
    let many: Vec<String> = (0..101).map(|number| format!("t{number}")).collect();
    tracker
        .post("traces/link-to-run", json!({"trace_ids": many, "run_id": "r1"}))
        .fails(400, "INVALID_PARAMETER_VALUE");
    let prompts = json!({"trace_id": "t", "prompt_versions": [{"name": "p", "version": "1"}]});
    assert_eq!(tracker.post("traces/link-prompts", prompts).ok(), json!({}));
    assert_eq!(ids(&found(&tracker, json!({"filter": "prompt = 'p/1'"})).ok()), ["t"]);
    let without = json!({"trace_id": "t", "prompt_versions": [{"name": "p"}]});
    tracker
        .post("traces/link-prompts", without)
        .fails(400, "INVALID_PARAMETER_VALUE");
    let unknown = json!({"trace_id": "none", "prompt_versions": []});
    tracker
        .post("traces/link-prompts", unknown)
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
}

#[test]
fn old_traces_are_removed_where_a_host_keeps_them_for_a_time() {
    let tracker = Tracker::with(|host| {
        host.trace_retention(std::time::Duration::from_secs(3_600))
            .background_maintenance(false)
    });
    let other = tracker.experiment("other");
    let location = json!({"mlflow_experiment": {"experiment_id": other}});
    // The clock of tests stands at 14 November 2023, 22:13:20.
    for (trace_id, time) in [("old", "2023-11-14T21:00:00Z"), ("new", "2023-11-14T22:00:00Z")] {
        start(
            &tracker,
            json!({"trace_id": trace_id, "request_time": time, "trace_location": location}),
        )
        .ok();
    }
    tracker.pack();
    get(&tracker, "old").fails(404, "RESOURCE_DOES_NOT_EXIST");
    get(&tracker, "new").ok();
}

#[test]
fn an_experiment_that_is_purged_takes_its_traces_along() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("gone");
    let body = body_of(&[span('a', 1, None, "root", (1, 2))]);
    export(&tracker, &experiment, &body).ok();
    tracker
        .post("experiments/delete", json!({"experiment_id": experiment}))
        .ok();
    get(&tracker, &trace_id('a')).ok();
    tracker.purge(0);
    get(&tracker, &trace_id('a')).fails(404, "RESOURCE_DOES_NOT_EXIST");
}

#[test]
fn readers_read_traces_and_write_none() {
    let tracker = Tracker::fresh();
    start(&tracker, json!({"trace_id": "t"})).ok();
    let tracker = tracker.as_reader();
    assert_eq!(ids(&found(&tracker, json!({})).ok()), ["t"]);
    start(&tracker, json!({"trace_id": "u"})).fails(403, "PERMISSION_DENIED");
    assert_eq!(export(&tracker, "0", &body_of(&[])).status, 403);
}
