//! Measures of traces, spans and assessments, and the correlation of two filters.

use super::*;

fn measure(tracker: &Tracker, mut body: Value) -> Reply {
    if body.get("experiment_ids").is_none() {
        body["experiment_ids"] = json!(["0"]);
    }
    tracker.send("POST", "/api/3.0/mlflow/traces/metrics", body.to_string())
}

fn count(kind: &str) -> Value {
    json!([{ "aggregation_type": kind }])
}

/// Four traces: two of a name, one that failed, one in a session, with tokens and spans.
fn measured() -> Tracker {
    let tracker = Tracker::fresh();
    let traces = [
        ('1', "chat", "OK", "0.1s", "2026-11-28T10:00:00Z"),
        ('2', "chat", "OK", "0.3s", "2026-11-28T10:30:00Z"),
        ('3', "find", "ERROR", "1s", "2026-11-28T11:15:00Z"),
        ('4', "find", "OK", "2s", "2026-11-28T11:45:00Z"),
    ];
    for (digit, name, state, duration, time) in traces {
        let usage = format!(r#"{{"input_tokens": {digit}0, "output_tokens": 1, "total_tokens": {digit}1}}"#);
        let info = json!({
            "trace_id": trace_id(digit), "state": state, "execution_duration": duration, "request_time": time,
            "tags": {"mlflow.traceName": name, "team": if digit == '4' { "b" } else { "a" }},
            "trace_metadata": {"mlflow.trace.tokenUsage": usage, "mlflow.trace.session": if digit < '3' { "s" } else { "t" }},
            "assessments": [
                {"assessment_id": "a-1", "assessment_name": "good", "trace_id": trace_id(digit), "feedback": {"value": digit != '3'}, "source": {}},
                {"assessment_id": "a-2", "assessment_name": "right", "trace_id": trace_id(digit), "expectation": {"value": 3}, "source": {}},
            ],
        });
        start(&tracker, info).ok();
    }
    let mut model = span('1', 2, Some(1), "model", (0, 40));
    model["attributes"] = json!([
        {"key": "mlflow.spanType", "value": {"stringValue": "LLM"}},
        {"key": "mlflow.llm.model", "value": {"stringValue": "small"}},
        {"key": "mlflow.llm.cost", "value": {"stringValue": "{\"input_cost\": 0.25, \"output_cost\": 1, \"total_cost\": 1.25}"}},
    ]);
    assert_eq!(
        export(&tracker, "0", &body_of(&[span('1', 1, None, "root", (0, 100)), model])).status,
        200
    );
    tracker
}

#[test]
fn traces_are_measured_by_name_state_and_time() {
    let tracker = measured();
    let asked = json!({"view_type": "TRACES", "metric_name": "trace_count", "aggregations": count("COUNT"), "dimensions": ["trace_name", "trace_status"]});
    let points = measure(&tracker, asked).ok()["data_points"].take();
    let point = |name: &str, status: &str, count: f64| json!({"metric_name": "trace_count", "dimensions": {"trace_name": name, "trace_status": status}, "values": {"COUNT": count}});
    assert_eq!(
        points,
        json!([
            point("chat", "OK", 2.0),
            point("find", "ERROR", 1.0),
            point("find", "OK", 1.0)
        ])
    );
    let latency = json!([
        {"aggregation_type": "AVG"}, {"aggregation_type": "MIN"}, {"aggregation_type": "MAX"},
        {"aggregation_type": "PERCENTILE", "percentile_value": 50},
    ]);
    // 2026-11-28T00:00:00Z, and the end of that day.
    let (from, until) = (1_795_824_000_000_i64, 1_795_910_399_999_i64);
    let asked = json!({
        "view_type": 1, "metric_name": "latency", "aggregations": latency, "time_interval_seconds": 3600, "start_time_ms": from, "end_time_ms": until,
    });
    let points = measure(&tracker, asked).ok()["data_points"].take();
    assert_eq!(points[0]["dimensions"]["time_bucket"], "2026-11-28T10:00:00+00:00");
    assert_eq!(
        points[0]["values"],
        json!({"AVG": 200.0, "MIN": 100.0, "MAX": 300.0, "P50.0": 200.0})
    );
    assert_eq!(points[1]["values"]["AVG"], 1_500.0);
    // The end is included, and what began later is not.
    let asked = json!({"view_type": "TRACES", "metric_name": "input_tokens", "aggregations": count("SUM"), "start_time_ms": from, "end_time_ms": 1_795_861_800_000_i64});
    assert_eq!(measure(&tracker, asked).ok()["data_points"][0]["values"]["SUM"], 30.0);
    let asked = json!({"view_type": "TRACES", "metric_name": "session_count", "aggregations": count("COUNT")});
    assert_eq!(measure(&tracker, asked).ok()["data_points"][0]["values"]["COUNT"], 2.0);
}

#[test]
fn measures_are_filtered() {
    let tracker = measured();
    let with = |filters: Value| {
        let asked = json!({"view_type": "TRACES", "metric_name": "trace_count", "aggregations": count("COUNT"), "filters": filters});
        measure(&tracker, asked).ok()["data_points"][0]["values"]["COUNT"].clone()
    };
    assert_eq!(with(json!(["trace.status = 'OK'"])), 3.0);
    assert_eq!(with(json!(["trace.tag.team = 'a'", "trace.status = 'OK'"])), 2.0);
    assert_eq!(with(json!(["trace.metadata.`mlflow.trace.session` = 's'"])), 2.0);
    assert_eq!(with(json!(["trace.tag.team = 'none'"])), Value::Null);
}

#[test]
fn spans_and_assessments_are_measured() {
    let tracker = measured();
    let asked = json!({"view_type": "SPANS", "metric_name": "span_count", "aggregations": count("COUNT"), "dimensions": ["span_name", "span_type"]});
    let points = measure(&tracker, asked).ok()["data_points"].take();
    assert_eq!(
        points[0]["dimensions"],
        json!({"span_name": "model", "span_type": "LLM"})
    );
    assert_eq!(points.as_array().unwrap().len(), 2);
    let asked = json!({"view_type": "SPANS", "metric_name": "total_cost", "aggregations": count("SUM"), "dimensions": ["span_model_name"]});
    let points = measure(&tracker, asked).ok()["data_points"].take();
    assert_eq!(
        (&points[0]["dimensions"]["span_model_name"], &points[0]["values"]["SUM"]),
        (&json!("small"), &json!(1.25))
    );
    let asked = json!({"view_type": "SPANS", "metric_name": "latency", "aggregations": count("MAX"), "filters": ["span.name = 'model'"]});
    assert_eq!(measure(&tracker, asked).ok()["data_points"][0]["values"]["MAX"], 40.0);
    let asked = json!({"view_type": "ASSESSMENTS", "metric_name": "assessment_value", "aggregations": count("AVG"), "dimensions": ["assessment_name"]});
    let points = measure(&tracker, asked).ok()["data_points"].take();
    assert_eq!(points[0]["values"]["AVG"], 0.75);
    let filters = json!(["assessment.type = 'expectation'", "assessment.name = 'right'"]);
    let asked = json!({"view_type": "ASSESSMENTS", "metric_name": "assessment_count", "aggregations": count("COUNT"), "filters": filters});
    assert_eq!(measure(&tracker, asked).ok()["data_points"][0]["values"]["COUNT"], 4.0);
}

#[test]
fn a_measure_that_is_none_is_refused() {
    let tracker = measured();
    let good = json!({"view_type": "TRACES", "metric_name": "latency", "aggregations": count("AVG")});
    let wrong = [
        ("view_type", json!("RUNS")),
        ("metric_name", json!("span_count")),
        ("aggregations", count("SUM")),
        ("aggregations", json!([])),
        ("aggregations", json!([{"aggregation_type": "PERCENTILE"}])),
        (
            "aggregations",
            json!([{"aggregation_type": "PERCENTILE", "percentile_value": 101}]),
        ),
        ("dimensions", json!(["trace_status"])),
        ("filters", json!(["trace.status != 'OK'"])),
        ("filters", json!(["trace.duration = '1'"])),
        ("filters", json!(["span.name = 'x'"])),
        ("filters", json!(["trace.status = 'OK' AND trace.tag.a = 'b'"])),
        ("time_interval_seconds", json!(60)),
        ("experiment_ids", json!([])),
        ("max_results", json!(0)),
    ];
    for (field, value) in wrong {
        let mut asked = good.clone();
        asked[field] = value;
        let shown = asked.to_string();
        let reply = measure(&tracker, asked);
        assert_eq!(reply.status, 400, "{shown}: {}", reply.body);
        reply.fails(400, "INVALID_PARAMETER_VALUE");
    }
    measure(&tracker, good).ok();
}

#[test]
fn two_filters_are_correlated() {
    let tracker = measured();
    let ask = |body: Value| {
        tracker.send(
            "POST",
            "/api/3.0/mlflow/traces/calculate-filter-correlation",
            body.to_string(),
        )
    };
    let body =
        json!({"experiment_ids": ["0"], "filter_string1": "name = 'find'", "filter_string2": "execution_time >= 1000"});
    let answer = ask(body).ok();
    let counts =
        ["filter1_count", "filter2_count", "joint_count", "total_count"].map(|name| answer[name].as_u64().unwrap());
    assert_eq!(counts, [2, 2, 2, 4]);
    assert!((answer["npmi"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    assert!(answer["npmi_smoothed"].as_f64().unwrap() < 1.0);
    let body = json!({
        "experiment_ids": ["0"], "filter_string1": "name = 'find'", "filter_string2": "status = 'ERROR'", "base_filter": "tags.team = 'a'",
    });
    let answer = ask(body).ok();
    assert_eq!((&answer["total_count"], &answer["joint_count"]), (&json!(3), &json!(1)));
    let body = json!({"experiment_ids": ["0"], "filter_string1": "name = 'none'", "filter_string2": "name = 'find'"});
    let answer = ask(body).ok();
    assert_eq!((answer.get("npmi"), &answer["filter2_count"]), (None, &json!(2)));
    ask(json!({"experiment_ids": ["0"], "filter_string1": "x"})).fails(400, "INVALID_PARAMETER_VALUE");
}
