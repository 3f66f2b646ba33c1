//! The pages of traces: their table, one of them, two beside each other, sessions and charts.

mod conversations;
mod one;

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::{models, page, page_in, submit};

/// An id of OpenTelemetry, which ends with a number.
pub(super) fn otel_id(number: u32) -> String {
    format!("{number:032x}")
}

/// The id of the trace with a number.
pub(super) fn trace_id(number: u32) -> String {
    format!("tr-{}", otel_id(number))
}

/// Stores what a client says of a trace of the default experiment. It began at its number in seconds.
pub(super) fn start(tracker: &Tracker, number: u32, more: Value) {
    let second = number % 60;
    let mut info = json!({
        "trace_id": trace_id(number), "state": "OK", "execution_duration": "1.5s",
        "request_time": format!("2026-11-28T16:{:02}:{second:02}Z", number / 60 % 60),
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}},
    });
    for (key, value) in more.as_object().unwrap() {
        info[key] = value.clone();
    }
    let body = json!({"trace": {"trace_info": info}});
    tracker.send("POST", "/api/3.0/mlflow/traces", body.to_string()).ok();
}

/// A span in OpenTelemetry's JSON. Its times are in milliseconds.
pub(super) fn span(
    trace: u32,
    id: u8,
    parent: Option<u8>,
    name: &str,
    ms: (u64, u64),
    attributes: &[(&str, &str)],
) -> Value {
    let hex = |id: u8| format!("{id:016x}");
    let attribute = |(key, value): &(&str, &str)| json!({"key": key, "value": {"stringValue": value}});
    json!({
        "traceId": otel_id(trace), "spanId": hex(id), "parentSpanId": parent.map(hex), "name": name, "kind": 1,
        "startTimeUnixNano": (ms.0 * 1_000_000).to_string(), "endTimeUnixNano": (ms.1 * 1_000_000).to_string(),
        "status": {"code": 1}, "attributes": attributes.iter().map(attribute).collect::<Value>(),
    })
}

/// Sends spans of the default experiment.
pub(super) fn export(tracker: &Tracker, spans: &[Value]) {
    let headers = [("content-type", "application/json"), ("x-mlflow-experiment-id", "0")];
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]});
    let file = tracker.file("POST", "/v1/traces", &headers, body.to_string());
    assert_eq!(file.status, 200, "{}", file.text());
}

#[test]
fn an_experiment_lists_its_traces_in_pages() {
    let tracker = Tracker::fresh();
    page(&tracker, "experiments/0/traces")
        .ok()
        .shows("No trace is logged")
        .shows("@mlflow.trace");
    for number in 0..60 {
        let name = format!("t{number:02}");
        start(&tracker, number, json!({"tags": {"mlflow.traceName": name}}));
    }
    let first = page(&tracker, "experiments/0/traces").ok();
    let next = models::next(&first).expect("a next page");
    let second = page(&tracker, &next).ok();
    for number in 0..60 {
        let cell = format!("<bdi>t{number:02}</bdi>");
        assert!(first.html.contains(&cell) != second.html.contains(&cell), "{cell}");
    }
    assert!(first.html.find("t59") < first.html.find("t58"), "the newest come first");
    assert_eq!(page(&tracker, "experiments/9/traces").status, 404);
}

#[test]
fn a_row_says_what_became_of_a_trace() {
    let tracker = Tracker::fresh();
    let usage = r#"{"input_tokens": 1200, "output_tokens": 34, "total_tokens": 1234}"#;
    let info = json!({
        "state": "ERROR", "request_preview": "where is Berlin?", "response_preview": "in Germany",
        "trace_metadata": {
            "mlflow.trace.session": "s-1", "mlflow.trace.tokenUsage": usage, "mlflow.trace.cost": r#"{"total_cost": 0.0123}"#,
        },
        "tags": {"mlflow.traceName": "answer"},
        "assessments": [{"assessment_name": "correct", "trace_id": trace_id(1), "feedback": {"value": true}, "source": {"source_type": "HUMAN"}}],
    });
    start(&tracker, 1, info);
    let shown = page(&tracker, "experiments/0/traces").ok();
    for text in [
        "<bdi>answer</bdi>",
        "ERROR",
        "1.5 s",
        "1,234",
        "$0.0123",
        "where is Berlin?",
        "in Germany",
        "correct: yes",
        "session?id=s-1",
    ] {
        assert!(shown.html.contains(text), "{text}");
    }
    page_in(&tracker, "experiments/0/traces", "ko").ok().shows("트레이스");
}

#[test]
fn traces_are_filtered_and_sorted_by_the_address() {
    let tracker = Tracker::fresh();
    for (number, (name, state, seconds)) in [
        (1, ("fast", "OK", "0.1s")),
        (2, ("slow", "ERROR", "9s")),
        (3, ("middle", "OK", "5s")),
    ] {
        start(
            &tracker,
            number,
            json!({"tags": {"mlflow.traceName": name}, "state": state, "execution_duration": seconds}),
        );
    }
    let filter = mlforge_ui::link::encoded("status = 'OK'");
    page(&tracker, &format!("experiments/0/traces?filter={filter}"))
        .ok()
        .shows("<bdi>fast</bdi>")
        .hides("<bdi>slow</bdi>");
    let order = |query: &str| {
        let html = page(&tracker, &format!("experiments/0/traces?{query}")).ok().html;
        let mut names =
            ["fast", "middle", "slow"].map(|name| (html.find(&format!("<bdi>{name}</bdi>")).unwrap(), name));
        names.sort_unstable();
        names.map(|(_, name)| name)
    };
    assert_eq!(order("sort=duration"), ["fast", "middle", "slow"]);
    assert_eq!(order("sort=duration&desc=1"), ["slow", "middle", "fast"]);
    assert_eq!(order(""), ["middle", "slow", "fast"]);
    let wrong = mlforge_ui::link::encoded("status == 'OK'");
    let mistaken = page(&tracker, &format!("experiments/0/traces?filter={wrong}"));
    assert_eq!(mistaken.status, 400);
    mistaken.shows("<mark>==").shows("Use <code>=</code> instead");
    let nothing = mlforge_ui::link::encoded("name = 'none'");
    page(&tracker, &format!("experiments/0/traces?filter={nothing}"))
        .ok()
        .shows("No trace matches.");
}

#[test]
fn chosen_traces_are_deleted_after_a_question() {
    let tracker = Tracker::fresh();
    for number in 1..4 {
        start(
            &tracker,
            number,
            json!({"tags": {"mlflow.traceName": format!("t{number}")}}),
        );
    }
    let (one, two) = (trace_id(1), trace_id(2));
    let asked = page(
        &tracker,
        &format!("experiments/0/traces/delete?trace={one}&trace={two}"),
    )
    .ok();
    asked.shows("Delete the chosen traces?").shows("<bdi>t1</bdi>");
    let none = page(&tracker, "experiments/0/traces/delete");
    assert_eq!(none.status, 400);
    let fields = [("trace", one.as_str()), ("trace", two.as_str()), ("back", "sort=name")];
    let done = submit(&tracker, "experiments/0/traces/delete", &fields);
    assert_eq!(done.leads_to(), "experiments/0/traces?sort=name");
    page(&tracker, "experiments/0/traces")
        .ok()
        .shows("<bdi>t3</bdi>")
        .hides("<bdi>t1</bdi>");
    assert_eq!(page(&tracker, &format!("traces/{one}")).status, 404);
    let reader = tracker.as_reader();
    assert_eq!(
        page(&reader, &format!("experiments/0/traces/delete?trace={two}")).status,
        403
    );
    page(&reader, "experiments/0/traces").ok().hides("traces/delete");
}

#[test]
fn two_traces_are_compared_by_their_spans() {
    let tracker = Tracker::fresh();
    for (trace, more, output) in [(1, 0, "\"yes\""), (2, 40, "\"no\"")] {
        let spans = [
            span(
                trace,
                1,
                None,
                "root",
                (0, 100 + more),
                &[("mlflow.spanInputs", "\"ask\""), ("mlflow.spanOutputs", output)],
            ),
            span(trace, 2, Some(1), "look up", (10, 30 + more), &[]),
        ];
        export(&tracker, &spans);
    }
    export(&tracker, &[span(2, 3, Some(1), "retry", (50, 60), &[])]);
    let address = format!(
        "experiments/0/traces/compare?trace={}&trace={}",
        trace_id(1),
        trace_id(2)
    );
    page(&tracker, &address)
        .ok()
        .shows("<bdi>look up</bdi>")
        .shows("+40 ms")
        .shows("<bdi>retry</bdi>")
        .shows("different")
        .shows("the same");
    let one = page(&tracker, &format!("experiments/0/traces/compare?trace={}", trace_id(1)));
    assert_eq!(one.status, 400);
    one.shows("Tick the boxes beside two traces.");
    assert_eq!(page(&tracker, &address.replace("/0/", "/7/")).status, 404);
}

#[test]
fn charts_draw_what_the_filter_finds() {
    let tracker = Tracker::fresh();
    page(&tracker, "experiments/0/traces/charts")
        .ok()
        .shows("No trace matches.");
    for number in 0..30 {
        let state = if number % 3 == 0 { "ERROR" } else { "OK" };
        start(
            &tracker,
            number,
            json!({"state": state, "execution_duration": format!("{number}s")}),
        );
    }
    page(&tracker, "experiments/0/traces/charts")
        .ok()
        .shows("Traces drawn: 30")
        .shows("Duration in seconds")
        .shows("p99")
        .shows("Errors in per cent")
        .shows("Number of tokens");
    let filter = mlforge_ui::link::encoded("status = 'ERROR'");
    page(&tracker, &format!("experiments/0/traces/charts?filter={filter}"))
        .ok()
        .shows("Traces drawn: 10");
    // These traces are years apart from the clock of the tests.
    page(&tracker, "experiments/0/traces/charts?range=hour").ok();
}
