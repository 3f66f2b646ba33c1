//! The charts of an experiment, and charts and badges as files.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::{Page, page};

fn log(tracker: &Tracker, run: &str, metric: &str, values: &[f64]) {
    let points = values
        .iter()
        .enumerate()
        .map(|(step, value)| json!({"key": metric, "value": value, "timestamp": 1_000 * (step + 1), "step": step}));
    let points: Vec<Value> = points.collect();
    tracker
        .post("runs/log-batch", json!({"run_id": run, "metrics": points}))
        .ok();
}

#[test]
fn an_experiment_shows_the_latest_values_and_the_histories_of_its_newest_runs() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("sweep");
    for number in 0..25 {
        let run = tracker.run(&experiment, number);
        log(&tracker, &run, "val_acc", &[0.1, 0.2 + number as f64 / 100.0]);
        log(&tracker, &run, "system/cpu", &[1.0, 2.0]);
    }
    let page = page(&tracker, &format!("experiments/{experiment}/charts")).ok();
    let first = page.html.find("<bdi>val_acc</bdi>").expect("a chart");
    assert!(first < page.html.find("<bdi>system/cpu</bdi>").expect("a chart"));
    assert!(page.html.len() < 150_000, "{}", page.html.len());
    page.shows("The newest 25 runs.")
        .shows("By step, the newest 20 runs")
        .shows("latest value of each run, in the order of creation")
        .shows(">run 20</text>")
        .shows("/-/ml/compare?run=");
}

#[test]
fn an_experiment_shows_the_charts_of_one_metric_on_demand() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    for metric in ["loss", "acc"] {
        log(&tracker, &run, metric, &[1.0, 2.0]);
    }
    page(&tracker, "experiments/0/charts?metric=loss&scale=log")
        .ok()
        .shows("<bdi>loss</bdi>")
        .shows("log scale")
        .hides("<bdi>acc</bdi>");
}

#[test]
fn an_experiment_without_metrics_says_so() {
    let tracker = Tracker::fresh();
    page(&tracker, "experiments/0/charts")
        .ok()
        .shows("No run of this experiment has a metric yet.");
    for absent in ["99", "x"] {
        let page = page(&tracker, &format!("experiments/{absent}/charts"));
        assert!((400..500).contains(&page.status), "{absent}");
    }
}

/// A drawing that must be safe wherever it is opened.
#[track_caller]
fn drawing(tracker: &Tracker, path: &str) -> Page {
    let page = page(tracker, path).ok();
    assert_eq!(page.header("content-type"), "image/svg+xml");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'") && policy.ends_with("sandbox"),
        "{policy}"
    );
    assert!(
        page.html.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""),
        "{}",
        page.html
    );
    page.hides("<script").hides("href=")
}

#[test]
fn a_chart_of_a_run_has_a_stable_address() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    log(&tracker, &run, "val/acc", &[0.25, 0.5]);
    drawing(&tracker, &format!("candidates/{run}/metrics/val/acc.svg"))
        .shows("val/acc · ")
        .shows("<polyline")
        .shows("prefers-color-scheme:dark");
    drawing(&tracker, &format!("candidates/{run}/metrics/val%2Facc.svg?axis=time")).shows("UTC");
    for absent in [
        format!("candidates/{run}/metrics/val/acc"),
        format!("candidates/{run}/metrics/loss.svg"),
        format!("candidates/{}/metrics/val/acc.svg", "0".repeat(32)),
    ] {
        assert_eq!(page(&tracker, &absent).status, 404, "{absent}");
    }
}

#[test]
fn a_badge_shows_the_latest_value_of_a_run_or_of_an_aliased_version() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    log(&tracker, &run, "val_acc", &[0.25, 0.9312]);
    drawing(&tracker, &format!("badge/{run}/val_acc.svg"))
        .shows(">val_acc</text>")
        .shows(">0.9312</text>");
    tracker.model("team cats");
    let version = tracker.version("team cats", None);
    log(&tracker, version["run_id"].as_str().unwrap(), "val_acc", &[0.5]);
    let alias = json!({"name": "team cats", "alias": "champion", "version": version["version"]});
    tracker.post("registered-models/alias", alias).ok();
    for alias in ["champion", "latest"] {
        drawing(&tracker, &format!("badge/team%20cats@{alias}/val_acc.svg")).shows(">0.5000</text>");
    }
    for absent in [
        "badge/team%20cats@other/val_acc.svg",
        "badge/nothing/val_acc.svg",
        "badge/no@latest/a.svg",
    ] {
        let status = page(&tracker, absent).status;
        assert!((400..500).contains(&status), "{absent}: {status}");
    }
    assert_eq!(page(&tracker, &format!("badge/{run}/loss.svg")).status, 404);
}

#[test]
fn drawings_obey_the_rights_of_the_project() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    log(&tracker, &run, "a", &[1.0]);
    for path in [format!("badge/{run}/a.svg"), format!("candidates/{run}/metrics/a.svg")] {
        let file = tracker.anonymous("GET", &format!("/group/1/-/ml/{path}"), &[], "");
        assert!([401, 404].contains(&file.status), "{}", file.status);
        let headers = [("authorization", "Bearer writer")];
        let file = tracker.anonymous("GET", &format!("/group/1/-/ml/{path}"), &headers, "");
        assert_eq!(file.status, 200, "{}", file.text());
    }
}
