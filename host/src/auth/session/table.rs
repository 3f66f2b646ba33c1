//! The table of the sessions, in a file or in memory. It knows nothing of how long sessions live.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Entry, Hash, Owner};
use crate::storage::private_file;

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

const COLUMNS: &str = "SELECT id, user, login, sealed, agent, created_ms, used_ms FROM sessions";

/// The table of the sessions.
pub(super) struct Table {
    conn: Connection,
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
    pub(super) fn open(file: Option<&Path>) -> anyhow::Result<Self> {
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
        Ok(Self { conn })
    }

    pub(super) fn insert(
        &mut self,
        hash: &Hash,
        owner: &Owner,
        sealed: &[u8],
        agent: &str,
        now_ms: u64,
    ) -> rusqlite::Result<()> {
        let insert = "INSERT INTO sessions (hash, user, login, sealed, agent, created_ms, used_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)";
        let values = params![hash, owner.user, owner.login, sealed, agent, now_ms];
        self.conn.prepare_cached(insert)?.execute(values)?;
        Ok(())
    }

    pub(super) fn find(&mut self, hash: &Hash) -> rusqlite::Result<Option<Row>> {
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} WHERE hash = ?1"))?;
        statement.query_row([hash], row).optional()
    }

    pub(super) fn list(&mut self, user: &str) -> rusqlite::Result<Vec<Row>> {
        let select = format!("{COLUMNS} WHERE user = ?1 ORDER BY used_ms DESC, id DESC");
        let mut statement = self.conn.prepare_cached(&select)?;
        let rows = statement.query_map([user], row)?;
        rows.collect()
    }

    pub(super) fn touch(&mut self, id: i64, now_ms: u64) -> rusqlite::Result<()> {
        let update = "UPDATE sessions SET used_ms = ?2 WHERE id = ?1";
        self.conn.prepare_cached(update)?.execute(params![id, now_ms])?;
        Ok(())
    }

    pub(super) fn renew(&mut self, id: i64, sealed: &[u8]) -> rusqlite::Result<()> {
        let update = "UPDATE sessions SET sealed = ?2 WHERE id = ?1";
        self.conn.prepare_cached(update)?.execute(params![id, sealed])?;
        Ok(())
    }

    /// Removes one session of a user, or all. The checkpoint syncs the file.
    pub(super) fn revoke(&mut self, user: &str, id: Option<i64>) -> rusqlite::Result<()> {
        let delete = "DELETE FROM sessions WHERE user = ?1 AND id = coalesce(?2, id)";
        self.conn.prepare_cached(delete)?.execute(params![user, id])?;
        self.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    }

    /// Removes sessions that were made or used before these times.
    pub(super) fn sweep(&mut self, created_ms: u64, used_ms: u64) -> rusqlite::Result<()> {
        let delete = "DELETE FROM sessions WHERE created_ms < ?1 OR used_ms < ?2";
        self.conn
            .prepare_cached(delete)?
            .execute(params![created_ms, used_ms])?;
        Ok(())
    }

    /// Removes the sessions that were used least lately, so that one more has room.
    pub(super) fn make_room(&mut self, user: &str, of_user_max: u32, all_max: u32) -> rusqlite::Result<()> {
        let of_user = "DELETE FROM sessions WHERE id IN
             (SELECT id FROM sessions WHERE user = ?1 ORDER BY used_ms DESC, id DESC LIMIT -1 OFFSET ?2)";
        let kept = of_user_max.saturating_sub(1);
        self.conn.prepare_cached(of_user)?.execute(params![user, kept])?;
        let of_all = "DELETE FROM sessions WHERE id IN
             (SELECT id FROM sessions ORDER BY used_ms LIMIT max(0, (SELECT count(*) FROM sessions) - ?1))";
        let kept = all_max.saturating_sub(1);
        self.conn.prepare_cached(of_all)?.execute([kept])?;
        Ok(())
    }
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
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
