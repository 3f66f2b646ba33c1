//! The search cache of an instance changes no answer, even if data changes while a search reads.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mlforge::storage::memory::MemoryRecords;
use mlforge::storage::{Commit, CommitError, Page, ProjectId, Range, Records, StorageError, Values};
use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

/// Records whose scan of runs reports itself and waits, once.
struct Waiting {
    records: MemoryRecords,
    once: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

#[async_trait]
impl Records for Waiting {
    async fn get(&self, project: ProjectId, keys: &[Vec<u8>]) -> Result<Values, StorageError> {
        self.records.get(project, keys).await
    }

    async fn scan(&self, project: ProjectId, ranges: &[Range]) -> Result<Page, StorageError> {
        let reads_runs = ranges.iter().any(|range| range.start.starts_with(b"r"));
        let once = self.once.lock().unwrap().take_if(|_| reads_runs);
        if let Some((reached, go)) = once {
            reached.send(()).unwrap();
            go.recv().unwrap();
        }
        self.records.scan(project, ranges).await
    }

    async fn commit(&self, project: ProjectId, commit: Commit) -> Result<(), CommitError> {
        self.records.commit(project, commit).await
    }
}

fn stages(tracker: &Tracker, experiment: &str) -> Vec<Value> {
    let page = tracker
        .post("runs/search", json!({"experiment_ids": [experiment]}))
        .ok();
    let runs = page["runs"].as_array().cloned().unwrap_or_default();
    runs.iter().map(|run| run["info"]["lifecycle_stage"].clone()).collect()
}

#[test]
fn an_experiment_deleted_during_a_search_is_restored_with_all_its_runs() {
    let records = Arc::new(Waiting {
        records: MemoryRecords::new(),
        once: Mutex::default(),
    });
    let tracker = Tracker::with(|builder| builder.records(Arc::clone(&records)));
    let experiment = tracker.experiment("e");
    tracker.run(&experiment, 1);
    tracker.pack();
    let ((reached, wait), (go, gone)) = (channel(), channel());
    *records.once.lock().unwrap() = Some((reached, gone));
    std::thread::scope(|scope| {
        let searched = scope.spawn(|| stages(&tracker, &experiment));
        wait.recv().unwrap();
        tracker
            .post("experiments/delete", json!({"experiment_id": experiment}))
            .ok();
        go.send(()).unwrap();
        // The experiment existed when the search started.
        assert_eq!(searched.join().unwrap(), ["deleted"]);
    });
    tracker
        .post("experiments/restore", json!({"experiment_id": experiment}))
        .ok();
    assert_eq!(stages(&tracker, &experiment), ["active"]);
}
