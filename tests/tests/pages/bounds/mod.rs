//! Bounds of every page: its size, whatever users logged, and its reads, however much the project holds.

mod largest;
mod traces;

use std::sync::Arc;

use mlforge_tests::counted_records::{CountedRecords, Reads};
use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::page;

/// Largest size of a page in bytes.
const PAGE_BYTES_MAX: usize = 150_000;
/// Time between the starts of two runs, in milliseconds.
const PAUSE_MS: i64 = 60_000;
/// Bytes that a snapshot of an experiment has for each 512 runs.
const ZONE_BYTES_MAX: usize = 64;

#[test]
fn every_page_is_small_whatever_users_logged() {
    let (tracker, addresses) = largest::project();
    let mut large = Vec::new();
    for address in addresses {
        let page = page(&tracker, &address).ok();
        if page.html.len() > PAGE_BYTES_MAX {
            large.push((address.chars().take(80).collect::<String>(), page.html.len()));
        }
    }
    assert!(large.is_empty(), "{large:?}");
}

/// A tracker with an experiment of packed runs, of which the newest has points, and its reads. The run comes last.
fn experiment_of(runs: i64) -> (Tracker, Arc<CountedRecords>, String) {
    let records = Arc::new(CountedRecords::default());
    let tracker = Tracker::with(|builder| builder.records(Arc::clone(&records)));
    tracker.experiment("many");
    let tags = json!([{"key": "t", "value": "v"}]);
    let create = |start: i64| {
        let body = json!({"experiment_id": "1", "run_name": "run", "start_time": start * PAUSE_MS, "tags": tags});
        ("POST", "/api/2.0/mlflow/runs/create".to_owned(), body)
    };
    // Blocks hold runs in the order in which they are packed, so some are packed before others begin.
    for first in (1..runs).step_by(512) {
        let block: Vec<i64> = (first..runs.min(first + 512)).collect();
        for some in block.chunks(32) {
            let replies = tracker.send_all(some.iter().copied().map(create).collect());
            replies.into_iter().for_each(|reply| drop(reply.ok()));
        }
        tracker.pack();
    }
    let (method, path, body) = create(runs);
    let run = tracker.send(method, &path, body.to_string()).ok()["run"]["info"]["run_id"].take();
    let run = run.as_str().unwrap().to_owned();
    let points: Vec<Value> = (0..50)
        .map(|step| json!({"key": "loss", "value": 0.5, "timestamp": step, "step": step}))
        .collect();
    tracker
        .post("runs/log-batch", json!({"run_id": run, "metrics": points}))
        .ok();
    tracker.pack();
    (tracker, records, run)
}

/// The reads of some pages, one after the other.
fn reads_of(runs: i64, addresses: &[&str]) -> Vec<Reads> {
    let (tracker, records, run) = experiment_of(runs);
    let read = |address: &&str| {
        records.take();
        page(&tracker, &address.replace("RUN", &run)).ok();
        records.take()
    };
    addresses.iter().map(read).collect()
}

#[test]
fn pages_of_an_experiment_read_the_same_however_many_runs_it_has() {
    let addresses = [
        "experiments",
        "experiments/1",
        "experiments/1?column=sparkline.loss",
        "experiments/1/charts",
        "experiments/1/details",
        "compare?run=RUN",
        "candidates/RUN",
        "candidates/RUN/metrics",
        "candidates/RUN/params",
        "trash",
    ];
    // Both have the same number of runs in their newest block, and more blocks than one search for children looks at.
    let (few, many) = (5 * 512 + 100, 11 * 512 + 100);
    let blocks = usize::try_from((many - few) / 512).unwrap();
    for ((address, few), many) in addresses
        .iter()
        .zip(reads_of(few, &addresses))
        .zip(reads_of(many, &addresses))
    {
        assert_eq!((few.calls, few.records), (many.calls, many.records), "{address}");
        assert!(
            many.bytes <= few.bytes + blocks * ZONE_BYTES_MAX,
            "{address}: {few:?} {many:?}"
        );
    }
}

#[test]
fn a_run_among_many_shows_the_children_that_started_while_it_ran() {
    let runs = 6 * 512;
    let (tracker, _, newest) = experiment_of(runs);
    let first = json!({"experiment_ids": ["1"], "order_by": ["start_time ASC"], "max_results": 1});
    let first = tracker.post("runs/search", first).ok()["runs"][0]["info"]["run_id"].take();
    let first = first.as_str().unwrap().to_owned();
    let start = |parent: &str, name: &str, start_time: i64| {
        let tags = json!([{"key": "mlflow.parentRunId", "value": parent}]);
        let body = json!({"experiment_id": "1", "run_name": name, "start_time": start_time, "tags": tags});
        tracker.post("runs/create", body).ok();
    };
    start(&newest, "soon", runs * PAUSE_MS + 1_000);
    start(&newest, "late", runs * PAUSE_MS + 3_600_000);
    start(&first, "later", runs * PAUSE_MS + 3_600_001);
    let shown = |run: &str| page(&tracker, &format!("candidates/{run}")).ok();
    for _ in 0..2 {
        shown(&newest).shows(">soon<").shows(">late<").hides("All child runs");
        // Thousands of runs started since then. The table finds the child.
        shown(&first)
            .shows("All child runs")
            .shows(&format!("experiments/1?parent={first}\""));
        page(&tracker, &format!("experiments/1?parent={first}"))
            .ok()
            .shows(">later<");
        tracker.pack();
    }
    // The first has ended before the child started.
    let ended = json!({"run_id": first, "status": "FINISHED", "end_time": 2 * PAUSE_MS});
    tracker.post("runs/update", ended).ok();
    shown(&first).hides("All child runs").hides(">later<");
}

#[test]
fn a_page_of_runs_with_sparklines_reads_all_histories_together() {
    let records = Arc::new(CountedRecords::default());
    let tracker = Tracker::with(|builder| builder.records(Arc::clone(&records)));
    tracker.experiment("histories");
    let mut calls = Vec::new();
    for _ in 0..2 {
        for _ in 0..20 {
            let run = tracker.run("1", 1);
            for part in 0..4 {
                let step = |step: i64| json!({"key": "loss", "value": step, "timestamp": step, "step": step});
                let points: Vec<Value> = (part * 1_000..(part + 1) * 1_000).map(step).collect();
                tracker
                    .post("runs/log-batch", json!({"run_id": run, "metrics": points}))
                    .ok();
            }
        }
        let plain = "experiments/1?column=metrics.loss";
        page(&tracker, plain).ok();
        records.take();
        page(&tracker, plain).ok();
        let without = records.take();
        page(&tracker, &format!("{plain}&column=sparkline.loss")).ok();
        let with = records.take();
        // Two reads of ranges, and three of samples, for 20 and for 40 long histories.
        assert!(with.calls <= without.calls + 5, "{without:?} {with:?}");
        calls.push(with.calls - without.calls);
    }
    assert_eq!(calls[0], calls[1]);
}
