//! Traces of the default experiment in which every text is hostile.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::{Address, HOSTILE};
use crate::pages::traces::{export, span, start, trace_id};

/// Two traces with spans, tags, metadata and assessments.
pub(super) fn seed(tracker: &Tracker) -> Vec<Address> {
    let chat = json!({"messages": [{"role": HOSTILE, "content": HOSTILE, "tool_calls": [{"name": HOSTILE, "args": HOSTILE}]}]});
    let attributes = [
        ("mlflow.spanInputs", chat.to_string()),
        (
            "mlflow.spanOutputs",
            json!({"content": HOSTILE, "role": "assistant"}).to_string(),
        ),
        ("mlflow.spanType", HOSTILE.to_owned()),
        (HOSTILE, HOSTILE.to_owned()),
    ];
    let attributes: Vec<(&str, &str)> = attributes.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let session = "s</title><script>alert(1)</script>";
    for number in [1, 2] {
        let mut child = span(number, 2, Some(1), HOSTILE, (5, 8), &[("plain", HOSTILE)]);
        child["status"] = json!({"code": 2, "message": HOSTILE});
        child["events"] = json!([{"timeUnixNano": "6", "name": HOSTILE, "attributes": [{"key": HOSTILE, "value": {"stringValue": HOSTILE}}]}]);
        child["links"] = json!([{"traceId": "0".repeat(32), "spanId": "1".repeat(16)}]);
        export(tracker, &[span(number, 1, None, HOSTILE, (0, 9), &attributes), child]);
        let assessment = |id: &str, content: &str, value: serde_json::Value| {
            let mut assessment = json!({
                "assessment_id": id, "assessment_name": HOSTILE, "trace_id": trace_id(number), "span_id": HOSTILE, "rationale": HOSTILE,
                "source": {"source_type": "HUMAN", "source_id": HOSTILE}, "metadata": {"m": HOSTILE},
            });
            assessment[content] = value;
            assessment
        };
        let info = json!({
            "request_preview": HOSTILE, "response_preview": HOSTILE, "client_request_id": HOSTILE, "tags": {"markup": HOSTILE},
            "trace_metadata": {
                "mlflow.trace.session": session, "mlflow.trace.user": HOSTILE, "mlflow.sourceRun": HOSTILE, "mlflow.modelId": HOSTILE,
                "mlflow.source.git.commit": HOSTILE, "mlflow.source.git.branch": HOSTILE, "markup": HOSTILE,
                "mlflow.trace.tokenUsage": "{\"input_tokens\": -5}", "mlflow.trace.cost": "{\"total_cost\": 1e308}",
            },
            "assessments": [
                assessment("a-1", "feedback", json!({"value": HOSTILE})), assessment("a-2", "expectation", json!({"value": {HOSTILE: 1}})),
            ],
        });
        start(tracker, number, info);
        let prompts = json!({"trace_id": trace_id(number), "prompt_versions": [{"name": HOSTILE, "version": HOSTILE}]});
        tracker.post("traces/link-prompts", prompts).ok();
    }
    let (one, two, session) = (trace_id(1), trace_id(2), mlforge_ui::link::encoded(session));
    let child = "span=0000000000000002";
    let page_of_trace = "/-/ml/traces/{trace_id}";
    vec![
        (page_of_trace, format!("traces/{one}")),
        (page_of_trace, format!("traces/{one}?{child}")),
        (page_of_trace, format!("traces/{one}?{child}&part=events")),
        (page_of_trace, format!("traces/{one}?part=inputs")),
        (
            "/-/ml/experiments/{experiment_id}/traces",
            "experiments/0/traces?sort=name".to_owned(),
        ),
        (
            "/-/ml/experiments/{experiment_id}/traces/charts",
            "experiments/0/traces/charts".to_owned(),
        ),
        (
            "/-/ml/experiments/{experiment_id}/traces/compare",
            format!("experiments/0/traces/compare?trace={one}&trace={two}"),
        ),
        (
            "/-/ml/experiments/{experiment_id}/traces/delete",
            format!("experiments/0/traces/delete?trace={one}"),
        ),
        (
            "/-/ml/experiments/{experiment_id}/sessions",
            "experiments/0/sessions".to_owned(),
        ),
        (
            "/-/ml/experiments/{experiment_id}/session",
            format!("experiments/0/session?id={session}"),
        ),
    ]
}
