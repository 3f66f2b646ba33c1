//! Records in one SQLite database: a single writer thread that groups commits, and readers beside it.
//!
//! The write-ahead log lets readers and the writer run at the same time. `synchronous = FULL` makes each
//! group durable before any of its commits is acknowledged. A read that begins after an acknowledgement sees
//! the commit, because SQLite gives every new read transaction the newest state of the log.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::Context;
use async_trait::async_trait;

pub use self::copy::copy_database;
use self::queue::{GroupCounts, Queue};
use self::reader::Readers;
pub use self::snapshot::SqliteSnapshot;
use self::writer::Writer;
use super::damage::{RESTORE, advised};
use super::{
    Commit, CommitError, Measured, Page, ProjectId, Range, Records, StorageError, Values, lock_exclusively, owner_only,
    validate_key, validate_read,
};
use crate::storage::RecordsCounts;

mod commit_delay;
mod copy;
mod queue;
mod reader;
mod schema;
mod snapshot;
#[cfg(test)]
mod tests;
mod writer;

/// Maximum number of projects that one call lists.
const PROJECTS_PAGE: u32 = 1000;

/// Records in one SQLite database, for one server process.
pub struct SqliteRecords {
    readers: Readers,
    queue: Queue,
    identity: u64,
    writer: Mutex<Option<JoinHandle<()>>>,
    // Declared last, so that it is released after the writer has closed the database.
    _lock: File,
}

impl SqliteRecords {
    /// Opens the database, or creates it, readable by its owner only. Fails when another process has it open,
    /// when its format is newer, or when it belongs to another program.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        // An absolute path is needed: SQLite takes a relative name that begins with `file:` for a URI.
        let path = std::path::absolute(path).with_context(|| format!("cannot resolve {}", path.display()))?;
        let lock = lock_exclusively(&with_suffix(&path, ".lock"))?;
        owner_only(OpenOptions::new().write(true).create(true).truncate(false))
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        let connection = schema::open(&path).map_err(|error| advised(error, &path, RESTORE))?;
        let identity = schema::identity(&connection)?;
        let (queue, jobs) = Queue::new();
        let writer = Writer::new(connection, &path, jobs, Arc::clone(&queue.counts))?;
        let writer = std::thread::Builder::new()
            .name("records-writer".into())
            .spawn(|| writer.run())?;
        Ok(Self {
            readers: Readers::new(path),
            queue,
            identity,
            writer: Mutex::new(Some(writer)),
            _lock: lock,
        })
    }

    /// An identity that distinguishes this database from all others, for as long as it exists. Data kept
    /// elsewhere can be marked with it. A copy of the database has the same identity.
    pub fn identity(&self) -> String {
        format!("{:016x}", self.identity)
    }

    /// Returns the number of commits decided since the start, and the number of transactions that held them.
    pub fn group_counts(&self) -> (u64, u64) {
        let GroupCounts { commits, groups, .. } = &*self.queue.counts;
        (commits.get(), groups.get())
    }

    /// Lists the projects that have records, in the order of their numbers, after this one: at most 1,000. It is empty only
    /// at the end.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub async fn projects(&self, after: Option<ProjectId>) -> Result<Vec<ProjectId>, StorageError> {
        self.readers
            .read(|connection| reader::projects(connection, after, PROJECTS_PAGE))
            .await
    }

    /// Completes the queued commits and closes the database. Blocks until that is done. Later calls return
    /// `Unavailable`. Dropping does the same.
    pub fn close(&self) {
        self.readers.close();
        self.queue.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A writer that panicked has dropped its callers' replies, which reports the failure to them.
            let _ = writer.join();
        }
    }
}

impl Drop for SqliteRecords {
    fn drop(&mut self) {
        self.close();
    }
}

// Reads run on the caller's thread: they are short, bounded by the limits of a page, and never wait for the
// writer.
#[async_trait]
impl Records for SqliteRecords {
    async fn get(&self, project: ProjectId, keys: &[Vec<u8>]) -> Result<Values, StorageError> {
        validate_read(keys.len())?;
        keys.iter().try_for_each(|key| validate_key(key))?;
        self.readers
            .read(|connection| reader::get(connection, project, keys))
            .await
    }

    async fn scan(&self, project: ProjectId, ranges: &[Range]) -> Result<Page, StorageError> {
        validate_read(ranges.len())?;
        self.readers
            .read(|connection| reader::scan(connection, project, ranges))
            .await
    }

    async fn measure(&self, project: ProjectId, after: &[u8], count: u32) -> Result<Measured, StorageError> {
        self.readers
            .read(|connection| reader::measure(connection, project, after, count))
            .await
    }

    async fn commit(&self, project: ProjectId, commit: Commit) -> Result<(), CommitError> {
        commit.validate()?;
        self.queue.commit(project, commit).await
    }

    fn counts(&self) -> Option<RecordsCounts> {
        let counts = &self.queue.counts;
        Some(RecordsCounts {
            commits: counts.commits.get(),
            conflicts: counts.conflicts.get(),
            groups: counts.groups.get(),
            queued: self.queue.len(),
            syncs: counts.syncs.read(),
            bytes: self.readers.file_bytes(),
        })
    }
}

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        StorageError::Unavailable(format!("sqlite: {error}"))
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
