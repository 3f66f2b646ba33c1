//! The database file: its tables, its format number and its version numbers.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::storage::Version;

/// Number of the stored format. Each change of the format gets a new number.
const FORMAT: i64 = 1;
/// Maximum time for which a call waits for a lock of another process, such as a backup.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Page cache of one connection, in KiB. It is small because the operating system caches the file anyhow, and
/// a reader's cache is invalid after the next commit.
const CACHE_KIB: i64 = 1024;
/// Number of pages of the write-ahead log after which they are moved to the database, which takes three more
/// syncs. It is below 4,062, the number of pages that one block of the log's index covers.
const CHECKPOINT_PAGES: i64 = 4000;
/// Number of versions that are reserved in the database at once.
const VERSION_BLOCK: u64 = 1 << 32;

const TABLES: &str = "
    CREATE TABLE meta (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE records (
        project INTEGER NOT NULL,
        key BLOB NOT NULL,
        version INTEGER NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (project, key)
    ) WITHOUT ROWID;
    INSERT INTO meta VALUES ('versions_reserved', 0);
";

/// Opens the writer's connection. The database's format must be known.
pub(super) fn open(path: &Path) -> anyhow::Result<Connection> {
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, BUSY_TIMEOUT)
        .with_context(|| format!("cannot open {}", path.display()))?;
    check_format(&mut connection, path)?;
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .context("cannot use WAL")?;
    ensure!(
        mode == "wal",
        "{} cannot have a write-ahead log: its journal mode is {mode}",
        path.display()
    );
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    Ok(connection)
}

/// Returns a random number that identifies this database. A backup has the same number.
pub(super) fn identity(connection: &Connection) -> rusqlite::Result<u64> {
    const MAKE: &str = "INSERT OR IGNORE INTO meta VALUES ('identity', random())";
    connection.execute(MAKE, [])?;
    let found: i64 = connection.query_row("SELECT value FROM meta WHERE name = 'identity'", [], |row| row.get(0))?;
    Ok(found.cast_unsigned())
}

/// Opens a connection that only reads. It does not wait for locks, because its thread serves other requests.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, Duration::ZERO)
}

fn connect(path: &Path, access: OpenFlags, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    // Each connection is used by one thread at a time, so SQLite need not lock it.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(busy_timeout)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // One plan per statement: otherwise SQLite compiles a range scan again for each pair of bounds.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

fn check_format(connection: &mut Connection, path: &Path) -> anyhow::Result<()> {
    let foreign = || format!("{} is no records database of mlforge", path.display());
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .with_context(foreign)?;
    if tables == 0 {
        let transaction = connection.transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.execute("INSERT INTO meta VALUES ('format', ?1)", [FORMAT])?;
        return transaction
            .commit()
            .with_context(|| format!("cannot create {}", path.display()));
    }
    known_format(connection, path)
}

/// Checks that a database has a format that this program knows.
pub(super) fn known_format(connection: &Connection, path: &Path) -> anyhow::Result<()> {
    let format: i64 = connection
        .query_row("SELECT value FROM meta WHERE name = 'format'", [], |row| row.get(0))
        .with_context(|| format!("{} is no records database of mlforge", path.display()))?;
    if format > FORMAT {
        bail!(
            "{} has format {format}, and this mlforge knows none above {FORMAT}: use a newer one",
            path.display()
        );
    }
    Ok(())
}

/// A block of versions that are unique for ever. The block is marked as taken, durably, before its first use.
/// So neither a restart nor a crash repeats a version. The unused rest of a block is lost, but there are
/// plenty.
#[derive(Debug)]
pub(super) struct Versions {
    last: Version,
    reserved: Version,
}

impl Versions {
    /// Reserves a new block.
    pub(super) fn reserve(connection: &Connection) -> rusqlite::Result<Self> {
        const TAKE: &str = "UPDATE meta SET value = value + ?1 WHERE name = 'versions_reserved' RETURNING value";
        let block = VERSION_BLOCK.cast_signed();
        let reserved: i64 = connection.query_row(TAKE, [block], |row| row.get(0))?;
        Ok(Self {
            last: reserved.saturating_sub(block).cast_unsigned(),
            reserved: reserved.cast_unsigned(),
        })
    }

    /// Number of versions left in the block.
    pub(super) fn left(&self) -> u64 {
        self.reserved.saturating_sub(self.last)
    }

    /// Returns the next version. The caller has checked that one is left.
    pub(super) fn take(&mut self) -> Version {
        self.last += 1;
        self.last
    }

    /// Uses up the block except for `left` versions, for tests.
    #[cfg(test)]
    pub(super) fn use_up_to(&mut self, left: u64) {
        self.last = self.reserved - left;
    }
}
