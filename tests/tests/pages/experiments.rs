//! The list of experiments, and the form that creates one.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::{Page, page, page_in, submit};

#[test]
fn an_empty_project_teaches_how_to_log() {
    let page = page(&Tracker::fresh(), "experiments").ok();
    page.shows("export MLFLOW_TRACKING_URI=http://ml.test/api/v4/projects/1/ml/mlflow")
        .shows("Default")
        .shows("New experiment");
}

#[test]
fn the_address_of_the_clients_leads_to_the_pages() {
    let headers = [("accept", "text/html"), ("host", "ml.test")];
    Page::of(Tracker::fresh().file("GET", "/", &headers, ""))
        .ok()
        .shows("/-/ml/experiments\"")
        .shows("/-/ml/models\"");
}

#[test]
fn experiments_are_found_by_a_part_of_their_name() {
    let tracker = Tracker::fresh();
    for name in ["cats-sweep", "dogs", "it's"] {
        tracker.experiment(name);
    }
    page(&tracker, "experiments?q=SWEEP")
        .ok()
        .shows("cats-sweep")
        .hides(">dogs<");
    page(&tracker, "experiments?q=it%27s")
        .ok()
        .shows("it's")
        .hides(">dogs<");
    page(&tracker, "experiments?q=birds")
        .ok()
        .shows("No experiment matches")
        .shows("value=\"birds\"");
}

#[test]
fn experiments_are_sorted_by_any_column_and_come_in_pages() {
    let tracker = Tracker::fresh();
    for number in 0..60 {
        tracker.experiment(&format!("e{number:02}"));
    }
    let first = page(&tracker, "experiments?sort=name").ok();
    let first = first.shows(">e00<").hides(">e55<").shows("aria-sort=\"ascending\"");
    let (_, next) = first.html.split_once("page_token=").expect("a next page");
    let token = next.split('"').next().unwrap();
    let second = page(&tracker, &format!("experiments?sort=name&page_token={token}")).ok();
    second.shows(">e55<").hides(">e00<").shows(">First<");
}

#[test]
fn deleted_experiments_are_listed_apart() {
    let tracker = Tracker::fresh();
    let id = tracker.experiment("old");
    tracker.post("experiments/delete", json!({"experiment_id": id})).ok();
    page(&tracker, "experiments").ok().hides(">old<");
    page(&tracker, "experiments?show=deleted").ok().shows(">old<");
    page(&Tracker::fresh(), "experiments?show=deleted")
        .ok()
        .shows("No experiment was deleted");
}

#[test]
fn the_run_that_was_created_last_is_shown() {
    let tracker = Tracker::fresh();
    tracker.experiment("e");
    page(&tracker, "experiments?q=e").ok().shows("no run");
    let runs: Vec<String> = (1..=4).map(|number| tracker.run("1", number)).collect();
    let shown = |run: &str| format!("/-/ml/candidates/{run}\"");
    page(&tracker, "experiments?q=e")
        .ok()
        .shows(&shown(newest(&runs)))
        .shows("Running");
    // After compaction its id stands in the row keys.
    tracker.pack();
    page(&tracker, "experiments?q=e").ok().shows(&shown(newest(&runs)));
    // A deleted run is not shown, and an older run that is changed is not newer.
    let deleted = newest(&runs).to_owned();
    tracker.post("runs/delete", json!({"run_id": deleted})).ok();
    let rest: Vec<String> = runs.iter().filter(|run| **run != deleted).cloned().collect();
    tracker.pack();
    let oldest = rest.iter().min().unwrap();
    tracker
        .post("runs/set-tag", json!({"run_id": oldest, "key": "k", "value": "v"}))
        .ok();
    page(&tracker, "experiments?q=e")
        .ok()
        .shows(&shown(newest(&rest)))
        .hides(&shown(&deleted));
}

/// The run with the greatest id. The clock of tests stands still, so that chance decides among runs.
fn newest(runs: &[String]) -> &str {
    runs.iter().max().unwrap()
}

#[test]
fn an_experiment_is_created_by_a_form() {
    let tracker = Tracker::fresh();
    let created = submit(&tracker, "experiments", &[("name", " sweep & more ")]);
    assert_eq!(created.leads_to(), "experiments/1");
    let body = tracker.get("experiments/get?experiment_id=1").ok();
    assert_eq!(body["experiment"]["name"], "sweep & more");
    let again = submit(&tracker, "experiments", &[("name", "sweep & more")]);
    assert_eq!(again.status, 400);
    again
        .shows("already exists")
        .shows("value=\"sweep &amp; more\"")
        .shows("aria-invalid=\"true\"");
}

#[test]
fn pages_are_in_the_language_of_the_reader() {
    let tracker = Tracker::fresh();
    page_in(&tracker, "experiments", "ko-KR,ko;q=0.9,en;q=0.8")
        .ok()
        .shows("실험")
        .shows("lang=\"ko\"");
    page_in(&tracker, "experiments", "de").ok().shows("Experiments");
}
