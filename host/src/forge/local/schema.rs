//! The file of the local forge: opening, tables and schema number. It knows no rule of the forge.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::storage::damage::{RESTORE, advised};
use crate::storage::private_file;

/// The schema number that this mlforge writes, in SQLite's `user_version`; 0: an empty file.
const SCHEMA_NUMBER: usize = STEPS.len();

/// Maximum time for which a process waits for another one's change.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pause between two attempts when SQLite itself does not wait.
pub(super) const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// Capacity of a connection's cache of prepared statements. There are fewer statements.
const STATEMENTS_KEPT: usize = 32;

// `AUTOINCREMENT`: data is stored under project numbers, so a number must never be reused for another
// project.
// `NOCASE`: names that differ only in case are the same name, as on GitLab.
// A project's tokens are deleted with it: with no project, they would work for all projects.
const TABLES: &str = "
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    login TEXT NOT NULL UNIQUE COLLATE NOCASE,
    created INTEGER NOT NULL DEFAULT (unixepoch())
) STRICT;
CREATE TABLE projects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE COLLATE NOCASE,
    visibility TEXT NOT NULL,
    created INTEGER NOT NULL DEFAULT (unixepoch())
) STRICT;
CREATE TABLE members (
    project INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    user INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (project, user)
) STRICT, WITHOUT ROWID;
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    project INTEGER REFERENCES projects (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    created INTEGER NOT NULL DEFAULT (unixepoch()),
    expires TEXT,
    revoked INTEGER
) STRICT;
";

// `used` is in seconds since the Unix epoch, as all times here; NULL: never.
// An empty author of a change is the command line.
const ADMINISTRATION: &str = "
ALTER TABLE users ADD COLUMN admin INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN used INTEGER;
CREATE TABLE changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL DEFAULT (unixepoch()),
    author TEXT NOT NULL,
    address TEXT NOT NULL,
    request TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
";

/// The steps from an empty file to the schema that this mlforge writes. After the first `n` of them the file has schema `n`.
pub(super) const STEPS: [&str; 2] = [TABLES, ADMINISTRATION];

/// Opens the connection that changes the file, which is created when absent.
pub(super) fn open_writer(path: &Path) -> anyhow::Result<Connection> {
    private_file::create(path).with_context(|| format!("cannot open {}", path.display()))?;
    let open = || {
        let mut connection = connect(path)?;
        prepare(&mut connection).with_context(|| format!("cannot use {}", path.display()))?;
        Ok(connection)
    };
    open().map_err(|error| advised(error, path, RESTORE))
}

/// Opens the connection that only reads. The file must have been opened by [`open_writer`] before. It does
/// not wait for locks, because its threads serve other requests.
pub(super) fn open_reader(path: &Path) -> anyhow::Result<Connection> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.busy_timeout(Duration::ZERO)?;
    Ok(connection)
}

fn connect(path: &Path) -> anyhow::Result<Connection> {
    // No URI, because a directory's name may contain `?` or `%`. No mutex, because one surrounds the
    // connection.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).with_context(|| format!("cannot open {}", path.display()))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

fn prepare(connection: &mut Connection) -> anyhow::Result<()> {
    use_write_ahead_log(connection)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let Ok(found) = usize::try_from(found) else {
        bail!("its schema number {found} is not one of mlforge's")
    };
    let Some(missing) = STEPS.get(found..) else {
        bail!("it has schema {found}, and this mlforge knows up to {SCHEMA_NUMBER}: use a newer mlforge")
    };
    if missing.is_empty() {
        return Ok(());
    }
    for step in missing {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", i64::try_from(SCHEMA_NUMBER)?)?;
    transaction.commit()?;
    Ok(())
}

/// Sets the journal mode to WAL, which is stored in the file. The change needs exclusive access. When two
/// processes create the file at the same time, SQLite gives up at once, whatever the busy timeout.
fn use_write_ahead_log(connection: &Connection) -> anyhow::Result<()> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        let answer = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match answer {
            Ok(mode) => {
                ensure!(
                    mode == "wal",
                    "its file system cannot hold a shared SQLite file (journal mode {mode})"
                );
                return Ok(());
            }
            Err(error) if is_busy(&error) && Instant::now() < deadline => std::thread::sleep(RETRY_PAUSE),
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}
