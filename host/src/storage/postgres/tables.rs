//! Tables of the host itself, for code that waits for its thread: a thread of its own asks the database.

use std::collections::HashMap;
use std::fmt;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::BytesMut;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type};
use tokio_postgres::{Client, Row as StoredRow, Statement};

use super::PostgresAddress;
use super::connector::{Connector, Fault};
use crate::storage::sql::{Row, SqlError, Value};

/// Longest age of the number of changes that a host has seen. So long may a host believe what another one has changed.
const CHANGES_AGE_MAX: Duration = Duration::from_secs(1);
/// Least time between two tries to make a connection. Statements fail at once in between.
const CONNECT_PAUSE: Duration = Duration::from_secs(1);

const LOCK: &str = "
    INSERT INTO mlforge.invalidations AS i (name, seq) VALUES (?1, 1) ON CONFLICT (name) DO UPDATE SET seq = i.seq + 1";
const CHANGES: &str = "SELECT seq FROM mlforge.invalidations WHERE name = ?1";

/// A connection for one transaction at a time. A lost one is replaced at the next statement.
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
        thread::Builder::new()
            .name("mlforge-tables".to_owned())
            .spawn(move || runtime.block_on(serve(&connector, asked)))
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

/// The thread's connection, if there is one, and when the last try to make one failed.
#[derive(Default)]
struct State {
    line: Option<(Client, HashMap<String, Statement>)>,
    failed: Option<(Instant, String)>,
}

/// Answers until nobody can ask any more.
async fn serve(connector: &Connector, mut asked: UnboundedReceiver<Ask>) {
    let mut state = State::default();
    while let Some(Ask { sql, values, reply }) = asked.recv().await {
        let answer = answer(connector, &mut state, &sql, &values).await;
        // A caller that has gone is ignored.
        if let Some(reply) = reply {
            _ = reply.send(answer);
        }
    }
}

async fn answer(connector: &Connector, state: &mut State, sql: &str, values: &[Value]) -> Result<Vec<Row>, SqlError> {
    state.line.take_if(|(client, _)| client.is_closed());
    if state.line.is_none() {
        if let Some((at, text)) = &state.failed
            && at.elapsed() < CONNECT_PAUSE
        {
            return Err(SqlError::Failed(text.clone()));
        }
        match connector.connect().await {
            Ok(client) => {
                // The statements name tables without their schema, as in a file.
                client
                    .batch_execute("SET search_path = mlforge")
                    .await
                    .map_err(|error| SqlError::Failed(error.to_string()))?;
                state.line = Some((client, HashMap::new()));
            }
            Err(fault) => {
                state.failed = Some((Instant::now(), fault.text().to_owned()));
                return Err(SqlError::Failed(fault.text().to_owned()));
            }
        }
    }
    let Some((client, statements)) = &mut state.line else {
        return Err(SqlError::Failed("there is no connection".to_owned()));
    };
    let result = ask(client, statements, sql, values).await;
    match result {
        Ok(rows) => rows.iter().map(row).collect(),
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => Err(SqlError::Taken),
        Err(error) => {
            let fault = Fault::from(error);
            if matches!(fault, Fault::Lost(_)) {
                state.line = None;
            }
            Err(SqlError::Failed(fault.text().to_owned()))
        }
    }
}

async fn ask(
    client: &Client,
    statements: &mut HashMap<String, Statement>,
    sql: &str,
    values: &[Value],
) -> Result<Vec<StoredRow>, tokio_postgres::Error> {
    let statement = match statements.get(sql) {
        Some(statement) => statement.clone(),
        None => {
            let statement = client.prepare(sql).await?;
            // There are as many as the program has texts.
            statements.insert(sql.to_owned(), statement.clone());
            statement
        }
    };
    let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
    client.query(&statement, &values).await
}

fn row(stored: &StoredRow) -> Result<Row, SqlError> {
    let mut columns = Vec::with_capacity(stored.len());
    for (index, column) in stored.columns().iter().enumerate() {
        let value = match *column.type_() {
            Type::BOOL => stored
                .try_get::<_, Option<bool>>(index)
                .map(|value| value.map(i64::from).into()),
            Type::INT8 => stored.try_get::<_, Option<i64>>(index).map(Value::from),
            Type::INT4 => stored
                .try_get::<_, Option<i32>>(index)
                .map(|value| value.map(i64::from).into()),
            Type::BYTEA => stored.try_get::<_, Option<&[u8]>>(index).map(Value::from),
            _ => stored.try_get::<_, Option<String>>(index).map(Value::from),
        };
        columns.push(value.map_err(|error| SqlError::Failed(error.to_string()))?);
    }
    Ok(Row::new(columns))
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Number(number) if *kind == Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
            Value::Number(number) => number.to_sql(kind, out),
            Value::Text(text) => text.to_sql(kind, out),
            Value::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
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
