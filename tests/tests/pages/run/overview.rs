//! The overview of a run.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::super::page;
use super::{log, point, put, set_tag};

#[test]
fn a_run_shows_what_was_logged() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let params = json!([{"key": "lr", "value": "3e-4"}]);
    log(
        &tracker,
        &run,
        json!({"params": params, "metrics": [point("acc", 0.5, 1), point("acc", 0.75, 2)]}),
    );
    set_tag(&tracker, &run, "task", "classification");
    set_tag(&tracker, &run, "mlflow.note.content", "Best of the *sweep*.");
    set_tag(&tracker, &run, "mlflow.runName", "mixup");
    put(&tracker, &run, "model/MLmodel", "x");
    page(&tracker, &format!("candidates/{run}"))
        .ok()
        .shows("<bdi>mixup</bdi></h1>")
        .shows(">Default<")
        .shows("3e-4")
        .shows("0.7500")
        .shows("task: classification")
        .shows("<em>sweep</em>")
        .shows(&format!("<code class=\"copy\">{run}</code>"))
        .shows("path=model")
        .shows("id=\"chart-0\"");
}

#[test]
fn a_run_that_does_not_exist_is_not_found() {
    let tracker = Tracker::fresh();
    let unknown = "0".repeat(32);
    for path in [unknown.as_str(), "x", "0123"] {
        assert_eq!(page(&tracker, &format!("candidates/{path}")).status, 404, "{path}");
        assert_eq!(
            page(&tracker, &format!("candidates/{path}/artifacts")).status,
            404,
            "{path}"
        );
    }
}

#[test]
fn parent_and_children_lead_to_each_other() {
    let tracker = Tracker::fresh();
    let (parent, child) = (tracker.run("0", 1), tracker.run("0", 2));
    set_tag(&tracker, &child, "mlflow.parentRunId", &parent);
    page(&tracker, &format!("candidates/{parent}"))
        .ok()
        .shows(&format!("candidates/{child}"))
        .shows("Child runs")
        .shows(&format!("/-/ml/experiments/0?parent={parent}\""));
    page(&tracker, &format!("candidates/{child}"))
        .ok()
        .shows(&format!("candidates/{parent}\""));
}

#[test]
fn a_run_is_looked_at_again_while_it_is_running() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let address = format!("candidates/{run}");
    page(&tracker, &address)
        .ok()
        .shows("data-refresh=\"10\"")
        .shows("Look again");
    let ended = json!({"run_id": run, "status": "FAILED", "end_time": 60_001});
    tracker.post("runs/update", ended).ok();
    page(&tracker, &address)
        .ok()
        .hides("data-refresh")
        .shows("Failed")
        .shows("took 1 min");
}

#[test]
fn the_versions_and_models_of_a_run_are_linked() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    tracker.model("cats");
    let version = json!({"name": "cats", "source": "", "run_id": run});
    tracker.post("model-versions/create", version).ok();
    let outputs = json!({"run_id": run, "models": [{"model_id": "m-1", "step": 0}]});
    tracker.post("runs/outputs", outputs).ok();
    page(&tracker, &format!("candidates/{run}"))
        .ok()
        .shows("models/1/versions/1")
        .shows("cats 1.0.0")
        .shows("logged-models/m-1");
}

#[test]
fn params_are_searched_and_come_in_pages() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    for start in [0, 100, 200] {
        let params = (start..start + 100).map(|number| json!({"key": format!("p{number:03}"), "value": "v"}));
        log(&tracker, &run, json!({"params": params.collect::<Vec<_>>()}));
    }
    let address = format!("candidates/{run}/params");
    page(&tracker, &format!("candidates/{run}"))
        .ok()
        .shows("All parameters")
        .hides("p299");
    page(&tracker, &address).ok().shows("p000").hides("p299").shows("from=");
    page(&tracker, &format!("{address}?from=200"))
        .ok()
        .shows("p299")
        .hides("p000");
    page(&tracker, &format!("{address}?q=P29"))
        .ok()
        .shows("p299")
        .hides("p000")
        .shows("value=\"P29\"");
    page(&tracker, &format!("{address}?q=zz")).ok().shows("Nothing matches");
}

#[test]
fn a_reader_sees_no_buttons_that_change_a_run() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    set_tag(&tracker, &run, "own", "x");
    let tracker = tracker.as_reader();
    for below in ["", "/edit", "/tags", "/promote", "/artifacts", "/metrics"] {
        page(&tracker, &format!("candidates/{run}{below}"))
            .ok()
            .hides("method=\"post\"")
            .hides("class=\"btn bad\"");
    }
}
