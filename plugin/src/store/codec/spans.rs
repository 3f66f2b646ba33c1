//! The stored form of spans: a batch holds all spans of one trace that came with one request.

use super::{Reader, Writer};
use crate::convert::to_u64;
use crate::domain::trace::id::{from_hex, hex};
use crate::domain::trace::span::{KINDS, Span, SpanEvent, SpanLink, SpanStatus};
use crate::domain::trace::value::Value;
use crate::error::Result;

/// Largest number of lists and maps inside each other in a value. Deeper values are refused when they come.
pub const VALUE_DEPTH_MAX: usize = 64;

/// The place of a batch's spans.
#[derive(Clone, Debug, PartialEq)]
pub enum Batch {
    /// In the record.
    Here(Vec<Span>),
    /// In the blob with this name, as the record of a smaller batch.
    Blob(String),
}

/// Writes spans as the record of a batch.
pub fn write_batch(spans: &[Span]) -> Vec<u8> {
    let writer = Writer::new().byte(0).compact(to_u64(spans.len()));
    spans.iter().fold(writer, Writer::span).0
}

/// Writes the record of a batch that is in a blob.
pub fn write_blob_batch(blob: &str) -> Vec<u8> {
    Writer::new().byte(1).text(blob).0
}

/// Reads the record of a batch.
pub fn read_batch(bytes: &[u8]) -> Result<Batch> {
    let mut reader = Reader::new("batch of spans", bytes)?;
    let batch = match reader.byte()? {
        0 => {
            let count = reader.compact()?;
            Batch::Here((0..count).map(|_| reader.span()).collect::<Result<_>>()?)
        }
        1 => Batch::Blob(reader.text()?),
        _ => return Err(reader.corrupt()),
    };
    reader.end(batch)
}

impl Writer {
    fn span(self, span: &Span) -> Self {
        let status = SpanStatus::ALL.iter().find(|(_, _, status)| *status == span.status);
        let writer = self
            .number(u64::from_be_bytes(span.id))
            .optional(span.parent, |writer, parent| writer.number(u64::from_be_bytes(parent)))
            .compact_text(&span.name)
            .byte(span.kind)
            .number(span.start_ns)
            .number(span.end_ns)
            .byte(status.map_or(0, |(number, _, _)| *number))
            .compact_text(&span.message)
            .values(&span.attributes)
            .compact(to_u64(span.events.len()));
        let event = |writer: Writer, event: &SpanEvent| {
            let writer = writer.number(event.time_ns).compact_text(&event.name);
            writer.values(&event.attributes)
        };
        let writer = span.events.iter().fold(writer, event).compact(to_u64(span.links.len()));
        span.links.iter().fold(writer, |writer, link| {
            let writer = writer.compact_text(&hex(&link.trace)).compact_text(&hex(&link.span));
            writer.values(&link.attributes)
        })
    }

    fn values(self, values: &[(String, Value)]) -> Self {
        let named = |writer: Writer, (key, value): &(String, Value)| writer.compact_text(key).value(value);
        values.iter().fold(self.compact(to_u64(values.len())), named)
    }

    fn value(self, value: &Value) -> Self {
        match value {
            Value::Null => self.byte(0),
            Value::Bool(value) => self.byte(1).byte(u8::from(*value)),
            Value::Integer(number) => self.byte(2).compact_signed(*number),
            Value::Float(number) => self.byte(3).number(number.to_bits()),
            Value::Text(text) => self.byte(4).compact_text(text),
            Value::List(items) => items
                .iter()
                .fold(self.byte(5).compact(to_u64(items.len())), Writer::value),
            Value::Map(fields) => self.byte(6).values(fields),
        }
    }
}

impl Reader<'_> {
    fn span(&mut self) -> Result<Span> {
        Ok(Span {
            id: self.number()?.to_be_bytes(),
            parent: self.optional(Reader::number)?.map(u64::to_be_bytes),
            name: self.compact_str()?.to_owned(),
            kind: self.span_kind()?,
            start_ns: self.number()?,
            end_ns: self.number()?,
            status: {
                let number = self.byte()?;
                let found = SpanStatus::ALL.iter().find(|(other, _, _)| *other == number);
                found.map(|(_, _, status)| *status).ok_or_else(|| self.corrupt())?
            },
            message: self.compact_str()?.to_owned(),
            attributes: self.values(VALUE_DEPTH_MAX)?,
            events: self.many(|reader| {
                Ok(SpanEvent {
                    time_ns: reader.number()?,
                    name: reader.compact_str()?.to_owned(),
                    attributes: reader.values(VALUE_DEPTH_MAX)?,
                })
            })?,
            links: self.many(|reader| {
                Ok(SpanLink {
                    trace: reader.hex()?,
                    span: reader.hex()?,
                    attributes: reader.values(VALUE_DEPTH_MAX)?,
                })
            })?,
        })
    }

    fn span_kind(&mut self) -> Result<u8> {
        let kind = self.byte()?;
        let is_known = usize::from(kind) < KINDS.len();
        is_known.then_some(kind).ok_or_else(|| self.corrupt())
    }

    fn hex(&mut self) -> Result<Vec<u8>> {
        let digits = self.compact_str()?;
        from_hex(digits).ok_or_else(|| self.corrupt())
    }

    fn many<T>(&mut self, read: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = self.compact()?;
        (0..count).map(|_| read(self)).collect()
    }

    fn values(&mut self, depth: usize) -> Result<Vec<(String, Value)>> {
        self.many(|reader| Ok((reader.compact_str()?.to_owned(), reader.value(depth)?)))
    }

    fn value(&mut self, depth: usize) -> Result<Value> {
        let below = || depth.checked_sub(1);
        Ok(match self.byte()? {
            0 => Value::Null,
            1 => match self.byte()? {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                _ => return Err(self.corrupt()),
            },
            2 => Value::Integer(self.compact_signed()?),
            3 => Value::Float(f64::from_bits(self.number()?)),
            4 => Value::Text(self.compact_str()?.to_owned()),
            5 => {
                let depth = below().ok_or_else(|| self.corrupt())?;
                Value::List(self.many(|reader| reader.value(depth))?)
            }
            6 => {
                let depth = below().ok_or_else(|| self.corrupt())?;
                Value::Map(self.values(depth)?)
            }
            _ => return Err(self.corrupt()),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::trace::span::tests::a_span;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_batch_reads_back(spans in prop::collection::vec(a_span(), 0..4), blob in any::<String>()) {
            // NaN is unlike itself, so texts are compared.
            let read = read_batch(&write_batch(&spans)).unwrap();
            prop_assert_eq!(format!("{read:?}"), format!("{:?}", Batch::Here(spans)));
            prop_assert_eq!(read_batch(&write_blob_batch(&blob)), Ok(Batch::Blob(blob)));
        }

        #[test]
        fn damaged_bytes_are_an_error_and_no_panic(mut bytes in any::<Vec<u8>>()) {
            if let Some(first) = bytes.first_mut() {
                *first = crate::store::codec::VERSION;
            }
            let _ = read_batch(&bytes);
        }
    }

    #[test]
    fn values_that_lie_too_deep_are_refused() {
        let nested = |depth: usize| (0..depth).fold(Value::Null, |inner, _| Value::List(vec![inner]));
        let span = |depth| Span {
            attributes: vec![("k".to_owned(), nested(depth))],
            ..Span::default()
        };
        assert!(read_batch(&write_batch(&[span(VALUE_DEPTH_MAX)])).is_ok());
        assert!(read_batch(&write_batch(&[span(VALUE_DEPTH_MAX + 1)])).is_err());
    }
}
