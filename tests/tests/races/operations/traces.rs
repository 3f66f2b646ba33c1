//! Changes of traces.

use mlforge_tests::interleaving::Operation;
use serde_json::json;

use super::super::fixture::{Fixture, TRACE, trace_info};
use super::{post, requests};

/// Changes of the trace of the fixture, and the start of another one.
pub(super) fn all(fixture: &Fixture) -> Vec<Operation> {
    let newer = |path: &str| format!("/api/3.0/mlflow/{path}");
    let time = "2026-11-28T16:17:21Z";
    let feedback = json!({
        "assessment_id": "a-1", "assessment_name": "q", "trace_id": TRACE, "feedback": {"value": true}, "source": {"source_type": "HUMAN"},
        "create_time": time, "last_update_time": time,
    });
    vec![
        post(
            "start trace",
            &newer("traces"),
            trace_info(&fixture.experiment, "tr-new", "w"),
        ),
        post(
            "end trace",
            &newer("traces"),
            trace_info(&fixture.experiment, TRACE, "w"),
        ),
        requests(
            "tag trace",
            vec![(
                "PATCH",
                format!("traces/{TRACE}/tags"),
                json!({"key": "t", "value": "x"}),
            )],
        ),
        post(
            "judge trace",
            &newer(&format!("traces/{TRACE}/assessments")),
            json!({ "assessment": feedback }),
        ),
        post(
            "delete trace",
            "traces/delete-traces",
            json!({"experiment_id": fixture.experiment, "request_ids": [TRACE]}),
        ),
    ]
}
