//! Records in memory that count what is read of them.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use mlforge::storage::memory::MemoryRecords;
use mlforge::storage::{Commit, CommitError, Page, ProjectId, Range, Records, StorageError, Values};

/// Records in memory, and a count of reads.
#[derive(Default)]
pub struct CountedRecords {
    records: MemoryRecords,
    reads: Mutex<Reads>,
}

/// Reads since the last time that they were asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Number of calls.
    pub calls: usize,
    /// Number of records that were returned.
    pub records: usize,
    /// Number of bytes that were returned.
    pub bytes: usize,
}

impl CountedRecords {
    /// The reads since the last time.
    pub fn take(&self) -> Reads {
        std::mem::take(&mut *self.reads.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn count(&self, records: usize, bytes: usize) {
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        reads.calls += 1;
        reads.records += records;
        reads.bytes += bytes;
    }
}

#[async_trait]
impl Records for CountedRecords {
    async fn get(&self, project: ProjectId, keys: &[Vec<u8>]) -> Result<Values, StorageError> {
        let values = self.records.get(project, keys).await?;
        self.count(values.versions.len(), values.bytes.len());
        Ok(values)
    }

    async fn scan(&self, project: ProjectId, ranges: &[Range]) -> Result<Page, StorageError> {
        let page = self.records.scan(project, ranges).await?;
        self.count(page.ends.len() / 2, page.bytes.len());
        Ok(page)
    }

    async fn commit(&self, project: ProjectId, commit: Commit) -> Result<(), CommitError> {
        self.records.commit(project, commit).await
    }
}
