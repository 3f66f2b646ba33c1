//! Feedback and expectations on traces.

use super::*;

fn create(tracker: &Tracker, trace_id: &str, assessment: Value) -> Reply {
    let path = format!("/api/3.0/mlflow/traces/{trace_id}/assessments");
    tracker.send("POST", &path, json!({"assessment": assessment}).to_string())
}

fn at(trace_id: &str, assessment_id: &str) -> String {
    format!("/api/3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}")
}

fn feedback(name: &str, value: Value) -> Value {
    json!({
        "assessment_name": name, "source": {"source_type": "HUMAN", "source_id": "ada"}, "feedback": {"value": value},
        "create_time": "2026-01-01T00:00:00Z",
    })
}

fn id(answer: &Value) -> String {
    answer["assessment"]["assessment_id"].as_str().unwrap().to_owned()
}

fn count(tracker: &Tracker, filter: &str) -> usize {
    ids(&found(tracker, json!({"filter": filter})).ok()).len()
}

#[test]
fn an_assessment_is_created_read_changed_overridden_and_deleted() {
    let tracker = Tracker::fresh();
    start(&tracker, json!({"trace_id": "t"})).ok();
    let made = create(&tracker, "t", feedback("q", json!(1))).ok();
    let first = id(&made);
    assert!(first.starts_with("a-"));
    let read = tracker.send("GET", &at("t", &first), "").ok();
    assert_eq!(read, made);
    assert_eq!(
        (&read["assessment"]["feedback"]["value"], &read["assessment"]["valid"]),
        (&json!(1.0), &json!(true))
    );
    let change = json!({
        "assessment": {"assessment_name": "r", "feedback": {"value": 0.25}, "metadata": {"k": "v"}},
        "update_mask": "assessmentName,feedback,metadata",
    });
    let changed = tracker.send("PATCH", &at("t", &first), change.to_string()).ok();
    assert_eq!(
        (
            &changed["assessment"]["assessment_name"],
            &changed["assessment"]["metadata"]
        ),
        (&json!("r"), &json!({"k": "v"}))
    );
    let mut over = feedback("r", json!(0.75));
    over["overrides"] = json!(first);
    let second = id(&create(&tracker, "t", over).ok());
    let all = info(&tracker, "t")["assessments"].take();
    let valid: Vec<&Value> = all.as_array().unwrap().iter().map(|one| &one["valid"]).collect();
    assert_eq!(valid, [&json!(false), &json!(true)]);
    assert_eq!(
        (count(&tracker, "feedback.r > 0.5"), count(&tracker, "feedback.r < 0.5")),
        (1, 0)
    );
    for _ in 0..2 {
        assert_eq!(tracker.send("DELETE", &at("t", &second), "").ok(), json!({}));
    }
    assert_eq!(info(&tracker, "t")["assessments"][0]["valid"], true);
}

#[test]
fn what_is_no_assessment_is_refused() {
    let tracker = Tracker::fresh();
    start(&tracker, json!({"trace_id": "t"})).ok();
    create(&tracker, "none", feedback("q", json!(1))).fails(404, "RESOURCE_DOES_NOT_EXIST");
    let message = create(&tracker, "t", json!({"assessment_name": "q"})).fails(400, "INVALID_PARAMETER_VALUE");
    assert_eq!(message, "Unknown assessment type: None");
    let mut over = feedback("q", json!(1));
    over["overrides"] = json!("a-none");
    create(&tracker, "t", over).fails(404, "RESOURCE_DOES_NOT_EXIST");
    let made = id(&create(&tracker, "t", feedback("q", json!("yes"))).ok());
    let change = |body: Value| tracker.send("PATCH", &at("t", &made), body.to_string());
    let expectation = json!({"assessment": {"expectation": {"value": 1}}, "update_mask": "expectation"});
    let message = change(expectation).fails(400, "INVALID_PARAMETER_VALUE");
    assert_eq!(message, "Cannot update expectation value on a Feedback assessment.");
    change(json!({"assessment": {}, "update_mask": "valid"})).fails(400, "INVALID_PARAMETER_VALUE");
    change(json!({"assessment": {}})).fails(400, "INVALID_PARAMETER_VALUE");
    tracker
        .send("GET", &at("t", "a-none"), "")
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
}

#[test]
fn feedback_on_a_session_counts_for_all_its_traces() {
    let tracker = Tracker::fresh();
    let session = json!({"mlflow.trace.session": "S1"});
    for trace_id in ["one", "two"] {
        start(&tracker, json!({"trace_id": trace_id, "trace_metadata": session})).ok();
    }
    start(&tracker, json!({"trace_id": "alone"})).ok();
    let mut good = feedback("sess", json!("good"));
    good["metadata"] = session;
    create(&tracker, "one", good).ok();
    assert_eq!(count(&tracker, "feedback.sess = 'good'"), 2);
    let expectation = json!({
        "assessment_name": "exp", "expectation": {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": "[42]"}},
    });
    let made = create(&tracker, "one", expectation).ok();
    assert_eq!(made["assessment"]["expectation"]["serialized_value"]["value"], "[42]");
    assert_eq!(count(&tracker, "expectation.exp IS NOT NULL"), 1);
}
