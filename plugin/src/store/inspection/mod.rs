//! Looking inside a store without a server: each record in words. It reads bytes that it is given, and uses no import.

pub mod check;
pub mod counted;
mod values;

use std::fmt;

use crate::error::Error;
use crate::store::keys::{self, ReadKey};

/// A record in words.
#[derive(Clone, Debug, PartialEq)]
pub struct InspectedRecord {
    key: ReadKey,
    value: String,
}

/// Reads a record. It fails if the key is of no family, or the value is not of the form that the family has.
///
/// # Errors
/// `Corrupt`, with the reason and the key in hex.
pub fn inspect(key: &[u8], value: &[u8]) -> Result<InspectedRecord, Error> {
    let read = keys::read_key(key).ok_or_else(|| Error::corrupt("a key of no family", key))?;
    let value = values::in_words(&read, value).map_err(|error| error.at(key))?;
    Ok(InspectedRecord { key: read, value })
}

/// The family, the fields of the key, and after an arrow the value, if it has one: all in one line.
impl fmt::Display for InspectedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.key.family)?;
        for (name, value) in &self.key.fields {
            write!(f, " {name}={value}")?;
        }
        if !self.value.is_empty() {
            write!(f, " → {}", self.value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
