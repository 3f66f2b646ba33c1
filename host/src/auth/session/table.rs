//! The table of the sessions: in a file, in memory, or in the PostgreSQL database of the records. It knows nothing of how long sessions live.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rusqlite::Connection;

use super::{Entry, Hash, Owner};
use crate::storage::damage::advised;
use crate::storage::private_file;
use crate::storage::sql::{Database, SqlError, WrongColumn, values};

/// The schema number that this mlforge writes, in SQLite's `user_version`; 0: an empty file.
const SCHEMA_NUMBER: i64 = 1;
/// Maximum time for which a change waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

const TABLES: &str = "
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,
    user TEXT NOT NULL,
    login TEXT NOT NULL,
    sealed BLOB NOT NULL,
    agent TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_of_user ON sessions (user, used_ms);
CREATE INDEX sessions_by_use ON sessions (used_ms);
CREATE INDEX sessions_by_age ON sessions (created_ms);
PRAGMA user_version = 1;
";

const COLUMNS: &str = "SELECT id, \"user\", login, sealed, agent, created_ms, used_ms FROM sessions";

/// The table of the sessions.
pub(super) struct Table {
    tables: Database,
}

/// A row of the table.
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) owner: Owner,
    pub(super) sealed: Vec<u8>,
    agent: String,
    pub(super) created_ms: u64,
    pub(super) used_ms: u64,
}

impl Row {
    pub(super) fn into_entry(self) -> Entry {
        Entry {
            id: self.id,
            agent: self.agent,
            created_ms: self.created_ms,
            used_ms: self.used_ms,
        }
    }
}

impl Table {
    /// Opens a file, or a table in memory.
    pub(super) fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        Self::open_unadvised(file).map_err(|error| match file {
            Some(file) => advised(error, file, "remove it, and everybody signs in again"),
            None => error,
        })
    }

    fn open_unadvised(file: Option<&Path>) -> anyhow::Result<Self> {
        let conn = match file {
            None => Connection::open_in_memory()?,
            Some(file) => {
                let failed = || format!("cannot open {}", file.display());
                private_file::create(file).with_context(failed)?;
                let conn = Connection::open(file).with_context(failed)?;
                conn.busy_timeout(BUSY_TIMEOUT)?;
                // A commit is not synced: after a power loss somebody may have to sign in again. Revocations are.
                conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
                    .with_context(failed)?;
                conn.pragma_update(None, "synchronous", "NORMAL")?;
                conn
            }
        };
        match conn.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))? {
            SCHEMA_NUMBER => {}
            0 => conn.execute_batch(TABLES)?,
            newer => bail!("the file of the sessions has schema {newer}: remove it, or use a newer mlforge"),
        }
        Ok(Self::on(Database::File(conn)))
    }

    pub(super) fn on(tables: Database) -> Self {
        Self { tables }
    }

    pub(super) fn is_remote(&self) -> bool {
        self.tables.is_remote()
    }

    pub(super) fn insert(
        &self,
        hash: &Hash,
        owner: &Owner,
        sealed: &[u8],
        agent: &str,
        now_ms: u64,
    ) -> Result<(), SqlError> {
        let insert = "INSERT INTO sessions (hash, \"user\", login, sealed, agent, created_ms, used_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)";
        let (user, login) = (owner.user.as_str(), owner.login.as_str());
        let values = values![*hash, user, login, sealed, agent, now_ms];
        self.tables.rows(insert, values).map(drop)
    }

    pub(super) fn find(&self, hash: &Hash) -> Result<Option<Row>, SqlError> {
        let found = self.tables.row(&format!("{COLUMNS} WHERE hash = ?1"), values![*hash])?;
        Ok(found.as_ref().map(row).transpose()?)
    }

    pub(super) fn list(&self, user: &str) -> Result<Vec<Row>, SqlError> {
        let select = format!("{COLUMNS} WHERE \"user\" = ?1 ORDER BY used_ms DESC, id DESC");
        let rows = self.tables.rows(&select, values![user])?;
        let rows: Result<_, WrongColumn> = rows.iter().map(row).collect();
        Ok(rows?)
    }

    pub(super) fn touch(&self, id: i64, now_ms: u64) -> Result<(), SqlError> {
        let update = "UPDATE sessions SET used_ms = ?2 WHERE id = ?1";
        self.tables.rows(update, values![id, now_ms]).map(drop)
    }

    pub(super) fn renew(&self, id: i64, sealed: &[u8]) -> Result<(), SqlError> {
        let update = "UPDATE sessions SET sealed = ?2 WHERE id = ?1";
        self.tables.rows(update, values![id, sealed]).map(drop)
    }

    /// Removes one session of a user, or all. Durable when this returns.
    pub(super) fn revoke(&self, user: &str, id: Option<i64>) -> Result<(), SqlError> {
        let delete = "DELETE FROM sessions WHERE \"user\" = ?1 AND id = coalesce(?2, id)";
        self.tables.rows(delete, values![user, id])?;
        self.tables.sync()
    }

    /// Removes sessions that were made or used before these times.
    pub(super) fn sweep(&self, created_ms: u64, used_ms: u64) -> Result<(), SqlError> {
        let delete = "DELETE FROM sessions WHERE created_ms < ?1 OR used_ms < ?2";
        self.tables.rows(delete, values![created_ms, used_ms]).map(drop)
    }

    /// Removes the sessions that were used least lately, so that one more has room.
    pub(super) fn make_room(&self, user: &str, of_user_max: u32, all_max: u32) -> Result<(), SqlError> {
        let of_user = "DELETE FROM sessions WHERE id IN
             (SELECT id FROM sessions WHERE \"user\" = ?1 ORDER BY used_ms DESC, id DESC LIMIT ?3 OFFSET ?2)";
        let kept = of_user_max.saturating_sub(1);
        self.tables.rows(of_user, values![user, kept, u32::MAX])?;
        let count = self.tables.row("SELECT count(*) FROM sessions", &[])?;
        let count: u64 = count.map_or(Ok(0), |row| row.get(0))?;
        let surplus = count.saturating_sub(all_max.saturating_sub(1).into());
        if surplus > 0 {
            let of_all = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions ORDER BY used_ms LIMIT ?1)";
            self.tables.rows(of_all, values![surplus])?;
        }
        Ok(())
    }
}

fn row(row: &crate::storage::sql::Row) -> Result<Row, WrongColumn> {
    Ok(Row {
        id: row.get(0)?,
        owner: Owner {
            user: row.get(1)?,
            login: row.get(2)?,
        },
        sealed: row.get(3)?,
        agent: row.get(4)?,
        created_ms: row.get(5)?,
        used_ms: row.get(6)?,
    })
}
