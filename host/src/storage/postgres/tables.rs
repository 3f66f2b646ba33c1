//! Tables of the host itself, for code that waits for its thread: a thread of its own asks the database.

use std::fmt;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use self::thread::serve;
use super::PostgresAddress;
use super::connector::Connector;
use crate::storage::sql::{Row, SqlError, Value};

mod thread;

/// Longest age of the number of changes that a host has seen. So long may a host believe what another one has changed.
const CHANGES_AGE_MAX: Duration = Duration::from_secs(1);

const LOCK: &str = "
    INSERT INTO mlforge.invalidations AS i (name, seq) VALUES (?1, 1) ON CONFLICT (name) DO UPDATE SET seq = i.seq + 1";
const CHANGES: &str = "SELECT seq FROM mlforge.invalidations WHERE name = ?1";

/// A connection for one transaction at a time. A lost one is replaced, and statements wait for that as long as reads of records
/// do. A transaction whose connection is lost fails as a whole.
pub(crate) struct Tables {
    asks: UnboundedSender<Ask>,
    seen: Mutex<Option<(Instant, i64)>>,
}

/// A statement for the thread.
struct Ask {
    sql: String,
    values: Vec<Value>,
    /// `None`: nobody waits for the rows.
    reply: Option<SyncSender<Result<Vec<Row>, SqlError>>>,
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tables")
    }
}

impl Tables {
    /// Starts the thread. It connects at the first statement. The tables must have been created before.
    pub(crate) fn open(address: &PostgresAddress) -> anyhow::Result<Self> {
        let connector = Connector::new(address)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (asks, asked) = unbounded_channel();
        std::thread::Builder::new()
            .name("mlforge-tables".to_owned())
            .spawn(move || runtime.block_on(serve(connector, asked)))
            .context("cannot start a thread for the database")?;
        Ok(Self {
            asks,
            seen: Mutex::default(),
        })
    }

    /// Runs a statement in SQLite's words, and returns its rows.
    pub(crate) fn rows(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        let (reply, answer) = sync_channel(1);
        let ask = Ask {
            sql: in_own_words(sql),
            values: values.to_vec(),
            reply: Some(reply),
        };
        let ended = || SqlError::Failed("the thread of the database has ended".to_owned());
        self.asks.send(ask).map_err(|_| ended())?;
        answer.recv().map_err(|_| ended())?
    }

    /// Sends a statement without a wait for its end.
    pub(crate) fn send(&self, sql: &str, values: &[Value]) {
        let ask = Ask {
            sql: in_own_words(sql),
            values: values.to_vec(),
            reply: None,
        };
        // The thread ends with its last asker.
        _ = self.asks.send(ask);
    }

    /// Notes a change of this name.
    pub(crate) fn note_change(&self, name: &str) -> Result<(), SqlError> {
        self.rows(LOCK, &[Value::from(name)]).map(drop)
    }

    /// Returns the number of changes of this name.
    pub(crate) fn changes(&self, name: &str) -> Result<i64, SqlError> {
        match self.rows(CHANGES, &[Value::from(name)])?.first() {
            Some(row) => Ok(row.get(0)?),
            None => Ok(0),
        }
    }

    /// Begins a transaction, which waits for others of the same name and changes the number of changes.
    pub(crate) fn begin(&self, name: &str) -> Result<(), SqlError> {
        self.rows("BEGIN", &[])?;
        let locked = self.note_change(name);
        if locked.is_err() {
            // If this fails, the transaction has ended with its connection.
            _ = self.rows("ROLLBACK", &[]);
        }
        locked
    }

    /// Returns the number of changes of this name, at most one second old.
    pub(crate) fn change_number(&self, name: &str) -> Result<i64, SqlError> {
        // No code that may panic runs under the lock.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, number)) = *seen
            && at.elapsed() < CHANGES_AGE_MAX
        {
            return Ok(number);
        }
        let asked = Instant::now();
        let number = self.changes(name)?;
        *seen = Some((asked, number));
        Ok(number)
    }
}

/// Translates a statement: `?1` to `$1`, and `name = ?1 COLLATE NOCASE` to a comparison of small letters.
fn in_own_words(sql: &str) -> String {
    let mut words: Vec<String> = sql.replace('?', "$").split_whitespace().map(str::to_owned).collect();
    while let Some(at) = words.iter().position(|word| word == "COLLATE") {
        let rest = words
            .get(at + 1)
            .map(|word| word.trim_start_matches("NOCASE").to_owned())
            .unwrap_or_default();
        if let Some([name, _, parameter]) = at.checked_sub(3).and_then(|from| words.get_mut(from..at)) {
            *name = format!("lower({name})");
            *parameter = format!("lower({parameter}){rest}");
        }
        words.drain(at..words.len().min(at + 2));
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_translated() {
        for (from, to) in [
            (
                "SELECT a FROM t WHERE b = ?1 AND c > ?12",
                "SELECT a FROM t WHERE b = $1 AND c > $12",
            ),
            ("WHERE login = ?1 COLLATE NOCASE", "WHERE lower(login) = lower($1)"),
            (
                "x = coalesce(?1, (SELECT id FROM p WHERE path = ?2 COLLATE NOCASE)) AND y",
                "x = coalesce($1, (SELECT id FROM p WHERE lower(path) = lower($2))) AND y",
            ),
        ] {
            assert_eq!(in_own_words(from), to);
        }
    }
}
