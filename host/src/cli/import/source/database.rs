//! A database that is only read: a file of SQLite or a PostgreSQL database. Both take the same statements.
//!
//! Statements are in SQLite's words: `?1` is a parameter, and `{row}` the column by which rows are in the order of their making.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, anyhow, bail};
use bytes::BytesMut;
use mlforge::storage::postgres::PostgresAddress;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, params_from_iter};
use tokio::task::block_in_place;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Statement};

/// An open database.
pub(super) enum Database {
    File(Mutex<Connection>),
    Server {
        client: Client,
        /// The statements that were prepared. There are few different ones.
        prepared: Mutex<HashMap<String, Statement>>,
    },
}

/// A value of a parameter or a column.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    /// A number. A truth value is 0 or 1.
    Number(i64),
    Real(f64),
    Text(String),
}

/// A row of an answer.
#[derive(Clone, Debug)]
pub(super) struct Row(Vec<Value>);

impl Database {
    pub(super) fn open_file(path: &Path) -> anyhow::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Ok(Self::File(Mutex::new(Connection::open_with_flags(path, flags)?)))
    }

    /// Connects to a database, and fixes the moment that all statements see.
    pub(super) async fn connect(address: &PostgresAddress) -> anyhow::Result<Self> {
        let client = address.connect_to_read().await?;
        client
            .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await?;
        Ok(Self::Server {
            client,
            prepared: Mutex::default(),
        })
    }

    /// True if a table has a column.
    pub(super) async fn has(&self, table: &str, column: &str) -> anyhow::Result<bool> {
        let sql = match self {
            Self::File(_) => "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2",
            Self::Server { .. } => {
                "SELECT count(*) FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND table_name = ?1 AND column_name = ?2"
            }
        };
        let rows = self.rows(sql, &[table.into(), column.into()]).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.integer(0))? > 0)
    }

    /// Runs a statement, and returns its rows.
    pub(super) async fn rows(&self, sql: &str, values: &[Value]) -> anyhow::Result<Vec<Row>> {
        match self {
            Self::File(connection) => block_in_place(|| {
                let connection = connection.lock().map_err(|_| anyhow!("a former query panicked"))?;
                Ok(rows_of_file(&connection, &sql.replace("{row}", "rowid"), values)?)
            }),
            Self::Server { client, prepared } => {
                let statement = statement(client, prepared, sql).await?;
                let parameters = values.iter().map(|value| value as &(dyn ToSql + Sync));
                let found = client.query(&statement, &parameters.collect::<Vec<_>>()).await?;
                found.iter().map(row_of_server).collect()
            }
        }
    }
}

fn rows_of_file(connection: &Connection, sql: &str, values: &[Value]) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let values: rusqlite::Result<_> = (0..columns).map(|column| Ok(row.get_ref(column)?.into())).collect();
        found.push(Row(values?));
    }
    Ok(found)
}

/// A prepared statement, which takes one round trip the first time.
async fn statement(
    client: &Client,
    prepared: &Mutex<HashMap<String, Statement>>,
    sql: &str,
) -> anyhow::Result<Statement> {
    let known = |prepared: &Mutex<HashMap<String, Statement>>| {
        prepared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(sql)
            .cloned()
    };
    if let Some(statement) = known(prepared) {
        return Ok(statement);
    }
    let words = sql.replace('?', "$").replace("{row}", "ctid");
    let statement = client.prepare(&words).await?;
    let mut prepared = prepared.lock().unwrap_or_else(PoisonError::into_inner);
    prepared.insert(sql.to_owned(), statement.clone());
    Ok(statement)
}

fn row_of_server(row: &tokio_postgres::Row) -> anyhow::Result<Row> {
    let columns = (0..row.len()).map(|column| row.try_get(column));
    Ok(Row(columns.collect::<Result<_, _>>()?))
}

impl Row {
    /// A text, whatever type the column has; empty when it is null.
    pub(super) fn text(&self, column: usize) -> String {
        match self.0.get(column) {
            None | Some(Value::Null) => String::new(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Real(number)) => number.to_string(),
            Some(Value::Text(text)) => text.clone(),
        }
    }

    /// A text. `None`: it is null.
    pub(super) fn text_if_any(&self, column: usize) -> Option<String> {
        let is_null = matches!(self.0.get(column), None | Some(Value::Null));
        (!is_null).then(|| self.text(column))
    }

    /// A number; 0 when it is null.
    pub(super) fn integer(&self, column: usize) -> anyhow::Result<i64> {
        Ok(self.integer_if_any(column)?.unwrap_or(0))
    }

    /// A number. `None`: it is null.
    pub(super) fn integer_if_any(&self, column: usize) -> anyhow::Result<Option<i64>> {
        match self.0.get(column) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => Ok(Some(*number)),
            Some(other) => bail!("column {column} has no whole number: {other:?}"),
        }
    }

    /// A number with a fraction; NaN when it is null. SQLite may hold a whole number as an integer.
    pub(super) fn real(&self, column: usize) -> anyhow::Result<f64> {
        match self.0.get(column) {
            None | Some(Value::Null) => Ok(f64::NAN),
            Some(Value::Real(number)) => Ok(*number),
            // The text of a whole number is read as the nearest number.
            Some(Value::Number(number)) => Ok(number.to_string().parse()?),
            Some(Value::Text(text)) => text
                .parse()
                .with_context(|| format!("column {column} has no number: {text:?}")),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Number(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Self::Text(String::from_utf8_lossy(bytes).into_owned()),
        }
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Number(number) => ValueRef::Integer(*number),
            Value::Real(number) => ValueRef::Real(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Number(number) if *ty == Type::INT2 => i16::try_from(*number)?.to_sql(ty, out),
            Value::Number(number) if *ty == Type::INT4 => i32::try_from(*number)?.to_sql(ty, out),
            Value::Number(number) => number.to_sql(ty, out),
            Value::Real(number) => number.to_sql(ty, out),
            Value::Text(text) => text.to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        // The server says of each parameter of which type it is.
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *ty {
            Type::BOOL => Self::Number(bool::from_sql(ty, raw)?.into()),
            Type::INT2 => Self::Number(i16::from_sql(ty, raw)?.into()),
            Type::INT4 => Self::Number(i32::from_sql(ty, raw)?.into()),
            Type::INT8 => Self::Number(i64::from_sql(ty, raw)?),
            Type::FLOAT4 => Self::Real(f32::from_sql(ty, raw)?.into()),
            Type::FLOAT8 => Self::Real(f64::from_sql(ty, raw)?),
            _ if String::accepts(ty) => Self::Text(String::from_sql(ty, raw)?),
            _ => return Err(format!("a column of the type {ty}, which MLflow's schema does not have").into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
