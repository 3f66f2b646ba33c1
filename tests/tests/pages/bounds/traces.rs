//! Traces in which everything is as long as it may be.

use std::sync::Arc;

use mlforge_tests::counted_records::CountedRecords;
use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::largest::{long, quotes};
use crate::pages::page;
use crate::pages::traces::{export, span, start, trace_id};

/// Makes traces of the default experiment. Returns the addresses of their pages.
pub(super) fn largest(tracker: &Tracker) -> Vec<String> {
    let session = long("s", 160);
    for number in 0..60 {
        // Twenty traces are of one session, and each other one has a session of its own.
        let own = if number < 20 {
            session.clone()
        } else {
            long(number, 160)
        };
        start(tracker, number, info(number, &own));
    }
    for trace in [0, 1] {
        export(tracker, &spans(trace));
    }
    let (one, two) = (trace_id(0), trace_id(1));
    let child = "span=0000000000000002";
    let session = mlforge_ui::link::encoded(&session);
    vec![
        "experiments/0/traces".to_owned(),
        format!(
            "experiments/0/traces?filter={}&sort=name",
            mlforge_ui::link::encoded(&format!("name != '{}'", long("", 100)))
        ),
        "experiments/0/traces/charts".to_owned(),
        format!("experiments/0/traces/compare?trace={one}&trace={two}"),
        format!("experiments/0/traces/delete?trace={one}&trace={two}"),
        "experiments/0/sessions".to_owned(),
        format!("experiments/0/session?id={session}"),
        format!("traces/{one}"),
        format!("traces/{one}?{child}"),
        format!("traces/{one}?span=0000000000000003"),
        format!("traces/{one}?part=inputs"),
        format!("traces/{one}?{child}&part=events"),
        format!("traces/{one}?part=attributes"),
    ]
}

fn info(number: u32, session: &str) -> Value {
    let pairs = |prefix: &str, value: &str| {
        let pair = |index: u32| (long(format!("{prefix}{index}"), 250), Value::from(value));
        (0..30).map(pair).collect::<serde_json::Map<_, _>>()
    };
    let assessment = |index: u32| {
        json!({
            "assessment_id": format!("a-{index}"), "assessment_name": long(index, 500), "trace_id": trace_id(number),
            "feedback": {"value": quotes(5_000)}, "rationale": quotes(5_000),
            "source": {"source_type": "HUMAN", "source_id": quotes(500)},
        })
    };
    let mut tags = pairs("t", &quotes(4_000));
    tags.insert("mlflow.traceName".to_owned(), quotes(4_000).into());
    let mut metadata = pairs("m", &quotes(250));
    metadata.insert("mlflow.trace.session".to_owned(), session.into());
    metadata.insert("mlflow.trace.user".to_owned(), quotes(250).into());
    metadata.insert("mlflow.source.git.commit".to_owned(), quotes(250).into());
    json!({
        "request_preview": quotes(20_000), "response_preview": quotes(20_000), "client_request_id": quotes(5_000),
        "tags": tags, "trace_metadata": metadata, "assessments": (0..30).map(assessment).collect::<Value>(),
    })
}

/// A chat in the root, a span with much of everything, one with values that are no chat, and many more.
fn spans(trace: u32) -> Vec<Value> {
    let calls = vec![json!({"name": quotes(500), "args": quotes(2_000)}); 5];
    let messages = vec![json!({"role": quotes(100), "content": quotes(5_000), "tool_calls": calls}); 60];
    let chat = json!({ "messages": messages }).to_string();
    let values = json!(vec![quotes(1_000); 150]).to_string();
    let name = quotes(2_000);
    let mut all = vec![span(
        trace,
        1,
        None,
        &name,
        (0, 1_000),
        &[("mlflow.spanInputs", &chat), ("mlflow.spanOutputs", &values)],
    )];
    let keys: Vec<String> = (0..50).map(|index| long(index, 400)).collect();
    let value = quotes(5_000);
    let attributes: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), value.as_str())).collect();
    let mut second = span(trace, 2, Some(1), &name, (1, 2), &attributes);
    let attribute = json!({"key": quotes(500), "value": {"stringValue": quotes(10_000)}});
    second["events"] = json!(vec![
        json!({"timeUnixNano": "5", "name": quotes(500), "attributes": vec![attribute; 2]});
        50
    ]);
    second["status"] = json!({"code": 2, "message": quotes(20_000)});
    all.push(second);
    all.push(span(
        trace,
        3,
        Some(2),
        &name,
        (1, 2),
        &[("mlflow.spanInputs", &values), ("mlflow.spanOutputs", &values)],
    ));
    all.extend((4..=250).map(|id| span(trace, id, Some(id - 1), &name, (3, 4), &[("mlflow.spanType", &name)])));
    all
}

#[test]
fn pages_of_traces_read_the_same_however_many_there_are() {
    let addresses = [
        "experiments/0/traces".to_owned(),
        format!(
            "experiments/0/traces?filter={}",
            mlforge_ui::link::encoded("tags.team = 'a'")
        ),
        "experiments/0/session?id=s".to_owned(),
        format!("traces/{}", trace_id(1)),
    ];
    let reads_of = |traces: u32| {
        let records = Arc::new(CountedRecords::default());
        let tracker = Tracker::with(|builder| builder.records(Arc::clone(&records)));
        for number in 0..traces {
            let info = json!({"tags": {"team": "a"}, "trace_metadata": {"mlflow.trace.session": "s"}});
            start(&tracker, number, info);
        }
        let read = |address: &String| {
            records.take();
            page(&tracker, address).ok();
            let reads = records.take();
            (reads.calls, reads.records)
        };
        addresses.iter().map(read).collect::<Vec<_>>()
    };
    assert_eq!(reads_of(200), reads_of(500));
}
