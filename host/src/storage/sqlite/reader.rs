//! Reads: a pool of connections, and the two reads of `Records`.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use tokio::time::{Instant, sleep};

use super::schema::{self, BUSY_TIMEOUT};
use super::with_suffix;
use crate::storage::{Measured, Page, ProjectId, Range, StorageError, Values};

/// Maximum number of connections kept open between reads. If more threads read at once, further connections
/// are opened and closed again.
const IDLE_READERS_MAX: usize = 8;
/// Pause between two attempts to read a locked database.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

const GET: &str = "SELECT version, value FROM records WHERE project = ?1 AND key = ?2";
const SCAN_UP: &str =
    "SELECT key, value FROM records WHERE project = ?1 AND key >= ?2 AND key < ?3 ORDER BY key LIMIT ?4";
const SCAN_DOWN: &str =
    "SELECT key, value FROM records WHERE project = ?1 AND key >= ?2 AND key < ?3 ORDER BY key DESC LIMIT ?4";

// The length of a value is in its row's head, so that long values are not read.
const MEASURE: &str = "
    SELECT coalesce(sum(bytes), 0), max(key) FROM (
        SELECT key, length(key) + length(value) AS bytes FROM records
        WHERE project = ?1 AND key > ?2 ORDER BY key LIMIT ?3)";

/// The numbers of projects, each found by one seek in the primary key.
const PROJECTS: &str = "
    WITH RECURSIVE found (project) AS (
        SELECT min(project) FROM records WHERE project > ?1
        UNION ALL
        SELECT (SELECT min(project) FROM records WHERE project > found.project) FROM found WHERE project IS NOT NULL
    )
    SELECT project FROM found WHERE project IS NOT NULL LIMIT ?2";

/// A pool of read-only connections.
pub(super) struct Readers {
    path: PathBuf,
    /// The idle connections; `None` once closed.
    idle: Mutex<Option<Vec<Connection>>>,
}

/// The reason why a read failed.
pub(super) enum ReadError {
    /// Another process has locked the database.
    Locked,
    Failed(StorageError),
}

impl From<StorageError> for ReadError {
    fn from(error: StorageError) -> Self {
        ReadError::Failed(error)
    }
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ReadError::Locked,
            _ => ReadError::Failed(error.into()),
        }
    }
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: Mutex::new(Some(Vec::new())),
        }
    }

    /// Runs one read on a connection that nobody else uses meanwhile. The read blocks this thread. A locked
    /// database does not: the wait for it is asynchronous, because the thread serves other requests.
    pub(super) async fn read<T>(&self, read: impl Fn(&Connection) -> Result<T, ReadError>) -> Result<T, StorageError> {
        let deadline = Instant::now() + BUSY_TIMEOUT;
        loop {
            match self.try_read(&read) {
                Ok(result) => return Ok(result),
                Err(ReadError::Failed(error)) => return Err(error),
                Err(ReadError::Locked) if Instant::now() < deadline => sleep(RETRY_PAUSE).await,
                Err(ReadError::Locked) => {
                    let seconds = BUSY_TIMEOUT.as_secs();
                    let why = format!("sqlite: another process has locked the database for {seconds} seconds");
                    return Err(StorageError::Unavailable(why));
                }
            }
        }
    }

    fn try_read<T>(&self, read: impl Fn(&Connection) -> Result<T, ReadError>) -> Result<T, ReadError> {
        let connection = self.take()?;
        let result = read(&connection);
        // After a failure of the database the connection may be the cause, so it is not used again.
        if !matches!(result, Err(ReadError::Failed(StorageError::Unavailable(_)))) {
            self.put_back(connection);
        }
        result
    }

    /// Size of the database and its write-ahead log, in bytes. `None`: there is no database file any more.
    pub(super) fn file_bytes(&self) -> Option<u64> {
        let size = |path: &Path| std::fs::metadata(path).map(|file| file.len());
        let log = size(&with_suffix(&self.path, "-wal")).unwrap_or(0);
        Some(size(&self.path).ok()?.saturating_add(log))
    }

    pub(super) fn close(&self) {
        self.idle().take();
    }

    #[cfg(test)]
    pub(super) fn idle_count(&self) -> usize {
        self.idle().as_ref().map_or(0, Vec::len)
    }

    fn take(&self) -> Result<Connection, ReadError> {
        let idle = match self.idle().as_mut() {
            Some(idle) => idle.pop(),
            None => return Err(StorageError::Unavailable("the database is closed".into()).into()),
        };
        idle.map_or_else(|| Ok(schema::open_reader(&self.path)?), Ok)
    }

    fn put_back(&self, connection: Connection) {
        if let Some(idle) = self.idle().as_mut().filter(|idle| idle.len() < IDLE_READERS_MAX) {
            idle.push(connection);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lists the projects that have records, in the order of their numbers, after this one.
pub(super) fn projects(
    connection: &Connection,
    after: Option<ProjectId>,
    limit: u32,
) -> Result<Vec<ProjectId>, ReadError> {
    // Project numbers are not negative.
    let after = after.map_or(-1, |project| i64::try_from(project.0).unwrap_or(i64::MAX));
    let mut query = connection.prepare_cached(PROJECTS)?;
    let found = query.query_map(params![after, limit], |row| row.get(0).map(ProjectId))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Reads the keys in one snapshot.
pub(super) fn get(connection: &Connection, project: ProjectId, keys: &[Vec<u8>]) -> Result<Values, ReadError> {
    let _moment = one_moment(connection, keys.len())?;
    let mut statement = connection.prepare_cached(GET)?;
    let mut values = Values::default();
    for key in keys {
        let found = statement.query_row(params![project.0.cast_signed(), key], |row| {
            let version: i64 = row.get(0)?;
            Ok(values.push(Some((version.cast_unsigned(), row.get_ref(1)?.as_blob()?))))
        });
        match found.optional()? {
            Some(pushed) => pushed?,
            None => values.push(None)?,
        }
    }
    Ok(values)
}

/// Reads the ranges in one snapshot.
pub(super) fn scan(connection: &Connection, project: ProjectId, ranges: &[Range]) -> Result<Page, ReadError> {
    let _moment = one_moment(connection, ranges.len())?;
    let mut up = connection.prepare_cached(SCAN_UP)?;
    let mut down = connection.prepare_cached(SCAN_DOWN)?;
    Page::fill(ranges, |page, range| {
        let statement = if range.reverse { &mut down } else { &mut up };
        let mut rows = statement.query(params![project.0.cast_signed(), range.start, range.end, range.limit])?;
        while let Some(row) = rows.next()? {
            if !page.offer(
                row.get_ref(0)?.as_blob().map_err(foreign)?,
                row.get_ref(1)?.as_blob().map_err(foreign)?,
            ) {
                break;
            }
        }
        Ok(())
    })
}

/// Sums the bytes of some records after a key.
pub(super) fn measure(
    connection: &Connection,
    project: ProjectId,
    after: &[u8],
    count: u32,
) -> Result<Measured, ReadError> {
    let mut statement = connection.prepare_cached(MEASURE)?;
    let measured = statement.query_row(params![project.0.cast_signed(), after, count], |row| {
        Ok(Measured {
            bytes: row.get(0)?,
            last: row.get(1)?,
        })
    });
    Ok(measured?)
}

/// Begins a transaction if there are several statements. A single statement sees one snapshot by itself.
fn one_moment(connection: &Connection, statements: usize) -> rusqlite::Result<Option<Moment<'_>>> {
    (statements > 1).then(|| Moment::begin(connection)).transpose()
}

/// A transaction that only reads. It ends when dropped.
struct Moment<'c>(&'c Connection);

impl<'c> Moment<'c> {
    // The statements are cached, because compiling one takes as long as a short read.
    fn begin(connection: &'c Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self(connection))
    }
}

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        // If the transaction cannot end, the next one cannot begin, and that error is reported.
        _ = self.0.prepare_cached("ROLLBACK").and_then(|mut end| end.execute([]));
    }
}

fn foreign(error: rusqlite::types::FromSqlError) -> StorageError {
    StorageError::Unavailable(format!("sqlite: a record of a wrong type: {error}"))
}
