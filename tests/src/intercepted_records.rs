//! Records whose commits a test intercepts: before each commit a function decides if it happens.

use async_trait::async_trait;
use mlforge::storage::memory::MemoryRecords;
use mlforge::storage::{Commit, CommitError, Page, ProjectId, Range, Records, StorageError, Values};

/// Records in memory with a function that is called before each commit.
pub struct InterceptedRecords<F> {
    records: MemoryRecords,
    before_commit: F,
}

impl<F: Fn(&Commit) -> Result<(), CommitError> + Send + Sync> InterceptedRecords<F> {
    /// Empty records. A commit that `before_commit` refuses does not happen, and returns that error.
    pub fn new(before_commit: F) -> Self {
        let records = MemoryRecords::new();
        Self { records, before_commit }
    }
}

#[async_trait]
impl<F: Fn(&Commit) -> Result<(), CommitError> + Send + Sync + 'static> Records for InterceptedRecords<F> {
    async fn get(&self, project: ProjectId, keys: &[Vec<u8>]) -> Result<Values, StorageError> {
        self.records.get(project, keys).await
    }

    async fn scan(&self, project: ProjectId, ranges: &[Range]) -> Result<Page, StorageError> {
        self.records.scan(project, ranges).await
    }

    async fn commit(&self, project: ProjectId, commit: Commit) -> Result<(), CommitError> {
        (self.before_commit)(&commit)?;
        self.records.commit(project, commit).await
    }
}
