//! Statements on a file of SQLite.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql, params_from_iter};

use super::{Row, SqlError, Value};

pub(super) fn rows(connection: &Connection, sql: &str, values: &[Value]) -> Result<Vec<Row>, SqlError> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let columns: Result<_, rusqlite::Error> = (0..columns).map(|column| Ok(value(row.get_ref(column)?))).collect();
        found.push(Row::new(columns?));
    }
    Ok(found)
}

fn value(stored: ValueRef<'_>) -> Value {
    match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Number(number),
        // No table has one.
        ValueRef::Real(_) => Value::Null,
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Number(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        let unique = |cause: &rusqlite::ffi::Error| cause.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE;
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => SqlError::Busy(error.to_string()),
            _ if error.sqlite_error().is_some_and(unique) => SqlError::Taken,
            _ => SqlError::Failed(error.to_string()),
        }
    }
}
