//! The thread that has the connection: it asks the database, one statement after the other.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::sleep;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type};
use tokio_postgres::{Client, Row as StoredRow, Statement};

use super::Ask;
use crate::storage::StorageError;
use crate::storage::postgres::connector::{Connector, Fault};
use crate::storage::postgres::health::Health;
use crate::storage::sql::{Row, SqlError, Value};

/// Pause between two tries to make a connection.
const CONNECT_PAUSE: Duration = Duration::from_millis(250);
/// Least time between two tries after a long absence. Statements fail at once in between.
const LONG_PAUSE: Duration = Duration::from_secs(1);
/// Maximum number of times that a read is sent.
const READS_MAX: usize = 3;

/// Answers until nobody can ask any more.
pub(super) async fn serve(connector: Connector, mut asked: UnboundedReceiver<Ask>) {
    let mut line = Line {
        connector,
        health: Health::default(),
        connection: None,
        failed: None,
        transaction: Transaction::None,
    };
    while let Some(Ask { sql, values, reply }) = asked.recv().await {
        let answer = line.answer(&sql, &values).await;
        // A caller that has gone is ignored.
        if let Some(reply) = reply {
            _ = reply.send(answer);
        }
    }
}

/// A transaction of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    None,
    Open,
    /// Its connection was lost, so it has been undone. All its statements fail, to its end.
    Lost,
}

/// The connection, if there is one.
struct Line {
    connector: Connector,
    health: Health,
    connection: Option<(Client, HashMap<String, Statement>)>,
    /// The moment when the last try to make a connection failed.
    failed: Option<Instant>,
    transaction: Transaction,
}

impl Line {
    async fn answer(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        let is_end = matches!(sql, "COMMIT" | "ROLLBACK");
        let answer = self.rows(sql, values).await;
        if is_end {
            self.transaction = Transaction::None;
        } else if sql == "BEGIN" && answer.is_ok() {
            self.transaction = Transaction::Open;
        }
        answer
    }

    /// Runs a statement. One that changes nothing is sent again if the connection is lost meanwhile.
    async fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        let changes_nothing = sql.starts_with("SELECT") || sql == "BEGIN";
        let mut tries = if changes_nothing { READS_MAX } else { 1 };
        loop {
            self.connect().await?;
            let Some((client, statements)) = &mut self.connection else {
                return Err(SqlError::Failed("there is no connection".to_owned()));
            };
            let error = match ask(client, statements, sql, values).await {
                Ok(rows) => return rows.iter().map(row).collect(),
                Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => return Err(SqlError::Taken),
                Err(error) => error,
            };
            let fault = Fault::from(error);
            tries -= 1;
            let is_lost = matches!(fault, Fault::Lost(_));
            if is_lost {
                self.lose();
            }
            if !is_lost || tries == 0 {
                return Err(SqlError::Failed(fault.text().to_owned()));
            }
        }
    }

    /// Makes a connection if there is none. Waits for a database that is away, but not for long.
    async fn connect(&mut self) -> Result<(), SqlError> {
        if self.connection.as_ref().is_some_and(|(client, _)| client.is_closed()) {
            self.lose();
        }
        if self.transaction == Transaction::Lost {
            return Err(SqlError::Failed(
                "the connection was lost during a transaction".to_owned(),
            ));
        }
        if self.connection.is_none() && self.failed.is_some_and(|at| at.elapsed() < LONG_PAUSE) {
            self.health.check().map_err(failure)?;
        }
        while self.connection.is_none() {
            match self.connected().await {
                Ok(client) => {
                    self.health.is_back();
                    self.connection = Some((client, HashMap::new()));
                }
                Err(fault) => {
                    self.health.is_away(fault.text());
                    self.failed = Some(Instant::now());
                    // After a long absence nobody waits.
                    self.health.check().map_err(failure)?;
                    sleep(CONNECT_PAUSE).await;
                }
            }
        }
        Ok(())
    }

    async fn connected(&self) -> Result<Client, Fault> {
        let client = self.connector.connect().await?;
        // The statements name tables without their schema, as in a file.
        client.batch_execute("SET search_path = mlforge").await?;
        Ok(client)
    }

    fn lose(&mut self) {
        self.connection = None;
        if self.transaction == Transaction::Open {
            self.transaction = Transaction::Lost;
        }
    }
}

fn failure(error: StorageError) -> SqlError {
    SqlError::Failed(error.to_string())
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
