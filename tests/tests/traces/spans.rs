//! Spans of OpenTelemetry.

use super::*;

#[test]
fn the_version_lets_clients_send_spans() {
    let version = Tracker::fresh().file("GET", "/version", &[], "").ok();
    assert_eq!(version, "3.18.0+mlforge");
}

#[test]
fn spans_make_a_trace_that_is_named_after_its_root() {
    let tracker = Tracker::fresh();
    let child = span('a', 2, Some(1), "child", (5, 8));
    assert_eq!(export(&tracker, "0", &body_of(&[child])).ok(), "{}");
    assert_eq!(info(&tracker, &trace_id('a'))["state"], "IN_PROGRESS");
    let attributes = [
        ("session.id", "S1"),
        ("mlflow.spanInputs", "\"in\""),
        ("mlflow.chat.tokenUsage", r#"{"input_tokens": 3, "output_tokens": 4}"#),
        ("mlflow.traceTag.team", "x"),
    ];
    let root = with_attributes(span('a', 1, None, "root", (4, 20)), &attributes);
    assert_eq!(export(&tracker, "0", &body_of(&[root.clone(), root])).ok(), "{}");
    let read = whole(&tracker, &trace_id('a'));
    let info = &read["trace_info"];
    assert_eq!(
        (&info["state"], &info["request_time"]),
        (&json!("OK"), &json!("1970-01-01T00:00:00.004Z"))
    );
    assert_eq!(
        (&info["execution_duration"], &info["request_preview"]),
        (&json!("0.016s"), &json!("\"in\""))
    );
    let tags = &info["tags"];
    assert_eq!(
        (&tags["mlflow.traceName"], &tags["team"]),
        (&json!("root"), &json!("x"))
    );
    assert_eq!(tags["mlflow.trace.spansLocation"], "TRACKING_STORE");
    assert_eq!(info["trace_metadata"]["mlflow.trace.session"], "S1");
    let usage = r#"{"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}"#;
    assert_eq!(info["trace_metadata"]["mlflow.trace.tokenUsage"], usage);
    let names: Vec<&Value> = read["spans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|span| &span["name"])
        .collect();
    assert_eq!(names, ["root", "child"]);
    let root = &read["spans"][0];
    assert_eq!(
        (&root["start_time_unix_nano"], &root["status"]),
        (&json!(4_000_000), &json!({"code": "STATUS_CODE_OK"}))
    );
    assert_eq!(
        (&root["span_id"], root.get("parent_span_id")),
        (&json!("AAAAAAAAAAE="), None)
    );
}

#[test]
fn a_broken_span_refuses_itself_and_the_others_are_stored() {
    let tracker = Tracker::fresh();
    let mut broken = span('a', 2, Some(1), "broken", (1, 2));
    broken["spanId"] = json!("");
    let answer = export(&tracker, "0", &body_of(&[span('a', 1, None, "root", (1, 2)), broken])).ok();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "1");
    assert!(
        answer["partialSuccess"]["errorMessage"]
            .as_str()
            .unwrap()
            .contains("'broken'")
    );
    assert_eq!(whole(&tracker, &trace_id('a'))["spans"].as_array().unwrap().len(), 1);
    // So do the spans of a trace that another experiment has.
    let other = tracker.experiment("other");
    let both = body_of(&[
        span('a', 3, None, "elsewhere", (1, 2)),
        span('b', 1, None, "here", (1, 2)),
    ]);
    let answer: Value = serde_json::from_str(&export(&tracker, &other, &both).ok()).unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "1");
    assert_eq!(
        info(&tracker, &trace_id('b'))["trace_location"]["mlflow_experiment"]["experiment_id"],
        json!(other)
    );
}

#[test]
fn requests_that_hold_no_spans_are_refused() {
    let tracker = Tracker::fresh();
    let send = |experiment: &str, kind: &str, body: &str| {
        let headers = [("content-type", kind), ("x-mlflow-experiment-id", experiment)];
        tracker.file("POST", "/v1/traces", &headers, body.to_owned()).status
    };
    let one = body_of(&[span('a', 1, None, "root", (1, 2))]).to_string();
    assert_eq!(send("", "application/json", &one), 400);
    assert_eq!(send("abc", "application/json", &one), 400);
    assert_eq!(send("99", "application/json", &one), 404);
    assert_eq!(send("0", "text/plain", &one), 400);
    for body in ["", "{}", "[]", "{"] {
        assert_eq!(send("0", "application/json", body), 400, "{body}");
    }
    assert_eq!(send("0", "application/x-protobuf", "\u{1}\u{2}"), 400);
    assert_eq!(send("0", "application/json; charset=utf-8", &one), 200);
    assert_eq!(tracker.file("GET", "/v1/traces", &[], "").status, 405);
}

#[test]
fn large_inputs_come_back_whole() {
    let tracker = Tracker::fresh();
    let text = "x".repeat(1_000_000);
    let root = with_attributes(span('a', 1, None, "root", (1, 2)), &[("mlflow.spanInputs", &text)]);
    export(&tracker, "0", &body_of(&[root])).ok();
    let read = whole(&tracker, &trace_id('a'));
    let attributes = read["spans"][0]["attributes"].as_array().unwrap();
    let inputs = attributes
        .iter()
        .find(|pair| pair["key"] == "mlflow.spanInputs")
        .unwrap();
    assert_eq!(inputs["value"]["string_value"], json!(text));
    let preview = read["trace_info"]["request_preview"].as_str().unwrap();
    assert_eq!(preview.chars().count(), 1_000);
}

#[test]
fn a_thousand_spans_of_a_trace_are_one_request() {
    let tracker = Tracker::fresh();
    let many: Vec<Value> = (1..=200)
        .map(|id| span('a', id, (id > 1).then_some(1), "s", (1, 2)))
        .collect();
    let many: Vec<Value> = many.iter().cycle().take(1_000).cloned().collect();
    assert_eq!(export(&tracker, "0", &body_of(&many)).ok(), "{}");
    assert_eq!(whole(&tracker, &trace_id('a'))["spans"].as_array().unwrap().len(), 200);
}

#[test]
fn the_run_in_a_header_is_linked_to_the_trace_of_a_root() {
    let tracker = Tracker::fresh();
    let headers = [
        ("content-type", "application/json"),
        ("x-mlflow-experiment-id", "0"),
        ("x-mlflow-run-id", "r1"),
    ];
    let body = body_of(&[
        span('a', 1, None, "root", (1, 2)),
        span('b', 2, Some(1), "child", (1, 2)),
    ]);
    tracker.file("POST", "/v1/traces", &headers, body.to_string()).ok();
    assert_eq!(
        ids(&found(&tracker, json!({"filter": "run_id = 'r1'"})).ok()),
        [trace_id('a')]
    );
}
