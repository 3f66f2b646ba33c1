//! Searches in an experiment with many traces.

use std::time::{Duration, Instant};

use anyhow::Result;
use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::{Call, Client, Target};
use crate::fixture::{FIRST_START_MS, Fixture};
use crate::numbers::{float, mix, readable, whole};
use crate::report::say;
use crate::scenario::{Bound, Scenario};

/// Number of traces on a page.
const PAGE: u64 = 100;
/// Number of connections that send traces.
const FILLERS: u64 = 32;
/// Number of different names of traces.
const NAMES: u64 = 50;
/// Number of traces of a session.
const SESSION_TRACES: u64 = 20;
/// Duration from which a trace is one of the few slow ones, in milliseconds.
const SLOW_MS: u64 = 9_000;
/// The server has this long to compact what was sent. It is a second for each 5,000 traces, and twelve more.
const TRACES_PER_SECOND: u64 = 5_000;
const QUIET: Duration = Duration::from_secs(12);

/// A page of a search: an order, a filter, and the traces that meet it.
const fn page(
    name: &'static str,
    call: fn(&Fixture, &crate::scenario::Turn) -> Call,
    expected: fn(&Fixture) -> Vec<(&'static str, u64)>,
) -> Scenario {
    Scenario {
        expected,
        ..Scenario::new(name, Bound::Json, call)
    }
}

/// The scenarios of the group.
pub(super) static SCENARIOS: &[Scenario] = &[
    page("plain", |at, _| search(at, "", ""), |at| found(at, |_| true)),
    page(
        "state",
        |at, _| search(at, "status = 'ERROR'", ""),
        |at| found(at, is_error),
    ),
    page(
        "tag",
        |at, _| search(at, "tags.env = 'prod'", ""),
        |at| found(at, is_prod),
    ),
    page(
        "name",
        |at, _| search(at, "name = 'agent-07'", ""),
        |at| found(at, is_7),
    ),
    page(
        "name_like",
        |at, _| search(at, "name LIKE '%ent-07'", ""),
        |at| found(at, is_7),
    ),
    page(
        "timestamp",
        |at, _| search(at, &middle(at), ""),
        |at| found(at, |_| true),
    ),
    page(
        "duration_common",
        |at, _| search(at, "execution_time_ms > 500", ""),
        |at| found(at, |number| duration_ms(number) > 500),
    ),
    page(
        "duration_rare",
        |at, _| search(at, "execution_time_ms > 9000", ""),
        |at| found(at, |number| duration_ms(number) > SLOW_MS),
    ),
    page(
        "order_duration",
        |at, _| search(at, "", "execution_time DESC"),
        |at| found(at, |_| true),
    ),
    page(
        "feedback",
        |at, _| search(at, "feedback.quality = 'bad'", ""),
        |at| found(at, |number| feedback(number) == Some("bad")),
    ),
    page(
        "session",
        |at, _| search(at, "metadata.`mlflow.trace.session` = 'session-3'", ""),
        |at| found(at, |number| number / SESSION_TRACES == 3),
    ),
    page(
        "state_and_name",
        |at, _| search(at, "status = 'ERROR' AND name = 'agent-07'", ""),
        |at| found(at, |number| is_error(number) && is_7(number)),
    ),
    page(
        "tag_and_duration",
        |at, _| search(at, "tags.env = 'prod' AND execution_time_ms > 9000", ""),
        |at| found(at, |number| is_prod(number) && duration_ms(number) > SLOW_MS),
    ),
];

/// An experiment with many traces.
pub(super) async fn prepare(target: &Target, traces: u64) -> Result<Fixture> {
    let mut fixture = Fixture::with_experiment(target, "many-traces").await?;
    let started = Instant::now();
    let mut fillers = JoinSet::new();
    for first in 0..FILLERS.min(traces) {
        let fixture = fixture.clone();
        fillers.spawn(async move {
            let mut client = Client::connect(&fixture.target).await?;
            let mut number = first;
            while number < traces {
                let body = json!({"trace": {"trace_info": info(&fixture.experiment, number)}});
                client.ask(fixture.target.newer(Method::POST, "traces", &body)).await?;
                number += FILLERS;
            }
            Ok::<_, anyhow::Error>(())
        });
    }
    while let Some(filler) = fillers.join_next().await {
        filler??;
    }
    fixture.filled = traces;
    let seconds = started.elapsed().as_secs_f64();
    let rate = readable(float(traces) / seconds.max(1e-9));
    say!("filled {traces} traces in {seconds:.1} s ({rate} traces/s, one request each)");
    tokio::time::sleep(QUIET + Duration::from_secs(traces / TRACES_PER_SECOND)).await;
    Ok(fixture)
}

/// The information on a trace, as a client of MLflow 3 sends it.
fn info(experiment: &str, number: u64) -> Value {
    let session = number / SESSION_TRACES;
    let assessments: Vec<Value> = feedback(number)
        .map(|value| {
            json!({"assessment_name": "quality", "feedback": {"value": value},
                   "source": {"source_type": "LLM_JUDGE", "source_id": "judge"}})
        })
        .into_iter()
        .collect();
    let duration_ms = duration_ms(number);
    json!({
        "trace_id": format!("tr-{:032x}", 1_u128 << 100 | u128::from(number)),
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}},
        "request_time": time(FIRST_START_MS + number),
        "execution_duration": format!("{}.{:03}s", duration_ms / 1_000, duration_ms % 1_000),
        "state": if is_error(number) { "ERROR" } else { "OK" },
        "request_preview": format!("Please answer question {number} of session {session}. {}", "More words. ".repeat(8)),
        "response_preview": format!("The answer to question {number}. {}", "More words. ".repeat(8)),
        "tags": {"mlflow.traceName": name(number), "env": if is_prod(number) { "prod" } else { "stage" }, "number": number.to_string()},
        "trace_metadata": {
            "mlflow.trace.session": format!("session-{session}"), "mlflow.user": "ada", "mlflow.source.name": "service.py",
            "mlflow.source.type": "LOCAL", "mlflow.trace_schema.version": "3",
            "mlflow.trace.tokenUsage": format!("{{\"input_tokens\": {}, \"output_tokens\": {}}}", number % 900, number % 70),
            "mlflow.trace.sizeStats": format!("{{\"total_size_bytes\": {}, \"num_spans\": 10, \"max\": 900, \"p50\": 200}}", number % 9_000),
        },
        "assessments": assessments,
    })
}

/// A time in RFC 3339, of the days after the first start.
fn time(ms: u64) -> String {
    // The first start is 2023-11-14T22:13:20Z; a million traces take 17 minutes.
    let seconds = 13 * 60 + 20 + (ms - FIRST_START_MS) / 1_000;
    format!(
        "2023-11-14T22:{:02}:{:02}.{:03}Z",
        seconds / 60,
        seconds % 60,
        ms % 1_000
    )
}

fn search(fixture: &Fixture, filter: &str, order: &str) -> Call {
    let location = json!({"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": fixture.experiment}});
    let order: Vec<&str> = Some(order).filter(|order| !order.is_empty()).into_iter().collect();
    let body = json!({"locations": [location], "filter": filter, "max_results": PAGE, "order_by": order});
    fixture.target.newer(Method::POST, "traces/search", &body)
}

/// A filter for 200 traces in the middle, or for all if there are fewer.
fn middle(fixture: &Fixture) -> String {
    let from = FIRST_START_MS + (fixture.filled / 2).saturating_sub(PAGE);
    format!("timestamp_ms >= {from} AND timestamp_ms < {}", from + 2 * PAGE)
}

/// The traces on a page of those that match.
fn found(fixture: &Fixture, matches: fn(u64) -> bool) -> Vec<(&'static str, u64)> {
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let count = (0..fixture.filled).filter(|number| matches(*number)).take(page).count();
    vec![("/traces", whole(count))]
}

fn name(number: u64) -> String {
    format!("agent-{:02}", mix(number) % NAMES)
}

fn is_7(number: u64) -> bool {
    mix(number) % NAMES == 7
}

fn is_error(number: u64) -> bool {
    mix(number + (1 << 40)).is_multiple_of(10)
}

fn is_prod(number: u64) -> bool {
    !mix(number + (1 << 41)).is_multiple_of(4)
}

/// Most traces take up to a second, one in 2,000 takes ten.
fn duration_ms(number: u64) -> u64 {
    let spread = mix(number + (1 << 42));
    if spread.is_multiple_of(2_000) {
        SLOW_MS + 1 + spread / 2_000 % 1_000
    } else {
        spread / 2_000 % 1_000
    }
}

/// One trace in five has feedback, and a quarter of that is bad.
fn feedback(number: u64) -> Option<&'static str> {
    match mix(number + (1 << 43)) % 20 {
        0 => Some("bad"),
        1..=3 => Some("good"),
        _ => None,
    }
}
