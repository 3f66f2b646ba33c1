//! Look-ups of jobs: the first attempt, and those of maintenance.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::{created, full, job, name_job, nothing, running, set_tag, shown, shown_of_run, tag, with_jobs};

/// The longest pause between two attempts, in milliseconds.
const HOUR_MS: u64 = 3_600_000;

/// Makes the look-ups that are due after some time.
fn after(tracker: &Tracker, time_ms: u64) {
    tracker.wait_ms(time_ms);
    tracker.pack();
}

#[test]
fn a_forge_that_is_down_fails_no_logging_and_is_asked_again() {
    let tracker = with_jobs(&[job("7")]);
    tracker.ci().set_down(true);
    let run = tracker.run("0", 1);
    name_job(&tracker, &run, "7");
    tracker.model("m");
    let new = json!({"name": "m", "source": "", "tags": [tag("gitlab.CI_JOB_ID", "7")]});
    tracker.post("model-versions/create", new).ok();
    after(&tracker, 30_000);
    assert_eq!(shown_of_run(&tracker, &run), nothing());
    tracker.ci().set_down(false);
    tracker.ci().take_asked();
    after(&tracker, HOUR_MS);
    assert_eq!(shown_of_run(&tracker, &run), full("7"));
    assert_eq!(shown(&tracker.read_version("m", "1")), full("7"));
    // Maintenance asks as the server itself.
    let asked = tracker.ci().take_asked();
    assert!(asked.iter().all(|(_, token)| token.is_none()), "{asked:?}");
    assert_eq!(tracker.count("j"), 0);
}

#[test]
fn a_forge_that_hangs_is_not_waited_for() {
    let tracker = with_jobs(&[job("7")]);
    tracker.ci().hang();
    let run = tracker.run("0", 1);
    name_job(&tracker, &run, "7");
    assert_eq!((shown_of_run(&tracker, &run), tracker.count("j")), (nothing(), 1));
}

#[test]
fn a_job_that_runs_is_followed_until_it_is_finished() {
    let tracker = with_jobs(&[running("7")]);
    let run = tracker.run("0", 1);
    name_job(&tracker, &run, "7");
    assert_eq!(shown_of_run(&tracker, &run)["status"], "running");
    after(&tracker, 29_999);
    assert_eq!(tracker.ci().take_asked().len(), 1);
    after(&tracker, 1);
    assert_eq!((tracker.ci().take_asked().len(), tracker.count("j")), (1, 1));
    tracker.ci().set_job(1, job("7"));
    // The second pause is longer than the first.
    after(&tracker, 30_000);
    assert_eq!(shown_of_run(&tracker, &run)["status"], "running");
    after(&tracker, 30_000);
    assert_eq!(shown_of_run(&tracker, &run), full("7"));
    assert_eq!(tracker.count("j"), 0);
}

#[test]
fn an_answer_that_tells_nothing_new_leaves_a_packed_run_as_it_is() {
    let tracker = with_jobs(&[running("7")]);
    let run = tracker.run("0", 1);
    name_job(&tracker, &run, "7");
    tracker.pack();
    let columns = tracker.records_of(b'z');
    tracker.ci().take_asked();
    after(&tracker, 30_000);
    assert_eq!(tracker.ci().take_asked().len(), 1);
    // Compaction did not touch it again.
    assert_eq!(tracker.records_of(b'z'), columns);
}

#[test]
fn an_unknown_or_foreign_job_is_given_up() {
    let mut tracker = with_jobs(&[]);
    tracker.in_project(2, |tracker| tracker.run("0", 1));
    let run = tracker.run("0", 1);
    // This one is of project 2.
    name_job(&tracker, &run, "4242");
    let other = tracker.run("0", 1);
    name_job(&tracker, &other, "8");
    for _ in 0..20 {
        after(&tracker, HOUR_MS);
    }
    assert_eq!((shown_of_run(&tracker, &run), tracker.count("j")), (nothing(), 0));
    // Nine attempts for each, the first of them in the request.
    assert_eq!(tracker.ci().take_asked().len(), 18);
}

#[test]
fn a_job_that_never_ends_is_given_up_after_a_week() {
    let tracker = with_jobs(&[running("7")]);
    let run = tracker.run("0", 1);
    name_job(&tracker, &run, "7");
    after(&tracker, 7 * 24 * HOUR_MS - 1);
    assert_eq!(tracker.count("j"), 1);
    after(&tracker, 1);
    assert_eq!((tracker.count("j"), tracker.ci().take_asked().len()), (0, 2));
    assert_eq!(shown_of_run(&tracker, &run)["status"], "running");
    // Naming it again begins anew.
    name_job(&tracker, &run, "7");
    assert_eq!(tracker.count("j"), 1);
}

#[test]
fn many_jobs_are_looked_up_pass_by_pass_and_a_dead_forge_once_a_turn() {
    let ids: Vec<String> = (0..30).map(|id| id.to_string()).collect();
    let tracker = with_jobs(&ids.iter().map(|id| job(id)).collect::<Vec<_>>());
    tracker.ci().set_down(true);
    let run = |id: &String| {
        let new = json!({"experiment_id": "0", "tags": [tag("gitlab.CI_JOB_ID", id)]});
        created(&tracker.post("runs/create", new).ok())
    };
    let runs: Vec<String> = ids.iter().map(run).collect();
    tracker.ci().take_asked();
    after(&tracker, 30_000);
    assert_eq!((tracker.ci().take_asked().len(), tracker.count("j")), (1, 30));
    tracker.ci().set_down(false);
    after(&tracker, HOUR_MS);
    assert_eq!((tracker.ci().take_asked().len(), tracker.count("j")), (30, 0));
    for (run, id) in runs.iter().zip(&ids) {
        assert_eq!(shown_of_run(&tracker, run), full(id));
    }
}

#[test]
fn a_text_that_no_forge_gives_a_job_is_only_a_tag() {
    let tracker = with_jobs(&[]);
    let run = tracker.run("0", 1);
    for text in ["", " ", "7\n8", &"7".repeat(256)] {
        name_job(&tracker, &run, text);
    }
    set_tag(&tracker, &run, "GITHUB_JOB", "build");
    assert_eq!((tracker.ci().take_asked().len(), tracker.count("j")), (0, 0));
}

#[test]
fn what_is_deleted_meanwhile_is_looked_up_no_more() {
    let tracker = with_jobs(&[job("7")]);
    tracker.ci().set_down(true);
    tracker.model("m");
    let new = json!({"name": "m", "source": "", "tags": [tag("gitlab.CI_JOB_ID", "7")]});
    let version = tracker.post("model-versions/create", new).ok()["model_version"].take();
    let deleted = tracker.run("0", 1);
    name_job(&tracker, &deleted, "7");
    tracker
        .delete("model-versions/delete", json!({"name": "m", "version": "1"}))
        .ok();
    for run in [&version["run_id"], &json!(deleted)] {
        tracker.post("runs/delete", json!({"run_id": run})).ok();
    }
    tracker.purge(0);
    tracker.ci().set_down(false);
    after(&tracker, HOUR_MS);
    assert_eq!(tracker.count("j"), 0);
    assert!(!tracker.stores(b"mlforge.ci"));
}

#[test]
fn a_look_up_that_cannot_be_read_holds_up_no_other() {
    let tracker = with_jobs(&[job("7")]);
    tracker.ci().set_down(true);
    let run = tracker.run("0", 1);
    name_job(&tracker, &run, "7");
    tracker.put_record(b"jr0000000000000000", b"\x09damaged");
    tracker.put_record(b"junk", b"");
    tracker.ci().set_down(false);
    after(&tracker, 30_000);
    assert_eq!(shown_of_run(&tracker, &run), full("7"));
}
