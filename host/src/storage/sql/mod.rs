//! Tables of the host itself: users, tokens and sessions. They are in a file of SQLite, or in the PostgreSQL database of the
//! records. Both take the same statements, in SQLite's words: `?1` is a parameter, and `name = ?1 COLLATE NOCASE` ignores case.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

pub(crate) use self::value::{Row, SqlError, Value, WrongColumn};

mod sqlite;
mod value;

/// The values of a statement's parameters, in their order.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::storage::sql::Value::from($value)),*] };
}

pub(crate) use values;

/// A connection to the tables. Calls block the thread: shortly for a file, for a round trip to a server.
#[derive(Debug)]
pub(crate) enum Database {
    /// A file. Other processes of this machine may have it open too.
    File(Connection),
    /// The database of all hosts.
    Server(super::postgres::Tables),
}

impl Database {
    /// Runs a statement, and returns its rows.
    pub(crate) fn rows(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        match self {
            Self::File(connection) => sqlite::rows(connection, sql, values),
            Self::Server(tables) => tables.rows(sql, values),
        }
    }

    /// Runs a statement, and returns its first row.
    pub(crate) fn row(&self, sql: &str, values: &[Value]) -> Result<Option<Row>, SqlError> {
        Ok(self.rows(sql, values)?.into_iter().next())
    }

    /// Runs a change as one transaction, which is durable when this returns. Changes of the same tables follow each other, over
    /// all processes and hosts: each sees those before it. `tables` names them for a server.
    pub(crate) fn transaction<T, E: From<SqlError>>(
        &self,
        tables: &'static str,
        change: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin(Some(tables))?;
        self.end(change)
    }

    /// Runs a change of columns on which nothing depends that a process remembers. It is one transaction too, but waits only for
    /// others of the same rows, and other hosts forget nothing.
    pub(crate) fn side_transaction<T, E: From<SqlError>>(
        &self,
        change: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin(None)?;
        self.end(change)
    }

    fn end<T, E: From<SqlError>>(&self, change: impl FnOnce(&Self) -> Result<T, E>) -> Result<T, E> {
        match change(self) {
            Ok(result) => {
                self.rows("COMMIT", &[])?;
                Ok(result)
            }
            Err(error) => {
                // If this fails, the transaction has ended with its connection.
                _ = self.rows("ROLLBACK", &[]);
                Err(error)
            }
        }
    }

    fn begin(&self, tables: Option<&'static str>) -> Result<(), SqlError> {
        match (self, tables) {
            // An immediate transaction takes its lock at once. One that reads first fails when another process wrote meanwhile.
            (Self::File(connection), _) => sqlite::rows(connection, "BEGIN IMMEDIATE", &[]).map(drop),
            (Self::Server(connection), Some(tables)) => connection.begin(tables),
            (Self::Server(connection), None) => connection.rows("BEGIN", &[]).map(drop),
        }
    }

    /// Makes the changes durable that were not synced, if there are any.
    pub(crate) fn sync(&self) -> Result<(), SqlError> {
        match self {
            Self::File(_) => self.rows("PRAGMA wal_checkpoint(PASSIVE)", &[]).map(drop),
            Self::Server(_) => Ok(()),
        }
    }

    /// Returns a number that changes with every change of the tables by others. On a server it may be one second old.
    pub(crate) fn change_number(&self, tables: &'static str) -> Result<i64, SqlError> {
        match self {
            Self::File(_) => {
                _ = tables;
                let row = self.row("PRAGMA data_version", &[])?;
                Ok(row.ok_or(SqlError::Failed("no data_version".to_owned()))?.get(0)?)
            }
            Self::Server(connection) => connection.change_number(tables),
        }
    }

    /// True if calls take a round trip to a server, for which a thread that serves other requests must not wait.
    pub(crate) fn is_remote(&self) -> bool {
        !matches!(self, Self::File(_))
    }
}

/// The current time, in seconds since the Unix epoch.
pub(crate) fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
