//! Writing: one thread takes all commits that wait, and brings them to the disk together.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{CachedStatement, Connection, OptionalExtension, TransactionBehavior, params};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::schema::Versions;
use super::with_suffix;
use crate::storage::{Commit, CommitError, ProjectId, StorageError, Version, Write};

/// The most commits that share one transaction.
const GROUP_COMMITS_MAX: usize = 512;
/// A group takes no further commit once it holds this many bytes.
const GROUP_BYTES_MAX: usize = 64 << 20;
/// How many bytes of commits may wait, in KiB; further callers are held back until there is room.
const QUEUE_KIB_MAX: usize = 256 << 10;
/// A log longer than this is emptied even if readers must be waited for: SQLite by itself only does it when none is
/// there at the right moment.
const WAL_BYTES_MAX: u64 = 64 << 20;

/// How many commits were decided, in how many transactions.
#[derive(Debug, Default)]
pub(super) struct GroupCounts {
    pub(super) commits: AtomicU64,
    pub(super) groups: AtomicU64,
}

/// A commit on its way, and who waits for it.
pub(super) struct Job {
    project: ProjectId,
    commit: Commit,
    reply: oneshot::Sender<Result<(), CommitError>>,
    /// Its share of the queue, given back when it is done.
    _room: OwnedSemaphorePermit,
}

/// The callers' end of the queue.
pub(super) struct Queue {
    /// None once closed.
    jobs: Mutex<Option<Sender<Job>>>,
    room: Arc<Semaphore>,
    pub(super) counts: Arc<GroupCounts>,
}

impl Queue {
    pub(super) fn new() -> (Self, Receiver<Job>) {
        let (jobs, waiting) = channel();
        let room = Arc::new(Semaphore::new(QUEUE_KIB_MAX));
        (
            Self {
                jobs: Mutex::new(Some(jobs)),
                room,
                counts: Arc::default(),
            },
            waiting,
        )
    }

    /// Hands a commit to the writer and waits until it is decided.
    pub(super) async fn commit(&self, project: ProjectId, commit: Commit) -> Result<(), CommitError> {
        let kib = u32::try_from(commit.bytes() >> 10)
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let room = Arc::clone(&self.room)
            .acquire_many_owned(kib)
            .await
            .map_err(|_| closed())?;
        let (reply, answer) = oneshot::channel();
        self.push(Job {
            project,
            commit,
            reply,
            _room: room,
        })?;
        answer.await.unwrap_or_else(|_| Err(closed().into()))
    }

    /// Takes no further commits; the writer ends when it has done those that wait.
    pub(super) fn close(&self) {
        self.room.close();
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn push(&self, job: Job) -> Result<(), StorageError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if sent { Ok(()) } else { Err(closed()) }
    }
}

fn closed() -> StorageError {
    StorageError::Unavailable("the database is closed".into())
}

/// The writer's end.
pub(super) struct Writer {
    connection: Connection,
    versions: Versions,
    jobs: Receiver<Job>,
    counts: Arc<GroupCounts>,
    wal: Wal,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        path: &Path,
        jobs: Receiver<Job>,
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

    /// Serves until the queue is closed and empty.
    pub(super) fn run(mut self) {
        while let Some(group) = self.next_group() {
            let outcomes = self.write(&group);
            self.counts.groups.fetch_add(1, Ordering::Relaxed);
            self.counts
                .commits
                .fetch_add(group.len().try_into().unwrap_or(0), Ordering::Relaxed);
            answer(group, outcomes);
            self.wal.keep_short(&self.connection);
        }
    }

    /// Waits for a commit, and takes all those that came with it.
    fn next_group(&self) -> Option<Vec<Job>> {
        let first = self.jobs.recv().ok()?;
        let mut bytes = first.commit.bytes();
        let mut group = vec![first];
        while group.len() < GROUP_COMMITS_MAX
            && bytes < GROUP_BYTES_MAX
            && let Ok(job) = self.jobs.try_recv()
        {
            bytes += job.commit.bytes();
            group.push(job);
        }
        Some(group)
    }

    /// Decides every commit of the group, each on the state that the former ones left, and makes the result durable.
    /// Any failure undoes them all: a conflict may have been due to a commit that is undone.
    fn write(&mut self, group: &[Job]) -> rusqlite::Result<Vec<Result<(), CommitError>>> {
        if self.versions.left() < u64::try_from(group.len()).unwrap_or(u64::MAX) {
            self.versions = Versions::reserve(&self.connection)?;
        }
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut statements = Statements::prepare(&transaction)?;
        let mut outcomes = Vec::with_capacity(group.len());
        for job in group {
            outcomes.push(match statements.broken_check(job)? {
                Some(key) => Err(CommitError::Conflict(key)),
                None => {
                    statements.apply(job, self.versions.take())?;
                    Ok(())
                }
            });
        }
        drop(statements);
        transaction.commit()?;
        Ok(outcomes)
    }
}

/// Tells every caller; one that stopped waiting does not matter.
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
    raise: CachedStatement<'c>,
    delete: CachedStatement<'c>,
}

impl<'c> Statements<'c> {
    fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        // SQLite compares blobs as memcmp does, the shorter first on a common prefix.
        const PUT: &str = "INSERT INTO records (project, key, version, value) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT DO UPDATE SET version = excluded.version, value = excluded.value";
        const RAISE: &str = "INSERT INTO records (project, key, version, value) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT DO UPDATE SET version = excluded.version, value = excluded.value
            WHERE excluded.value > records.value";
        Ok(Self {
            version: connection.prepare_cached("SELECT version FROM records WHERE project = ?1 AND key = ?2")?,
            put: connection.prepare_cached(PUT)?,
            raise: connection.prepare_cached(RAISE)?,
            delete: connection.prepare_cached("DELETE FROM records WHERE project = ?1 AND key = ?2")?,
        })
    }

    /// The key of the first check that does not hold.
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
                Write::Raise(key, value) => self.raise.execute(params![project, key, version, value])?,
                Write::Delete(key) => self.delete.execute(params![project, key])?,
            };
        }
        Ok(())
    }
}

/// The write-ahead log's file.
struct Wal {
    path: PathBuf,
    bytes_max: u64,
}

impl Wal {
    /// Empties a log that has grown too long. Where a reader does not let go, the next try is when it has doubled.
    fn keep_short(&mut self, connection: &Connection) {
        let bytes = std::fs::metadata(&self.path).map_or(0, |file| file.len());
        if bytes <= self.bytes_max {
            return;
        }
        let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        let emptied = busy.is_ok_and(|busy| busy == 0);
        self.bytes_max = if emptied {
            WAL_BYTES_MAX
        } else {
            bytes.saturating_mul(2)
        };
    }
}
