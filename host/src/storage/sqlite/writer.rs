//! Writes: one thread takes all queued commits and writes them in one transaction with one sync.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{CachedStatement, Connection, OptionalExtension, TransactionBehavior, params};

use super::commit_delay::CommitDelay;
use super::queue::{GroupCounts, Job, Jobs};
use super::schema::{BUSY_TIMEOUT, Versions};
use super::with_suffix;
use crate::convert::to_u64;
use crate::storage::{CommitError, StorageError, Version, Write};

/// A longer write-ahead log is emptied, even if that means waiting for readers. SQLite by itself empties it
/// only when no reader is active at the right moment.
const WAL_BYTES_MAX: u64 = 64 << 20;
/// Maximum time for which the writer waits for readers when it empties the log. Our own reads end sooner. A
/// foreign reader, such as a backup, may hold the database longer, but must not hold up writes.
const CHECKPOINT_WAIT: Duration = Duration::from_millis(100);

/// The only writer of the database.
pub(super) struct Writer {
    connection: Connection,
    versions: Versions,
    jobs: Jobs,
    counts: Arc<GroupCounts>,
    commit_delay: CommitDelay,
    wal: Wal,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        path: &Path,
        jobs: Jobs,
        counts: Arc<GroupCounts>,
    ) -> rusqlite::Result<Self> {
        let versions = Versions::reserve(&connection)?;
        let wal = Wal {
            path: with_suffix(path, "-wal"),
            bytes_max: WAL_BYTES_MAX,
        };
        Ok(Self {
            connection,
            versions,
            jobs,
            counts,
            commit_delay: CommitDelay::default(),
            wal,
        })
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    #[cfg(test)]
    pub(super) fn versions(&mut self) -> &mut Versions {
        &mut self.versions
    }

    /// Tries to empty the log however short it is, for tests.
    #[cfg(test)]
    pub(super) fn empty_log(&mut self) {
        self.wal.bytes_max = 0;
        self.wal.keep_short(&self.connection);
    }

    /// Serves until the queue is closed and empty.
    pub(super) fn run(mut self) {
        while let Some(group) = self.jobs.next_group(&mut self.commit_delay) {
            let outcomes = self.write(&group);
            self.counts.groups.increment();
            self.counts.commits.add(to_u64(group.len()));
            answer(group, outcomes);
            self.wal.keep_short(&self.connection);
        }
    }

    /// Decides every commit of the group, each on the state that the former ones left, and makes the result
    /// durable. A failure undoes them all: a conflict may be due to a commit that is undone.
    fn write(&mut self, group: &[Job]) -> rusqlite::Result<Vec<Result<(), CommitError>>> {
        if self.versions.left() < to_u64(group.len()) {
            self.versions = Versions::reserve(&self.connection)?;
        }
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut statements = Statements::prepare(&transaction)?;
        let mut outcomes = Vec::with_capacity(group.len());
        for job in group {
            outcomes.push(match statements.broken_check(job)? {
                Some(key) => {
                    self.counts.conflicts.increment();
                    Err(CommitError::Conflict(key))
                }
                None => {
                    statements.apply(job, self.versions.take())?;
                    Ok(())
                }
            });
        }
        drop(statements);
        let begun = Instant::now();
        transaction.commit()?;
        let sync = begun.elapsed();
        self.counts.syncs.record(sync);
        self.commit_delay.learn(sync, group.len(), self.jobs.len());
        Ok(outcomes)
    }
}

/// Sends every caller its outcome. Callers that stopped waiting are ignored.
fn answer(group: Vec<Job>, outcomes: rusqlite::Result<Vec<Result<(), CommitError>>>) {
    match outcomes {
        Ok(outcomes) => group.into_iter().zip(outcomes).for_each(|(job, outcome)| {
            let _ = job.reply.send(outcome);
        }),
        Err(error) => group.into_iter().for_each(|job| {
            let failed = StorageError::Unavailable(format!("sqlite: {error}"));
            let _ = job.reply.send(Err(failed.into()));
        }),
    }
}

struct Statements<'c> {
    version: CachedStatement<'c>,
    put: CachedStatement<'c>,
    put_max: CachedStatement<'c>,
    delete: CachedStatement<'c>,
}

impl<'c> Statements<'c> {
    fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        // SQLite compares blobs as `memcmp` does. On a common prefix the shorter one comes first.
        const PUT: &str = "INSERT INTO records (project, key, version, value) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT DO UPDATE SET version = excluded.version, value = excluded.value";
        const PUT_MAX: &str = "INSERT INTO records (project, key, version, value) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT DO UPDATE SET version = excluded.version, value = excluded.value
            WHERE excluded.value > records.value";
        Ok(Self {
            version: connection.prepare_cached("SELECT version FROM records WHERE project = ?1 AND key = ?2")?,
            put: connection.prepare_cached(PUT)?,
            put_max: connection.prepare_cached(PUT_MAX)?,
            delete: connection.prepare_cached("DELETE FROM records WHERE project = ?1 AND key = ?2")?,
        })
    }

    /// Returns the key of the first check that does not hold.
    fn broken_check(&mut self, job: &Job) -> rusqlite::Result<Option<Vec<u8>>> {
        let project = job.project.0.cast_signed();
        for check in &job.commit.checks {
            let stored = self
                .version
                .query_row(params![project, check.key], |row| row.get::<_, i64>(0))
                .optional()?;
            if stored.unwrap_or(0).cast_unsigned() != check.version {
                return Ok(Some(check.key.clone()));
            }
        }
        Ok(None)
    }

    fn apply(&mut self, job: &Job, version: Version) -> rusqlite::Result<()> {
        let (project, version) = (job.project.0.cast_signed(), version.cast_signed());
        for write in &job.commit.writes {
            match write {
                Write::Put(key, value) => self.put.execute(params![project, key, version, value])?,
                Write::PutMax(key, value) => self.put_max.execute(params![project, key, version, value])?,
                Write::Delete(key) => self.delete.execute(params![project, key])?,
            };
        }
        Ok(())
    }
}

/// The file of the write-ahead log.
struct Wal {
    path: PathBuf,
    bytes_max: u64,
}

impl Wal {
    /// Empties a log that has grown too long. If a reader prevents that, the next try is after as much growth
    /// again.
    fn keep_short(&mut self, connection: &Connection) {
        let bytes = std::fs::metadata(&self.path).map_or(0, |file| file.len());
        if bytes <= self.bytes_max {
            return;
        }
        let checkpoint = || -> rusqlite::Result<i64> {
            connection.busy_timeout(CHECKPOINT_WAIT)?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        };
        let emptied = checkpoint().is_ok_and(|busy| busy == 0);
        // This cannot fail: it sets a number in memory.
        _ = connection.busy_timeout(BUSY_TIMEOUT);
        let next = if emptied { 0 } else { bytes };
        self.bytes_max = next.saturating_add(WAL_BYTES_MAX);
    }
}
