//! Storage in memory with a gate before each call. A test holds a request there while others overtake it, so
//! it forces each interleaving.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use mlforge::storage::memory::{MemoryBlobs, MemoryRecords};
use mlforge::storage::{Commit, CommitError, Page, ProjectId, Range, Records, StorageError, Values};
use tokio::sync::oneshot;

use crate::intercepted_blobs::{BlobCall, InterceptBlobs};

/// Records and blobs behind one gate.
#[derive(Default)]
pub struct GatedStorage {
    records: MemoryRecords,
    blobs: MemoryBlobs,
    gate: Mutex<Gate>,
}

#[derive(Default)]
struct Gate {
    /// Number of calls that pass before the next one is held, and the channel that reports it.
    watch: Option<(usize, oneshot::Sender<Held>)>,
    trace: Trace,
}

/// A call that is held until this value is dropped.
pub struct Held(#[expect(dead_code, reason = "it is dropped")] oneshot::Sender<()>);

/// A range of keys: the first one, and the exclusive end.
type Keys = (Vec<u8>, Vec<u8>);

/// The accesses of an operation to the storage. The names of blobs count as keys after all keys of records.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The number of calls.
    pub calls: usize,
    /// The indices of the calls that change something.
    pub changes: Vec<usize>,
    /// Keys that were read, or checked by a commit.
    reads: Vec<Keys>,
    /// Keys that were written or removed.
    writes: Vec<Keys>,
}

impl Trace {
    /// True if neither of two operations changes anything that the other one reads or changes.
    pub fn is_independent_of(&self, other: &Trace) -> bool {
        let touch = |some: &[Keys], others: &[Keys]| {
            let mut pairs = some.iter().flat_map(|one| others.iter().map(move |other| (one, other)));
            pairs.any(|(one, other)| one.0 < other.1 && other.0 < one.1)
        };
        !touch(&self.writes, &other.writes) && !touch(&self.writes, &other.reads) && !touch(&self.reads, &other.writes)
    }

    /// The first bytes of the keys that one of two operations changes and the other one reads or changes.
    pub fn shared_kinds(&self, other: &Trace) -> Vec<u8> {
        let mut kinds = Vec::new();
        for (writes, all) in [
            (&self.writes, [&other.reads, &other.writes]),
            (&other.writes, [&self.reads, &self.writes]),
        ] {
            for (start, end) in writes {
                let meets = |(first, last): &&Keys| first < end && start < last;
                if all.iter().any(|keys| keys.iter().any(|keys| meets(&keys))) {
                    kinds.extend(start.first());
                }
            }
        }
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

/// The range of one key.
fn key(key: &[u8]) -> Keys {
    (key.to_vec(), [key, &[0]].concat())
}

/// The range of one blob.
fn blob(name: &str) -> Keys {
    key(&[b"\xff", name.as_bytes()].concat())
}

/// The range of all blobs below a directory.
fn below(directory: &str) -> Keys {
    let directory = directory.trim_end_matches('/').as_bytes();
    if directory.is_empty() {
        return (b"\xff".to_vec(), b"\xff\xff".to_vec());
    }
    ([b"\xff", directory, b"/"].concat(), [b"\xff", directory, b"0"].concat())
}

impl GatedStorage {
    /// Holds the call after this number of calls. The receiver gets it.
    pub fn hold_after(&self, calls: usize) -> oneshot::Receiver<Held> {
        let (tell, told) = oneshot::channel();
        self.gate().watch = Some((calls, tell));
        told
    }

    /// Lets all further calls pass, and returns the accesses since the last time.
    pub fn open(&self) -> Trace {
        let mut gate = self.gate();
        gate.watch = None;
        std::mem::take(&mut gate.trace)
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pass(&self, reads: Vec<Keys>, writes: Vec<Keys>) {
        let held = {
            let mut gate = self.gate();
            if !writes.is_empty() {
                let call = gate.trace.calls;
                gate.trace.changes.push(call);
            }
            gate.trace.calls += 1;
            gate.trace.reads.extend(reads);
            gate.trace.writes.extend(writes);
            match gate.watch.take() {
                Some((0, tell)) => {
                    let (release, released) = oneshot::channel();
                    tell.send(Held(release)).ok().map(|()| released)
                }
                Some((left, tell)) => {
                    gate.watch = Some((left - 1, tell));
                    None
                }
                None => None,
            }
        };
        if let Some(released) = held {
            // The sender is dropped without a message.
            _ = released.await;
        }
    }
}

#[async_trait]
impl Records for GatedStorage {
    async fn get(&self, project: ProjectId, keys: &[Vec<u8>]) -> Result<Values, StorageError> {
        self.pass(keys.iter().map(|one| key(one)).collect(), Vec::new()).await;
        self.records.get(project, keys).await
    }

    async fn scan(&self, project: ProjectId, ranges: &[Range]) -> Result<Page, StorageError> {
        let read = ranges.iter().map(|range| (range.start.clone(), range.end.clone()));
        self.pass(read.collect(), Vec::new()).await;
        self.records.scan(project, ranges).await
    }

    async fn commit(&self, project: ProjectId, commit: Commit) -> Result<(), CommitError> {
        let checks = commit.checks.iter().map(|check| key(&check.key)).collect();
        let writes = commit.writes.iter().map(|write| key(write.key())).collect();
        self.pass(checks, writes).await;
        self.records.commit(project, commit).await
    }
}

#[async_trait]
impl InterceptBlobs for GatedStorage {
    fn blobs(&self) -> &MemoryBlobs {
        &self.blobs
    }

    async fn before(&self, _: ProjectId, call: BlobCall<'_>) {
        let (reads, writes) = match call {
            BlobCall::Stat(name) | BlobCall::Read(name) => (vec![blob(name)], Vec::new()),
            BlobCall::List(directory) => (vec![below(directory)], Vec::new()),
            BlobCall::Commit(name) | BlobCall::Delete(name) => (Vec::new(), vec![blob(name)]),
            BlobCall::Join { parts, name } => (parts.iter().map(|part| blob(part)).collect(), vec![blob(name)]),
            BlobCall::DeleteBelow(directory) => (Vec::new(), vec![below(directory)]),
        };
        self.pass(reads, writes).await;
    }
}
