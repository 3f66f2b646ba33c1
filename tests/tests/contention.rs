//! Many who change the same thing at once: each of them gets through, or is told why not.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mlforge::storage::memory::MemoryRecords;
use mlforge::storage::{Commit, CommitError, Page, ProjectId, Range, Records, StorageError, Values};
use mlforge_tests::tracker::Tracker;
use serde_json::json;

/// Records that others always change first, so many times.
struct Contended {
    records: MemoryRecords,
    lost: AtomicUsize,
}

#[async_trait]
impl Records for Contended {
    async fn get(&self, project: ProjectId, keys: &[Vec<u8>]) -> Result<Values, StorageError> {
        self.records.get(project, keys).await
    }

    async fn scan(&self, project: ProjectId, ranges: &[Range]) -> Result<Page, StorageError> {
        self.records.scan(project, ranges).await
    }

    async fn commit(&self, project: ProjectId, commit: Commit) -> Result<(), CommitError> {
        let less = |lost: usize| lost.checked_sub(1);
        let check = commit.checks.first();
        if let Some(check) = check.filter(|_| self.lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok())
        {
            return Err(CommitError::Conflict(check.key.clone()));
        }
        self.records.commit(project, commit).await
    }
}

#[test]
fn whoever_loses_five_hundred_times_gets_through_at_last() {
    let records = Arc::new(Contended {
        records: MemoryRecords::new(),
        lost: AtomicUsize::new(0),
    });
    let tracker = Tracker::with(|builder| builder.records(Arc::clone(&records)));
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
        records.lost.store(500, Ordering::SeqCst);
        tracker.post(path, body).ok();
        assert_eq!(records.lost.load(Ordering::SeqCst), 0, "{path}");
    }
}

#[test]
fn experiments_and_models_made_at_once_all_get_a_number() {
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
    // Each model has an experiment of its own, and there is always the first one.
    assert_eq!(found["experiments"].as_array().unwrap().len(), 65);
}

/// How long somebody has to overtake who may not. Whoever waits in line does so for 100 ms at most.
const OVERTAKING_TIME: Duration = Duration::from_millis(20);

/// Records with which the first two who commit lose once. While the first one commits again, it is seen whether the second does.
struct Lost {
    records: MemoryRecords,
    commits: AtomicUsize,
    /// Where the first one is told that it may look: it commits again.
    again: Mutex<Option<Sender<()>>>,
    /// A commit of the second one.
    tell: Sender<()>,
    told: Mutex<Receiver<()>>,
    was_overtaken: AtomicBool,
}

#[async_trait]
impl Records for Lost {
    async fn get(&self, project: ProjectId, keys: &[Vec<u8>]) -> Result<Values, StorageError> {
        self.records.get(project, keys).await
    }

    async fn scan(&self, project: ProjectId, ranges: &[Range]) -> Result<Page, StorageError> {
        self.records.scan(project, ranges).await
    }

    async fn commit(&self, project: ProjectId, commit: Commit) -> Result<(), CommitError> {
        let number = self.commits.fetch_add(1, Ordering::SeqCst);
        if number == 1 {
            drop(self.again.lock().unwrap().take());
            let told = self.told.lock().unwrap();
            told.recv().unwrap();
            let overtaken = told.recv_timeout(OVERTAKING_TIME).is_ok();
            self.was_overtaken.store(overtaken, Ordering::SeqCst);
        } else if number > 1 {
            self.tell.send(()).unwrap();
        }
        match commit.checks.first().filter(|_| number == 0 || number == 2) {
            Some(check) => Err(CommitError::Conflict(check.key.clone())),
            None => self.records.commit(project, commit).await,
        }
    }
}

#[test]
fn who_lost_a_race_waits_for_those_who_lost_it_before() {
    let ((again, is_again), (tell, told)) = (channel(), channel());
    let records = Arc::new(Lost {
        records: MemoryRecords::new(),
        commits: AtomicUsize::new(0),
        again: Mutex::new(Some(again)),
        tell,
        told: Mutex::new(told),
        was_overtaken: AtomicBool::new(false),
    });
    let tracker = Tracker::with(|builder| builder.records(Arc::clone(&records)));
    std::thread::scope(|scope| {
        scope.spawn(|| tracker.experiment("first"));
        // Ends when the first one commits again.
        is_again.recv().unwrap_err();
        tracker.experiment("second");
    });
    assert!(!records.was_overtaken.load(Ordering::SeqCst));
    assert_eq!(records.commits.load(Ordering::SeqCst), 4);
}
