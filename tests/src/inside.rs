//! What a test does and sees of a tracker behind its front door.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use mlforge::storage::{ProjectId, Range};

use crate::tracker::Tracker;

impl Tracker {
    /// Lets time pass.
    pub fn wait_ms(&self, time_ms: u64) {
        self.around.passed_ms.fetch_add(time_ms, Ordering::SeqCst);
    }

    /// From now on the writer may only read.
    pub fn demote_writer(&self) {
        self.around.is_demoted.store(true, Ordering::SeqCst);
    }

    /// Removes for good what has been deleted for so long; answers how much that was.
    pub fn purge(&self, deleted_for_ms: u64) -> u64 {
        let purged = self
            .host
            .purge(ProjectId(self.project), Duration::from_millis(deleted_for_ms));
        self.runtime.block_on(purged).expect("a purge")
    }

    /// The same, broken off after this time.
    pub fn purge_for(&self, time: Duration) {
        let purged = self.host.purge(ProjectId(self.project), Duration::ZERO);
        // Whether it came to its end does not matter.
        _ = self
            .runtime
            .block_on(async { tokio::time::timeout(time, purged).await });
    }

    /// Whether a record of the project has these bytes in its key or its value.
    pub fn stores(&self, bytes: &[u8]) -> bool {
        let mut start = Vec::new();
        loop {
            let end = vec![255; 8];
            let ranges = [Range {
                start,
                end,
                limit: 1,
                reverse: false,
            }];
            let page = self.records.scan(ProjectId(self.project), &ranges);
            let page = self.runtime.block_on(page).expect("a page");
            let Some(key_end) = page.ends.first() else { return false };
            if page.bytes.windows(bytes.len()).any(|some| some == bytes) {
                return true;
            }
            start = page.bytes[..*key_end as usize].to_vec();
            start.push(0);
        }
    }

    /// Has the host keep a file of the project under a name, whatever the component thinks of that name.
    pub fn keep(&self, name: &str, contents: &'static str) {
        let project = ProjectId(self.project);
        self.runtime.block_on(async {
            let (sender, stream) = tokio::sync::mpsc::channel(1);
            sender.send(Ok(Bytes::from(contents))).await.expect("room");
            drop(sender);
            let staged = self
                .blobs
                .stage(project, stream, u64::MAX)
                .await
                .expect("a staged file");
            self.blobs.commit(project, staged, name).await.expect("a kept file");
        });
    }

    /// What the host keeps directly below a directory of the project's files, whatever leads there.
    pub fn kept(&self, directory: &str) -> Vec<String> {
        let items = self.blobs.list(ProjectId(self.project), directory, None, 10_000);
        let items = self.runtime.block_on(items).expect("a listing");
        items.into_iter().map(|item| item.name).collect()
    }
}
