//! Traces of ten spans: what a traced application sends, and what its developer reads.

use anyhow::{Result, ensure};
use hyper::Method;
use serde_json::{Value, json};

use crate::client::{Call, Client, Target};
use crate::fixture::{FIRST_START_MS, Fixture};
use crate::scenario::{Bound, Scenario, Turn};

/// Number of spans of a trace.
const SPANS: u64 = 10;
/// Number of traces that are there before anything is measured.
const FILLED: u64 = 500;
/// Number of traces on a page of a search.
const PAGE: u64 = 100;
/// Number of traces that one measurement may send.
const SERIES_TRACES: u64 = 1 << 40;
const NS_PER_MS: u64 = 1_000_000;

/// The scenarios of the group.
pub(super) static SCENARIOS: &[Scenario] = &[
    Scenario::new("traces_send_10_spans", Bound::Flush, send),
    Scenario {
        expected: |_| vec![("/trace/spans", SPANS)],
        ..Scenario::new("traces_get", Bound::Json, get)
    },
    Scenario {
        expected: |_| vec![("/traces", PAGE)],
        ..Scenario::new("traces_search", Bound::Json, |fixture, _| search(fixture, ""))
    },
    Scenario {
        expected: |_| vec![("/traces", 1)],
        ..Scenario::new("traces_search_tag", Bound::Json, |fixture, turn| {
            search(fixture, &format!("tags.number = '{}'", turn.round % FILLED))
        })
    },
];

/// An experiment with traces.
pub(super) async fn prepare(target: &Target) -> Result<Fixture> {
    let fixture = Fixture::with_experiment(target, "traces").await?;
    let mut client = Client::connect(target).await?;
    for number in 0..FILLED {
        let call = target.spans(&fixture.experiment, &body(filled_id(number), number));
        let answer = client.send(call).await?;
        // MLflow's server answers without a body.
        ensure!(answer.status == 200, "spans were answered with {}", answer.status);
    }
    Ok(fixture)
}

/// The id of a trace that is there before anything is measured.
fn filled_id(number: u64) -> u128 {
    1 << 100 | u128::from(number)
}

fn send(fixture: &Fixture, turn: &Turn) -> Call {
    let number = turn.series * SERIES_TRACES + turn.round;
    let worker = u128::from(crate::numbers::whole(turn.worker) + 1);
    let id = worker << 80 | u128::from(number);
    fixture
        .target
        .spans(&fixture.experiment, &body(id, FILLED + turn.round))
}

fn get(fixture: &Fixture, turn: &Turn) -> Call {
    let id = filled_id(turn.round % FILLED);
    let path = format!("traces/get?trace_id=tr-{id:032x}");
    fixture.target.newer(Method::GET, &path, &())
}

fn search(fixture: &Fixture, filter: &str) -> Call {
    let location = json!({"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": fixture.experiment}});
    let body = json!({"locations": [location], "filter": filter, "max_results": PAGE});
    fixture.target.newer(Method::POST, "traces/search", &body)
}

/// The spans of a trace: a root that calls a model and tools.
fn body(id: u128, number: u64) -> Value {
    let spans: Value = (0..SPANS).map(|index| span(id, number, index)).collect();
    json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
}

fn span(id: u128, number: u64, index: u64) -> Value {
    let start_ms = FIRST_START_MS + number + index;
    let attribute = |key: &str, value: String| json!({"key": key, "value": {"stringValue": value}});
    let mut attributes = vec![
        attribute("mlflow.spanType", "TOOL".to_owned()),
        attribute(
            "mlflow.spanInputs",
            format!("{{\"question\": \"number {number}, step {index}\"}}"),
        ),
        attribute("mlflow.spanOutputs", format!("\"{}\"", "answer ".repeat(20))),
    ];
    if index == 0 {
        attributes.push(attribute("mlflow.traceTag.number", number.to_string()));
    }
    json!({
        "traceId": format!("{id:032x}"), "spanId": format!("{:016x}", index + 1), "name": format!("step {index}"), "kind": 1,
        "parentSpanId": (index > 0).then(|| format!("{:016x}", 1)), "attributes": attributes, "status": {"code": 1},
        "startTimeUnixNano": (start_ms * NS_PER_MS).to_string(), "endTimeUnixNano": ((start_ms + 20) * NS_PER_MS).to_string(),
    })
}
