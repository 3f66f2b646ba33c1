//! Access of tests to the internals of a tracker: its clock, its forge, its records and its files.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mlforge::MaintenanceCounts;
use mlforge::storage::{Blobs, Commit, ListRequest, ProjectId, Range, Records, Write};

use crate::ci::Ci;
use crate::tracker::Tracker;

impl Tracker {
    fn records(&self) -> &dyn Records {
        &*self.own("its records").records
    }

    fn blobs(&self) -> &dyn Blobs {
        &*self.own("its files").blobs
    }

    /// Sets the clock forward.
    pub fn wait_ms(&self, time_ms: u64) {
        self.own("its clock")
            .environment
            .passed_ms
            .fetch_add(time_ms, Ordering::SeqCst);
    }

    /// Sets the clock back, at most by the time that it was set forward.
    pub fn set_back_ms(&self, time_ms: u64) {
        self.own("its clock")
            .environment
            .passed_ms
            .fetch_sub(time_ms, Ordering::SeqCst);
    }

    /// The CI of the forge.
    pub fn ci(&self) -> &Ci {
        &self.own("its forge").environment.ci
    }

    /// Runs maintenance, and a function while the forge has got a commit status and has not answered yet.
    pub fn pack_and_meanwhile(&self, meanwhile: impl FnOnce()) {
        let gate = self.ci().hold_next_status();
        let (host, project) = (self.own("its maintenance").host.clone(), ProjectId(self.project));
        let packing = self.runtime.spawn(async move { host.run_maintenance(project).await });
        self.runtime.block_on(gate.reached());
        meanwhile();
        gate.open();
        self.runtime.block_on(packing).expect("a pass that ends");
    }

    /// The records of one kind. Only the first 4 MiB are returned.
    pub fn records_of(&self, kind: u8) -> Vec<(Vec<u8>, Vec<u8>)> {
        let ranges = [Range {
            start: vec![kind],
            end: vec![kind + 1],
            limit: u32::MAX,
            reverse: false,
        }];
        let page = self.records().scan(ProjectId(self.project), &ranges);
        let page = self.runtime.block_on(page).expect("a page");
        let mut start = 0;
        let mut cut = |end: &u32| page.bytes[std::mem::replace(&mut start, *end as usize)..*end as usize].to_vec();
        let (entries, _) = page.ends.as_chunks::<2>();
        entries.iter().map(|[key, value]| (cut(key), cut(value))).collect()
    }

    /// The counts of maintenance so far.
    pub fn maintenance_counts(&self) -> MaintenanceCounts {
        self.own("its maintenance").host.maintenance_counts()
    }

    /// Takes the right to write from the writer.
    pub fn demote_writer(&self) {
        self.own("its forge")
            .environment
            .is_demoted
            .store(true, Ordering::SeqCst);
    }

    /// Purges data that has been deleted for this long; returns the number of purged objects.
    pub fn purge(&self, deleted_for_ms: u64) -> u64 {
        let purged = self
            .own("its purge")
            .host
            .purge(ProjectId(self.project), Duration::from_millis(deleted_for_ms));
        self.runtime.block_on(purged).expect("a purge")
    }

    /// Runs a purge that must fail; returns its error.
    pub fn purge_fails(&self, deleted_for_ms: u64) -> String {
        let purged = self
            .own("its purge")
            .host
            .purge(ProjectId(self.project), Duration::from_millis(deleted_for_ms));
        format!("{:#}", self.runtime.block_on(purged).expect_err("a failure"))
    }

    /// Runs a purge that is cut off after this time.
    pub fn purge_for(&self, time: Duration) {
        let purged = self
            .own("its purge")
            .host
            .purge(ProjectId(self.project), Duration::ZERO);
        // It does not matter if the purge ended.
        _ = self
            .runtime
            .block_on(async { tokio::time::timeout(time, purged).await });
    }

    /// Stores records, and replaces existing ones.
    pub fn put_records(&self, records: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) {
        let writes: Vec<Write> = records.into_iter().map(|(key, value)| Write::Put(key, value)).collect();
        for some in writes.chunks(1_000) {
            let commit = Commit {
                checks: Vec::new(),
                writes: some.to_vec(),
            };
            let committed = self.records().commit(ProjectId(self.project), commit);
            self.runtime.block_on(committed).expect("a commit");
        }
    }

    /// Reads a record. `None`: there is none.
    pub fn record(&self, key: Vec<u8>) -> Option<Vec<u8>> {
        let keys = [key];
        let read = self.records().get(ProjectId(self.project), &keys);
        let values = self.runtime.block_on(read).expect("an answer");
        (values.versions.first() != Some(&0)).then_some(values.bytes)
    }

    /// Number of records from the first key up to, but without, the second.
    pub fn count_records(&self, start: &[u8], end: &[u8]) -> usize {
        self.count_of(self.records(), start, end)
    }

    /// Number of records in other records than the tracker's.
    pub fn count_of(&self, records: &dyn Records, start: &[u8], end: &[u8]) -> usize {
        let ranges = [Range {
            start: start.to_vec(),
            end: end.to_vec(),
            limit: u32::MAX,
            reverse: false,
        }];
        let page = records.scan(ProjectId(self.project), &ranges);
        let page = self.runtime.block_on(page).expect("a page");
        page.ends.len() / 2
    }

    /// True if a record of the project contains these bytes in its key or its value.
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
            let page = self.records().scan(ProjectId(self.project), &ranges);
            let page = self.runtime.block_on(page).expect("a page");
            let Some(key_end) = page.ends.first() else { return false };
            if page.bytes.windows(bytes.len()).any(|some| some == bytes) {
                return true;
            }
            start = page.bytes[..*key_end as usize].to_vec();
            start.push(0);
        }
    }

    /// Number of records of the project whose keys begin with this prefix.
    pub fn count(&self, prefix: &str) -> usize {
        let mut end = prefix.as_bytes().to_vec();
        end.push(255);
        end.extend([255; 64]);
        let mut range = Range {
            start: prefix.as_bytes().to_vec(),
            end,
            limit: u32::MAX,
            reverse: false,
        };
        let mut count = 0;
        loop {
            let page = self
                .records()
                .scan(ProjectId(self.project), std::slice::from_ref(&range));
            let page = self.runtime.block_on(page).expect("a page");
            count += page.counts[0] as usize;
            let [.., start, key_end, _] = [&[0][..], &page.ends].concat()[..] else {
                return count;
            };
            if page.cut.is_none() {
                return count;
            }
            range.start = page.bytes[start as usize..key_end as usize].to_vec();
            range.start.push(0);
        }
    }

    /// Stores a record without the component.
    pub fn put_record(&self, key: &[u8], value: &[u8]) {
        let writes = vec![Write::Put(key.to_vec(), value.to_vec())];
        let checks = Vec::new();
        let commit = self
            .records()
            .commit(ProjectId(self.project), Commit { checks, writes });
        self.runtime.block_on(commit).expect("a commit");
    }

    /// Stores a file of the project under any name.
    pub fn put_file(&self, name: &str, contents: &'static str) {
        let project = ProjectId(self.project);
        self.runtime.block_on(async {
            let (sender, stream) = tokio::sync::mpsc::channel(1);
            sender.send(Ok(contents.into())).await.expect("a stream");
            drop(sender);
            let staged = self.blobs().stage(project, stream, u64::MAX).await.expect("a file");
            self.blobs().commit(project, staged, name).await.expect("a name");
        });
    }

    /// The names directly below a directory of the project's files, with or without records that lead there.
    pub fn kept(&self, directory: &str) -> Vec<String> {
        let items = self
            .blobs()
            .list(ProjectId(self.project), ListRequest::first(directory));
        let items = self.runtime.block_on(items).expect("a listing");
        items.into_iter().map(|item| item.name).collect()
    }
}
