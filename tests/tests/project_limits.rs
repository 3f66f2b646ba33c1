//! Maxima of a project: its runs, the values of their metrics, its traces and its files.

use mlforge::storage::{PerProject, ProjectId};
use mlforge::{Limits, ProjectMaxima};
use mlforge_tests::tracker::{Reply, Tracker};
use serde_json::{Value, json};

const STORE: &str = "/api/2.0/mlflow-artifacts/artifacts";

fn limited(maxima: ProjectMaxima) -> Tracker {
    let limits = Limits {
        project_maxima: PerProject::all(maxima),
        ..Limits::default()
    };
    Tracker::with(|builder| builder.limits(limits))
}

#[track_caller]
fn refused(reply: Reply, words: &str) {
    let message = reply.fails(413, "RESOURCE_LIMIT_EXCEEDED");
    assert!(message.contains(words), "{message}");
}

fn create_run(tracker: &Tracker) -> Reply {
    tracker.post("runs/create", json!({"experiment_id": "0"}))
}

fn id(run: Reply) -> String {
    run.ok()["run"]["info"]["run_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_project_has_at_most_so_many_runs() {
    let mut tracker = limited(ProjectMaxima {
        runs: 2,
        ..ProjectMaxima::NONE
    });
    let first = id(create_run(&tracker));
    create_run(&tracker).ok();
    refused(
        create_run(&tracker),
        "The project has 2 runs, and at most 2 are allowed",
    );
    tracker.model("m");
    // A version is a run, too.
    refused(tracker.try_version("m", None), "2 runs");
    // Each project has its own.
    tracker.in_project(2, |tracker| create_run(tracker).ok());
    // A change that adds no run is served.
    let tag = json!({"run_id": first, "key": "k", "value": "v"});
    tracker.post("runs/set-tag", tag).ok();
    tracker
        .post("runs/update", json!({"run_id": first, "status": "FINISHED"}))
        .ok();
}

#[test]
fn a_run_counts_until_it_is_purged() {
    let tracker = limited(ProjectMaxima {
        runs: 1,
        ..ProjectMaxima::NONE
    });
    let run = id(create_run(&tracker));
    tracker.post("runs/delete", json!({"run_id": run})).ok();
    refused(create_run(&tracker), "1 runs");
    assert_eq!(tracker.purge(0), 1);
    create_run(&tracker).ok();
}

#[test]
fn metric_values_count_alone_and_in_batches() {
    let tracker = limited(ProjectMaxima {
        points: 100,
        ..ProjectMaxima::NONE
    });
    let run = id(create_run(&tracker));
    let log = |steps: std::ops::Range<i64>| {
        let metric = |step: i64| json!({"key": "m", "value": 1, "timestamp": step, "step": step});
        let metrics: Vec<Value> = steps.map(metric).collect();
        tracker.post("runs/log-batch", json!({"run_id": run, "metrics": metrics}))
    };
    log(0..90).ok();
    for step in 90..95 {
        log(step..step + 1).ok();
    }
    refused(log(95..110), "95 metric values, and at most 100 are allowed");
    log(95..100).ok();
    refused(log(100..101), "100 metric values");
    let param = json!([{"key": "k", "value": "v"}]);
    tracker
        .post("runs/log-batch", json!({"run_id": run, "params": param}))
        .ok();
}

#[test]
fn a_project_has_at_most_so_many_traces() {
    let tracker = limited(ProjectMaxima {
        traces: 2,
        ..ProjectMaxima::NONE
    });
    let begin = || tracker.post("traces", json!({"experiment_id": "0", "timestamp_ms": 1}));
    let trace = begin().ok()["trace_info"]["request_id"].clone();
    begin().ok();
    refused(begin(), "2 traces");
    let path = format!("/api/2.0/mlflow/traces/{}/tags", trace.as_str().unwrap());
    tracker
        .send("PATCH", &path, json!({"key": "k", "value": "v"}).to_string())
        .ok();
    let deleted = json!({"experiment_id": "0", "request_ids": [trace]});
    tracker.post("traces/delete-traces", deleted).ok();
    begin().ok();
    refused(begin(), "2 traces");
}

#[test]
fn a_project_has_at_most_so_many_files() {
    let tracker = limited(ProjectMaxima {
        files: 2,
        ..ProjectMaxima::NONE
    });
    let run = id(create_run(&tracker));
    let send = |method: &str, name: &str| {
        let path = format!("{STORE}/0/{run}/artifacts/{name}");
        tracker.file(method, &path, &[], "x")
    };
    let refused = |method: &str, name: &str| {
        let file = send(method, name);
        let body: Value = serde_json::from_str(&file.text()).unwrap();
        assert_eq!(
            (file.status, &body["error_code"]),
            (413, &json!("RESOURCE_LIMIT_EXCEEDED"))
        );
        let message = body["message"].as_str().unwrap();
        assert!(message.contains("2 files"), "{message}");
    };
    send("PUT", "a").ok();
    send("PUT", "d/b").ok();
    refused("PUT", "c");
    // A file that replaces another one is none more.
    send("PUT", "a").ok();
    send("DELETE", "d").ok();
    send("PUT", "c").ok();
    refused("PUT", "d/b");
}

#[test]
fn the_files_of_a_project_have_at_most_so_many_bytes() {
    let tracker = limited(ProjectMaxima {
        bytes: 10,
        ..ProjectMaxima::NONE
    });
    let run = id(create_run(&tracker));
    let send = |name: &str, text: &'static str| {
        let path = format!("{STORE}/0/{run}/artifacts/{name}");
        tracker.file("PUT", &path, &[], text)
    };
    send("a", "123456").ok();
    let refused = send("b", "12345");
    let body: Value = serde_json::from_str(&refused.text()).unwrap();
    assert_eq!(
        (refused.status, &body["error_code"]),
        (413, &json!("RESOURCE_LIMIT_EXCEEDED"))
    );
    assert!(body["message"].as_str().unwrap().contains("at most 10 bytes"), "{body}");
    send("b", "1234").ok();
}

#[test]
fn a_project_with_maxima_of_its_own_has_those_and_the_others_the_common_ones() {
    let runs = |runs| ProjectMaxima {
        runs,
        ..ProjectMaxima::NONE
    };
    let own = ProjectMaxima { files: 1, ..runs(1) };
    let limits = Limits {
        project_maxima: PerProject::with(runs(2), [(ProjectId(2), own)]),
        ..Limits::default()
    };
    let mut tracker = Tracker::with(|builder| builder.limits(limits));
    let store = |tracker: &Tracker, run: &str| {
        let path = |name: &str| format!("{STORE}/0/{run}/artifacts/{name}");
        ["a", "b"].map(|name| tracker.file("PUT", &path(name), &[], "x").status)
    };
    let run = id(create_run(&tracker));
    create_run(&tracker).ok();
    refused(create_run(&tracker), "at most 2 are allowed");
    assert_eq!(store(&tracker, &run), [200, 200]);
    tracker.in_project(2, |tracker| {
        let run = id(create_run(tracker));
        refused(create_run(tracker), "at most 1 are allowed");
        assert_eq!(store(tracker, &run), [200, 413]);
    });
}
