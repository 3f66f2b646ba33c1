//! A view of the database for tools: one moment, which only reads, beside a server that may be running.

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, ensure};
use rusqlite::{Connection, OptionalExtension, params};

use super::schema;
use crate::storage::{ProjectId, end_of_prefix};

const SCAN: &str = "SELECT key, value FROM records
    WHERE project = ?1 AND key >= ?2 AND (?3 IS NULL OR key < ?3) ORDER BY key";
const GET: &str = "SELECT value FROM records WHERE project = ?1 AND key = ?2";
// Negative numbers are the spaces of indexes of files, which are no projects.
const PROJECTS: &str = "SELECT DISTINCT project FROM records WHERE project >= 0 ORDER BY project";

/// The records of a database at one moment. While it is open, the write-ahead log of a running server grows.
pub struct SqliteSnapshot {
    connection: Connection,
}

impl SqliteSnapshot {
    /// Opens a database and fixes the moment.
    ///
    /// # Errors
    /// Fails when there is no database, when its format is newer, or when it belongs to another program.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        ensure!(path.exists(), "there is no database {}", path.display());
        // An absolute path is needed: SQLite takes a relative name that begins with `file:` for a URI.
        let path = std::path::absolute(path).with_context(|| format!("cannot resolve {}", path.display()))?;
        let connection = schema::open_reader(&path).with_context(|| format!("cannot open {}", path.display()))?;
        schema::known_format(&connection, &path)?;
        connection.busy_timeout(schema::BUSY_TIMEOUT)?;
        connection.execute_batch("BEGIN")?;
        // The first read fixes the moment.
        connection.query_row("SELECT count(*) FROM meta", [], |row| row.get::<_, i64>(0))?;
        Ok(Self { connection })
    }

    /// The faults of the file itself, as SQLite finds them by reading all of it: at most 100.
    ///
    /// # Errors
    /// Fails when the file cannot be read at all.
    pub fn faults(&self) -> anyhow::Result<Vec<String>> {
        let mut query = self.connection.prepare("PRAGMA quick_check(100)")?;
        let lines = query.query_map([], |row| row.get::<_, String>(0))?;
        let lines: Vec<String> = lines
            .collect::<rusqlite::Result<_>>()
            .context("cannot read the database")?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    /// The projects that have records, by number.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn projects(&self) -> anyhow::Result<Vec<ProjectId>> {
        let mut query = self.connection.prepare(PROJECTS)?;
        let found = query.query_map([], |row| row.get::<_, i64>(0))?;
        found
            .map(|number| Ok(ProjectId(number?.cast_unsigned())))
            .collect::<rusqlite::Result<_>>()
            .context("cannot list projects")
    }

    /// Reads a record. `None`: there is none.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn get(&self, project: ProjectId, key: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
        let mut query = self.connection.prepare_cached(GET)?;
        let found = query.query_row(params![project.0.cast_signed(), key], |row| row.get(0));
        found.optional().context("cannot read a record")
    }

    /// Gives each record of a project whose key begins so to `each`, in the order of keys, until `each`
    /// breaks off. No more than one record is in memory.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn scan(
        &self,
        project: ProjectId,
        prefix: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        let mut query = self.connection.prepare_cached(SCAN)?;
        let mut rows = query.query(params![project.0.cast_signed(), prefix, end_of_prefix(prefix)])?;
        while let Some(row) = rows.next()? {
            let (key, value) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
            if each(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }
}
