//! Requests of a CI job itself, whose credential tells the job: it is shown without a tag and without a look-up.

use mlforge::forge::{Job, JobRef};
use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::{created, full, job, name_job, nothing, running, shown, shown_of_run, tag, with_jobs};

fn of_job(own: Job) -> Tracker {
    let tracker = with_jobs(&[]);
    tracker.ci().set_own_job(Some(own));
    tracker
}

#[test]
fn the_job_that_creates_a_run_or_version_is_shown() {
    let tracker = of_job(job("7"));
    let new = tracker.post("runs/create", json!({"experiment_id": "0"})).ok();
    assert_eq!(shown(&new["run"]), full("7"));
    assert_eq!(shown_of_run(&tracker, &created(&new)), full("7"));
    tracker.model("m");
    let version = tracker.version("m", None);
    assert_eq!(shown(&version), full("7"));
    let run = version["run_id"].as_str().unwrap();
    assert_eq!(shown_of_run(&tracker, run), full("7"));
    tracker.wait_ms(3_600_000);
    tracker.pack();
    assert_eq!((tracker.ci().take_asked().len(), tracker.count("j")), (0, 0));
}

#[test]
fn the_job_that_creates_a_run_is_followed_until_it_is_finished() {
    let tracker = of_job(Job {
        name: String::new(),
        ..running("7")
    });
    tracker.ci().set_job(1, job("7"));
    let run = tracker.run("0", 1);
    let early = shown_of_run(&tracker, &run);
    assert_eq!((&early["status"], &early["name"]), (&json!("running"), &json!(null)));
    tracker.wait_ms(30_000);
    tracker.pack();
    assert_eq!(shown_of_run(&tracker, &run), full("7"));
    assert_eq!(tracker.ci().take_asked(), [(JobRef::Id("7".into()), None)]);
}

#[test]
fn a_tag_that_names_another_job_wins() {
    let tracker = of_job(job("7"));
    tracker.ci().set_job(1, job("8"));
    let with = |id: &str| {
        let body = json!({"experiment_id": "0", "tags": [tag("gitlab.CI_JOB_ID", id)]});
        created(&tracker.post("runs/create", body).ok())
    };
    assert_eq!(shown_of_run(&tracker, &with("8")), full("8"));
    assert_eq!(tracker.ci().take_asked().len(), 1);
    // The tag of the job itself needs no look-up.
    assert_eq!(shown_of_run(&tracker, &with("7")), full("7"));
    assert_eq!(tracker.ci().take_asked().len(), 0);
}

#[test]
fn a_tag_of_the_same_job_that_is_set_later_keeps_what_is_shown() {
    let tracker = of_job(job("7"));
    let run = tracker.run("0", 1);
    tracker.ci().set_down(true);
    name_job(&tracker, &run, "7");
    assert_eq!(shown_of_run(&tracker, &run), full("7"));
    name_job(&tracker, &run, "8");
    assert_eq!(shown_of_run(&tracker, &run), nothing());
}
