//! Concurrent changes of the same object: each of them succeeds, or gets an error with the reason.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mlforge::storage::{Commit, CommitError};
use mlforge_tests::intercepted_records::InterceptedRecords;
use mlforge_tests::tracker::Tracker;
use serde_json::json;

/// The result of a commit whose first checked record others have changed. A commit without checks cannot
/// conflict.
fn lost(commit: &Commit) -> Result<(), CommitError> {
    match commit.checks.first() {
        Some(check) => Err(CommitError::Conflict(check.key.clone())),
        None => Ok(()),
    }
}

#[test]
fn a_commit_succeeds_after_500_conflicts() {
    let losses = Arc::new(AtomicUsize::new(0));
    let left = Arc::clone(&losses);
    let records = InterceptedRecords::new(move |commit| {
        let less = |left: usize| left.checked_sub(1).filter(|_| !commit.checks.is_empty());
        match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
            Ok(_) => lost(commit),
            Err(_) => Ok(()),
        }
    });
    let tracker = Tracker::with(|builder| builder.records(Arc::new(records)));
    let run = tracker.run(&tracker.experiment("e"), 1);
    let tag = json!({"experiment_id": "1", "key": "k", "value": "v"});
    for (path, body) in [
        ("experiments/create", json!({"name": "other"})),
        (
            "experiments/update",
            json!({"experiment_id": "1", "new_name": "another"}),
        ),
        ("experiments/set-experiment-tag", tag),
        ("runs/update", json!({"run_id": run, "status": "FINISHED"})),
        ("runs/delete", json!({"run_id": run})),
        ("registered-models/create", json!({"name": "m"})),
        ("model-versions/create", json!({"name": "m"})),
    ] {
        losses.store(500, Ordering::SeqCst);
        tracker.post(path, body).ok();
        assert_eq!(losses.load(Ordering::SeqCst), 0, "{path}");
    }
}

#[test]
fn concurrent_experiments_and_models_all_get_a_number() {
    let tracker = Tracker::fresh();
    let create = |index: usize| {
        let what = ["experiments", "registered-models"][index % 2];
        let path = format!("/api/2.0/mlflow/{what}/create");
        ("POST", path, json!({"name": format!("n{index}")}))
    };
    for reply in tracker.send_all((0..64).map(create).collect()) {
        reply.ok();
    }
    let found = tracker.post("experiments/search", json!({"max_results": 1000})).ok();
    // Each model has an experiment of its own, and the first one always exists.
    assert_eq!(found["experiments"].as_array().unwrap().len(), 65);
}

/// The time in which a request could overtake. The host holds a request in the queue of a key for 100 ms at
/// most.
const OVERTAKING_TIME: Duration = Duration::from_millis(20);

#[test]
fn a_request_with_a_conflict_waits_for_earlier_ones_on_the_same_record() {
    let (commits, was_overtaken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (again, is_again) = channel::<()>();
    let (tell, told) = channel();
    let (again, told) = (Mutex::new(Some(again)), Mutex::new(told));
    let (count, overtaken) = (Arc::clone(&commits), Arc::clone(&was_overtaken));
    // The first commits of both requests conflict. While the first request commits again, the test observes
    // if the second one does.
    let records = InterceptedRecords::new(move |commit| match count.fetch_add(1, Ordering::SeqCst) {
        0 => lost(commit),
        1 => {
            drop(again.lock().unwrap().take());
            let told = told.lock().unwrap();
            told.recv().unwrap();
            overtaken.store(told.recv_timeout(OVERTAKING_TIME).is_ok(), Ordering::SeqCst);
            Ok(())
        }
        number => {
            tell.send(()).unwrap();
            if number == 2 { lost(commit) } else { Ok(()) }
        }
    });
    let tracker = Tracker::with(|builder| builder.records(Arc::new(records)));
    std::thread::scope(|scope| {
        scope.spawn(|| tracker.experiment("first"));
        // This ends when the first request commits again.
        is_again.recv().unwrap_err();
        tracker.experiment("second");
    });
    assert!(!was_overtaken.load(Ordering::SeqCst));
    assert_eq!(commits.load(Ordering::SeqCst), 4);
}
