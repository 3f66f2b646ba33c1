//! The trash.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::experiment::Logged;
use super::{page, submit};

#[test]
fn the_trash_shows_deleted_experiments_and_runs_and_restores_them() {
    let logged = Logged::pair();
    let tracker = &logged.tracker;
    tracker.experiment("old");
    page(tracker, "trash").ok().shows("<p class=\"mut\">none</p>");
    tracker.post("experiments/delete", json!({"experiment_id": "2"})).ok();
    tracker.post("runs/delete", json!({"run_id": logged.runs[0]})).ok();
    let trash = page(tracker, "trash").ok();
    let trash = trash
        .shows("<bdi>old</bdi>")
        .shows("<bdi>small</bdi>")
        .hides("<bdi>large</bdi>");
    let trash = trash
        .shows("experiments/2/restore\"")
        .shows("experiments/1/runs/restore\"");
    trash.shows("an administrator removes it for good");
    submit(tracker, "experiments/2/restore", &[]).leads_to();
    submit(tracker, "experiments/1/runs/restore", &[("run", &logged.runs[0])]).leads_to();
    page(tracker, "trash")
        .ok()
        .hides("<bdi>old</bdi>")
        .hides("<bdi>small</bdi>");
}

#[test]
fn a_run_that_its_experiment_brought_back_is_not_in_the_trash() {
    let logged = Logged::pair();
    let tracker = &logged.tracker;
    tracker.post("runs/delete", json!({"run_id": logged.runs[0]})).ok();
    submit(tracker, "experiments/1/delete", &[]).leads_to();
    submit(tracker, "experiments/1/restore", &[]).leads_to();
    page(tracker, "trash").ok().hides("<bdi>small</bdi>");
}

#[test]
fn both_lists_of_the_trash_have_pages_of_their_own() {
    let tracker = Tracker::fresh();
    tracker.experiment("kept");
    for number in 0..60 {
        let run = tracker.run("1", number);
        let body = json!({"run_id": run, "run_name": format!("run{number:02}")});
        tracker.post("runs/update", body).ok();
        tracker.post("runs/delete", json!({"run_id": run})).ok();
        let id = tracker.experiment(&format!("e{number:02}"));
        tracker.post("experiments/delete", json!({"experiment_id": id})).ok();
    }
    let first = page(&tracker, "trash").ok();
    let names = |html: &str| (html.matches("<bdi>e").count(), html.matches("<bdi>run").count());
    assert_eq!(names(&first.html), (50, 50));
    let query = |html: &str, parameter: &str| {
        let (_, rest) = html.split_once(&format!("trash?{parameter}=")).expect("a next page");
        format!("{parameter}={}", rest.split('"').next().unwrap())
    };
    let experiments = query(&first.html, "page_token");
    let runs = query(&first.html, "after");
    let second = page(&tracker, &format!("trash?{experiments}")).ok();
    assert_eq!(names(&second.html), (10, 50));
    let last = page(&tracker, &format!("trash?{experiments}&{runs}")).ok();
    assert_eq!(names(&last.html), (10, 10));
    last.shows(">First<").hides(">Next<");
}

#[test]
fn readers_see_the_trash_and_restore_nothing() {
    let tracker = Tracker::fresh();
    tracker.experiment("old");
    tracker.post("experiments/delete", json!({"experiment_id": "1"})).ok();
    let tracker = tracker.as_reader();
    page(&tracker, "trash")
        .ok()
        .shows("<bdi>old</bdi>")
        .hides("<form method=\"post\"");
}
