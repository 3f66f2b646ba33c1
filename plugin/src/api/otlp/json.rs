//! OTLP in JSON: ids are hex, integers may be texts, and enums are numbers or names.

use super::batch::{Batch, Sent, resource_tags};
use super::proto::{kind, status};
use super::text::of_bytes;
use crate::domain::trace::id::from_hex;
use crate::domain::trace::span::{KINDS, Span, SpanEvent, SpanLink, SpanStatus};
use crate::domain::trace::value::Value;
use crate::error::{Error, Result};
use crate::request::json::Json;
use crate::request::params::{Params, from_body};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Reads a body.
pub(super) fn read(body: &[u8]) -> Result<Batch> {
    let fields = from_body(body)?;
    let request = Params::new(&fields);
    let sources = request.objects("resource_spans")?;
    if sources.is_empty() {
        return Err(Error::Invalid(
            "Invalid OpenTelemetry format - no spans found".to_owned(),
        ));
    }
    let mut batch = Batch::default();
    for source in sources {
        let resource = match source.object("resource")? {
            Some(resource) => resource_tags(&values(&resource)?),
            None => resource_tags(&[]),
        };
        for scope in source.objects("scope_spans")? {
            for span in scope.objects("spans")? {
                match sent(&span) {
                    Ok(sent) => batch.add(sent, &resource),
                    Err(error) => {
                        batch.refused += 1;
                        batch.why.get_or_insert(error.to_string());
                    }
                }
            }
        }
    }
    Ok(batch.finish())
}

fn sent(span: &Params<'_>) -> Result<Sent> {
    let of_status = span.object("status")?;
    let event = |event: &Params<'_>| {
        Ok(SpanEvent {
            time_ns: nanoseconds(event, "time_unix_nano")?,
            name: text(event, "name")?,
            attributes: values(event)?,
        })
    };
    let link = |link: &Params<'_>| {
        Ok(SpanLink {
            trace: id(link, "trace_id")?,
            span: id(link, "span_id")?,
            attributes: values(link)?,
        })
    };
    Ok(Sent {
        trace_id: id(span, "trace_id")?,
        span_id: id(span, "span_id")?,
        parent_id: id(span, "parent_span_id")?,
        span: Span {
            name: text(span, "name")?,
            kind: kind(word(span, "kind", |word| KINDS.iter().position(|kind| *kind == word))?),
            start_ns: nanoseconds(span, "start_time_unix_nano")?,
            end_ns: nanoseconds(span, "end_time_unix_nano")?,
            status: match &of_status {
                Some(of) => status(word(of, "code", status_of_word)?),
                None => SpanStatus::Unset,
            },
            message: of_status.map_or(Ok(String::new()), |of| text(&of, "message"))?,
            attributes: values(span)?,
            events: span.objects("events")?.iter().map(event).collect::<Result<_>>()?,
            links: span.objects("links")?.iter().map(link).collect::<Result<_>>()?,
            ..Span::default()
        },
    })
}

fn status_of_word(word: &str) -> Option<usize> {
    let name = word.strip_prefix("STATUS_CODE_")?;
    SpanStatus::ALL.iter().position(|(_, other, _)| *other == name)
}

fn text(params: &Params<'_>, name: &str) -> Result<String> {
    params.text(name).map(|text| text.unwrap_or_default().to_owned())
}

/// An enum, by number or by a name that `of_word` knows.
fn word(params: &Params<'_>, name: &str, of_word: impl Fn(&str) -> Option<usize>) -> Result<i64> {
    if let Some(Json::Text(text)) = params.any(name)
        && let Some(number) = of_word(text)
    {
        return Ok(i64::try_from(number).unwrap_or(0));
    }
    params.integer(name).map(|number| number.unwrap_or(0))
}

/// A time, which may be beyond the signed integers.
fn nanoseconds(params: &Params<'_>, name: &str) -> Result<u64> {
    let number = match params.any(name) {
        None => Some(0),
        Some(Json::Number(number)) => number.as_u64(),
        Some(Json::Text(text)) => text.parse().ok(),
        Some(_) => None,
    };
    number.ok_or_else(|| Error::Invalid(format!("'{}' is no time in nanoseconds", params.name(name))))
}

fn id(params: &Params<'_>, name: &str) -> Result<Vec<u8>> {
    let digits = params.text(name)?.unwrap_or_default();
    from_hex(digits).ok_or_else(|| Error::Invalid(format!("'{}' is not hex: '{digits}'", params.name(name))))
}

fn values(params: &Params<'_>) -> Result<Vec<(String, Value)>> {
    pairs(params, "attributes")
}

fn pairs(params: &Params<'_>, name: &str) -> Result<Vec<(String, Value)>> {
    let pair = |pair: &Params<'_>| {
        let value = pair.object("value")?;
        Ok((
            text(pair, "key")?,
            value.map_or(Ok(Value::Null), |any| self::value(&any))?,
        ))
    };
    params.objects(name)?.iter().map(pair).collect()
}

/// A value. The reader of JSON bounds its depth.
fn value(any: &Params<'_>) -> Result<Value> {
    if let Some(text) = any.text("string_value")? {
        return Ok(Value::Text(text.to_owned()));
    }
    if let Some(value) = any.boolean("bool_value")? {
        return Ok(Value::Bool(value));
    }
    if let Some(number) = any.integer("int_value")? {
        return Ok(Value::Integer(number));
    }
    if any.any("double_value").is_some() {
        return any.required_float("double_value").map(Value::Float);
    }
    if let Some(list) = any.object("array_value")? {
        let items = list.objects("values")?;
        return Ok(Value::List(items.iter().map(value).collect::<Result<_>>()?));
    }
    if let Some(map) = any.object("kvlist_value")? {
        return pairs(&map, "values").map(Value::Map);
    }
    let bytes = any.text("bytes_value")?.and_then(|text| STANDARD.decode(text).ok());
    Ok(bytes.map_or(Value::Null, |bytes| Value::Text(of_bytes(&bytes))))
}
