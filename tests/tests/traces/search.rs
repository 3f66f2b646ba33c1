//! Searches of traces.

use super::*;

/// Five traces of two experiments, a second apart.
fn world() -> Tracker {
    let tracker = Tracker::fresh();
    tracker.experiment("other");
    for (digit, experiment, state, name) in [
        ('1', "0", "OK", "ask"),
        ('2', "0", "ERROR", "ask"),
        ('3', "0", "OK", "embed"),
        ('4', "1", "OK", "ask"),
        ('5', "1", "IN_PROGRESS", "embed"),
    ] {
        let info = json!({
            "trace_id": trace_id(digit), "request_time": format!("1970-01-01T00:00:0{digit}Z"), "state": state,
            "execution_duration": format!("0.{digit}s"), "tags": {"mlflow.traceName": name},
            "trace_location": {"mlflow_experiment": {"experiment_id": experiment}},
        });
        start(&tracker, info).ok();
    }
    tracker
}

fn both() -> Value {
    json!([{"mlflow_experiment": {"experiment_id": "0"}}, {"mlflow_experiment": {"experiment_id": "1"}}])
}

fn digits(page: &Value) -> String {
    ids(page).iter().map(|id| id.chars().last().unwrap()).collect()
}

#[test]
fn filters_orders_and_places_are_those_of_the_request() {
    let tracker = world();
    for (filter, order, expected) in [
        ("", json!([]), "54321"),
        ("name = 'ask'", json!([]), "421"),
        ("name = 'ask' AND status = 'OK'", json!([]), "41"),
        ("status != 'OK'", json!(["timestamp ASC"]), "25"),
        ("timestamp >= 3000", json!(["execution_time"]), "345"),
        (
            "request_id IN ('none', 'tr-11111111111111111111111111111111')",
            json!([]),
            "1",
        ),
        ("name LIKE 'em%'", json!(["name", "timestamp"]), "35"),
    ] {
        let body = json!({"locations": both(), "filter": filter, "order_by": order});
        assert_eq!(digits(&found(&tracker, body).ok()), expected, "{filter} {order}");
    }
    assert_eq!(digits(&found(&tracker, json!({})).ok()), "321");
    assert_eq!(found(&tracker, json!({"locations": []})).ok(), json!({}));
    tracker
        .send("POST", "/api/3.0/mlflow/traces/search", "{}")
        .fails(400, "INVALID_PARAMETER_VALUE");
    for wrong in [
        json!({"filter": "trace_id = 'x'"}),
        json!({"order_by": ["span.name"]}),
        json!({"max_results": 501}),
        json!({"max_results": 0}),
        json!({"page_token": "nonsense"}),
    ] {
        found(&tracker, wrong).fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn pages_together_hold_each_trace_once_in_any_order() {
    let tracker = world();
    for (filter, order) in [("", json!([])), ("name = 'ask'", json!([])), ("", json!(["name DESC"]))] {
        let body = |count: usize, token: &str| json!({"locations": both(), "filter": filter, "order_by": order, "max_results": count, "page_token": token});
        let expected = digits(&found(&tracker, body(500, "")).ok());
        for count in 1..=5 {
            let (mut all, mut token) = (String::new(), String::new());
            loop {
                let page = found(&tracker, body(count, &token)).ok();
                all += &digits(&page);
                match page["next_page_token"].as_str() {
                    Some(next) => next.clone_into(&mut token),
                    None => break,
                }
            }
            assert_eq!(all, expected, "{filter} {order} {count}");
        }
    }
}

#[test]
fn spans_are_searched_by_all_clauses_together() {
    let tracker = Tracker::fresh();
    let first = [
        with_attributes(
            span('1', 1, None, "root", (1, 9)),
            &[("mlflow.spanType", "CHAIN"), ("city", "Berlin ☃")],
        ),
        with_attributes(
            span('1', 2, Some(1), "llm", (2, 3)),
            &[("mlflow.spanType", "LLM"), ("model", "gpt-4")],
        ),
    ];
    let second = with_attributes(span('2', 1, None, "root", (20, 30)), &[("model", "gpt-4o")]);
    export(&tracker, "0", &body_of(&first)).ok();
    export(&tracker, "0", &body_of(&[second])).ok();
    for (filter, expected) in [
        ("span.name = 'root'", "21"),
        ("span.name = 'root' AND span.type = 'LLM'", ""),
        ("span.name = 'llm' AND span.type = 'LLM'", "1"),
        ("span.attributes.model LIKE '%gpt-4%'", "21"),
        ("span.attributes.model RLIKE '^gpt-4$'", "1"),
        ("span.content LIKE '%☃%'", "1"),
        ("trace.text ILIKE '%BERLIN%'", "1"),
    ] {
        assert_eq!(
            digits(&found(&tracker, json!({"filter": filter})).ok()),
            expected,
            "{filter}"
        );
    }
}
