//! Every key read back field by field, for those who look inside a store.

use std::fmt;

use super::layout::{Family, Form, LAYOUTS, Part};
use super::registry::identifier_end;
use super::{POINT_BYTES, read_ascending, read_point, read_text};
use crate::domain::id::RunId;
use crate::domain::metric::Point;

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each holds what its name says")]
pub enum FieldValue {
    Number(u64),
    Time(i64),
    Id([u8; 16]),
    Text(String),
    NoText,
    Letter(char),
    Point(Point),
    Precedence(Vec<u8>),
}

/// A key with its fields.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadKey {
    /// The family of the key.
    pub family: Family,
    /// The fields with their names, in the order of the key.
    pub fields: Vec<(&'static str, FieldValue)>,
}

impl ReadKey {
    /// The number in a field. `None`: there is no such field.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.fields.iter().find_map(|(of, value)| match value {
            FieldValue::Number(number) if *of == name => Some(*number),
            _ => None,
        })
    }

    /// The id in a field, as that of a run. `None`: there is no such field.
    pub fn id(&self, name: &str) -> Option<RunId> {
        self.fields.iter().find_map(|(of, value)| match value {
            FieldValue::Id(id) if *of == name => Some(RunId(*id)),
            _ => None,
        })
    }

    /// The text in a field. `None`: there is no such field.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.iter().find_map(|(of, value)| match value {
            FieldValue::Text(text) if *of == name => Some(text.as_str()),
            _ => None,
        })
    }

    /// The point in the key. `None`: there is none.
    pub fn point(&self) -> Option<Point> {
        self.fields.iter().find_map(|(_, value)| match value {
            FieldValue::Point(point) => Some(*point),
            _ => None,
        })
    }
}

/// Reads a key. `None`: it is of no family.
pub fn read_key(key: &[u8]) -> Option<ReadKey> {
    LAYOUTS.iter().find_map(|(family, parts)| {
        let fields = read_fields(parts, key)?;
        Some(ReadKey {
            family: *family,
            fields,
        })
    })
}

fn read_fields(parts: &[Part], key: &[u8]) -> Option<Vec<(&'static str, FieldValue)>> {
    let mut rest = key;
    let mut fields = Vec::new();
    for part in parts {
        match part {
            Part::Is(byte) => rest = rest.strip_prefix(&[*byte])?,
            Part::Field(name, form) => {
                let (value, after) = read_field(*form, rest)?;
                fields.push((*name, value));
                rest = after;
            }
        }
    }
    rest.is_empty().then_some(fields)
}

fn read_field(form: Form, bytes: &[u8]) -> Option<(FieldValue, &[u8])> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok().map(FieldValue::Text);
    Some(match form {
        Form::Number | Form::Inverted | Form::Descending => {
            let (number, rest) = bytes.split_first_chunk::<8>()?;
            let value = match form {
                Form::Inverted => FieldValue::Number(!u64::from_be_bytes(*number)),
                Form::Descending => FieldValue::Time(read_ascending(number.map(|byte| !byte))),
                _ => FieldValue::Number(u64::from_be_bytes(*number)),
            };
            (value, rest)
        }
        Form::Short => {
            let (number, rest) = bytes.split_first_chunk::<4>()?;
            (FieldValue::Number(u32::from_be_bytes(*number).into()), rest)
        }
        Form::Letter => {
            let (letter, rest) = bytes.split_first()?;
            (FieldValue::Letter(char::from(*letter)), rest)
        }
        Form::Id => {
            let (id, rest) = bytes.split_first_chunk::<16>()?;
            (FieldValue::Id(*id), rest)
        }
        Form::Text => {
            let (text, rest) = read_text(bytes)?;
            (FieldValue::Text(text), rest)
        }
        Form::Last => (text(bytes)?, &[]),
        Form::LastIfAny => match bytes.split_first()? {
            (0, []) => (FieldValue::NoText, &[]),
            (1, rest) => (text(rest)?, &[]),
            _ => return None,
        },
        Form::Point => {
            let (point, rest) = bytes.split_first_chunk::<POINT_BYTES>()?;
            (FieldValue::Point(read_point(point)?), rest)
        }
        Form::Precedence => {
            let (precedence, rest) = bytes.split_at_checked(identifier_end(bytes)?)?;
            (FieldValue::Precedence(precedence.to_vec()), rest)
        }
    })
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Time(ms) => write!(f, "{ms}"),
            Self::Id(id) => write!(f, "{}", RunId(*id)),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::NoText => f.write_str("none"),
            Self::Letter(letter) => write!(f, "{letter:?}"),
            Self::Point(point) => write!(f, "({}, step {}, {})", point.timestamp_ms, point.step, point.value),
            Self::Precedence(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}
