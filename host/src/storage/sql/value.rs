//! The values of columns and parameters, rows, and errors.

use std::fmt;

/// A value of a column or a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    /// A number. A truth value is 0 or 1.
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row(Vec<Value>);

/// The reason why a statement failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SqlError {
    /// Another row has the name that must be unique.
    Taken,
    /// Another process has locked the file.
    Busy(String),
    /// The statement failed otherwise. The text is for the log.
    Failed(String),
}

/// A column has another type than the program expects, or text that it does not understand.
#[derive(Debug)]
pub(crate) struct WrongColumn(pub(crate) String);

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("the name is taken"),
            Self::Busy(text) | Self::Failed(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for SqlError {}

impl From<WrongColumn> for SqlError {
    fn from(WrongColumn(text): WrongColumn) -> Self {
        Self::Failed(text)
    }
}

impl Row {
    pub(crate) fn new(columns: Vec<Value>) -> Self {
        Self(columns)
    }

    /// The values of all columns, in their order.
    pub(crate) fn values(&self) -> &[Value] {
        &self.0
    }

    /// Reads a column.
    pub(crate) fn get<T: TryFrom<Value, Error = WrongColumn>>(&self, column: usize) -> Result<T, WrongColumn> {
        let value = self.0.get(column).cloned();
        value
            .ok_or_else(|| WrongColumn(format!("a row has no column {column}")))?
            .try_into()
            .map_err(|WrongColumn(text)| WrongColumn(format!("column {column}: {text}")))
    }

    /// Reads a column that may be NULL.
    pub(crate) fn get_or_null<T: TryFrom<Value, Error = WrongColumn>>(
        &self,
        column: usize,
    ) -> Result<Option<T>, WrongColumn> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.get(column).map(Some),
        }
    }

    /// Reads a column that has the word of a type.
    pub(crate) fn word<T: std::str::FromStr<Err: fmt::Display>>(&self, column: usize) -> Result<T, WrongColumn> {
        let word: String = self.get(column)?;
        word.parse()
            .map_err(|error| WrongColumn(format!("column {column}: {error}")))
    }
}

impl TryFrom<Value> for i64 {
    type Error = WrongColumn;

    fn try_from(value: Value) -> Result<Self, WrongColumn> {
        match value {
            Value::Number(number) => Ok(number),
            other => Err(WrongColumn(format!("no number: {other:?}"))),
        }
    }
}

impl TryFrom<Value> for u64 {
    type Error = WrongColumn;

    fn try_from(value: Value) -> Result<Self, WrongColumn> {
        let number = i64::try_from(value)?;
        u64::try_from(number).map_err(|_| WrongColumn(format!("a negative number: {number}")))
    }
}

impl TryFrom<Value> for bool {
    type Error = WrongColumn;

    fn try_from(value: Value) -> Result<Self, WrongColumn> {
        Ok(i64::try_from(value)? != 0)
    }
}

impl TryFrom<Value> for String {
    type Error = WrongColumn;

    fn try_from(value: Value) -> Result<Self, WrongColumn> {
        match value {
            Value::Text(text) => Ok(text),
            other => Err(WrongColumn(format!("no text: {other:?}"))),
        }
    }
}

impl TryFrom<Value> for Vec<u8> {
    type Error = WrongColumn;

    fn try_from(value: Value) -> Result<Self, WrongColumn> {
        match value {
            Value::Bytes(bytes) => Ok(bytes),
            other => Err(WrongColumn(format!("no bytes: {other:?}"))),
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

/// A number that no row can have becomes the greatest that one can.
impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
