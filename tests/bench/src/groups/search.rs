//! Searches in an experiment with many runs, and a writer beside them.

use anyhow::Result;
use serde_json::{Value, json};

use super::writes;
use crate::client::{Call, Client, Target};
use crate::fixture::{Fixture, metric_value, param_value, tag_value, text};
use crate::numbers::whole;
use crate::scenario::{Bound, Scenario, Turn};

/// Number of runs on a page that a person reads.
const PAGE: u64 = 100;
/// Number of runs on a page that even a search over 1,000 runs fills. So costs of searches are compared, not
/// lengths of answers.
const FEW: u64 = 8;
/// Number of runs on a page of a walk through all of them.
pub(super) const WALK_PAGE: u64 = 1_000;
/// The name of the scenario that walks through all runs.
pub(super) const WALK: &str = "walk";
/// Number of runs that a writer logs to during a search.
const LOGGED_RUNS: u64 = 8;

/// A filter that matches one run in ten.
const METRIC: &str = "metrics.m1 > 0.9";
/// A filter that matches one run in ten times about one in four.
const PARAM_TAG: &str = "params.p1 = 'v3' and tags.t1 LIKE '%7%'";
/// A filter that matches half of those.
const MULTI: &str = "metrics.m1 > 0.5 and params.p1 = 'v3' and tags.t1 LIKE '%7%'";

/// The scenarios of the group. The bound of a search is writing its answer.
pub(super) static SCENARIOS: &[Scenario] = &[
    search(
        "plain",
        |fixture, _| page(fixture, json!({})),
        |fixture| runs(fixture.filled, PAGE),
    ),
    search(
        "late_page",
        |fixture, _| page(fixture, json!({"page_token": fixture.late_token})),
        |fixture| runs(last_page(fixture.filled), PAGE),
    ),
    search(
        "metric",
        |fixture, _| page(fixture, json!({"filter": METRIC})),
        |fixture| runs(matching(fixture, metric), PAGE),
    ),
    search(
        "order",
        |fixture, _| page(fixture, json!({"order_by": ["metrics.m1 DESC"]})),
        |fixture| runs(fixture.filled, PAGE),
    ),
    search(
        "param_tag",
        |fixture, _| page(fixture, json!({"filter": PARAM_TAG})),
        |fixture| runs(matching(fixture, param_tag), PAGE),
    ),
    search(
        "multi",
        |fixture, _| page(fixture, json!({"filter": MULTI, "order_by": ["metrics.m2 ASC"]})),
        |fixture| runs(matching(fixture, multi), PAGE),
    ),
    search(
        "multi_few",
        |fixture, _| {
            let with = json!({"filter": MULTI, "order_by": ["metrics.m2 ASC"], "max_results": FEW});
            page(fixture, with)
        },
        |fixture| runs(matching(fixture, multi), FEW),
    ),
    Scenario {
        concurrency_max: 1,
        keeps_answers: true,
        ..search(WALK, walk, |fixture| runs(fixture.filled, WALK_PAGE))
    },
    Scenario {
        concurrency_max: 8,
        ..Scenario::new("log_metric_alone", Bound::Flush, log_metric)
    },
    Scenario {
        concurrency_max: 8,
        beside: Some(|fixture, _| page(fixture, json!({}))),
        ..Scenario::new("log_metric_beside_plain", Bound::Flush, log_metric)
    },
];

/// Makes an experiment filled with runs, and another one with a few runs to log to.
pub(super) async fn prepare(target: &Target, runs: u64) -> Result<Fixture> {
    let mut logged = Fixture::with_experiment(target, "logged").await?;
    logged.add_runs(LOGGED_RUNS).await?;
    let mut fixture = Fixture::with_experiment(target, "search").await?;
    fixture.runs = logged.runs;
    fixture.fill(runs).await?;
    fixture.late_token = late_token(&fixture).await?;
    Ok(fixture)
}

const fn search(
    name: &'static str,
    call: fn(&Fixture, &Turn) -> Call,
    expected: fn(&Fixture) -> Vec<(&'static str, u64)>,
) -> Scenario {
    Scenario {
        expected,
        ..Scenario::new(name, Bound::Json, call)
    }
}

/// A page of 100 runs, with more parameters of the request.
fn page(fixture: &Fixture, with: Value) -> Call {
    let mut body = json!({"experiment_ids": [fixture.experiment], "max_results": PAGE});
    if let (Value::Object(body), Value::Object(with)) = (&mut body, with) {
        body.extend(with);
    }
    fixture.target.post("runs/search", &body)
}

/// The page after the last answer. After the last page: the first one.
fn walk(fixture: &Fixture, turn: &Turn) -> Call {
    walk_from(fixture, token_in(&turn.last).unwrap_or_default())
}

fn walk_from(fixture: &Fixture, token: &str) -> Call {
    let body = json!({"experiment_ids": [fixture.experiment], "max_results": WALK_PAGE, "page_token": token});
    fixture.target.post("runs/search", &body)
}

/// The page token near the end of an answer. The megabyte before it is not parsed: that would cost the client
/// as much as the answer costs the server.
fn token_in(answer: &[u8]) -> Option<&str> {
    const NAME: &[u8] = b"\"next_page_token\"";
    let start = answer.windows(NAME.len()).rposition(|window| window == NAME)?;
    std::str::from_utf8(answer.get(start + NAME.len()..)?)
        .ok()?
        .split('"')
        .nth(1)
}

fn log_metric(fixture: &Fixture, turn: &Turn) -> Call {
    writes::log_metric(fixture, turn, turn.worker)
}

/// The token of the last page, found by walking there in pages of 100. At most 10,000 pages are read.
async fn late_token(fixture: &Fixture) -> Result<String> {
    let mut client = Client::connect(&fixture.target).await?;
    let mut token = String::new();
    for _ in 1..fixture.filled.div_ceil(PAGE) {
        let answer = client.ask(page(fixture, json!({"page_token": token}))).await?;
        token = text(&answer, "/next_page_token")?;
    }
    Ok(token)
}

fn last_page(filled: u64) -> u64 {
    filled - (filled.div_ceil(PAGE).max(1) - 1) * PAGE
}

fn runs(matching: u64, page: u64) -> Vec<(&'static str, u64)> {
    vec![("/runs", matching.min(page))]
}

fn matching(fixture: &Fixture, matches: fn(u64) -> bool) -> u64 {
    // A page shows no more, so a larger count would not change the expected number.
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    whole((0..fixture.filled).filter(|number| matches(*number)).take(page).count())
}

fn metric(number: u64) -> bool {
    metric_value(number, 1) > 0.9
}

fn param_tag(number: u64) -> bool {
    param_value(number, 1) == "v3" && tag_value(number).contains('7')
}

fn multi(number: u64) -> bool {
    metric_value(number, 1) > 0.5 && param_tag(number)
}
