//! OTLP in protobuf: the messages of `opentelemetry/proto/trace/v1` as far as they are stored.

use prost::Message;

use super::batch::{Batch, Sent, resource_tags};
use super::text::of_bytes;
use crate::domain::trace::span::{KINDS, Span, SpanEvent, SpanLink, SpanStatus};
use crate::domain::trace::value::Value;
use crate::error::{Error, Result};

#[derive(Clone, PartialEq, Message)]
struct ExportRequest {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<SpanMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct SpanMessage {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, repeated, tag = "11")]
    events: Vec<Event>,
    #[prost(message, repeated, tag = "13")]
    links: Vec<Link>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
}

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(fixed64, tag = "1")]
    time_unix_nano: u64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "3")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct Link {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(message, repeated, tag = "4")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "OneValue", tags = "1, 2, 3, 4, 5, 6, 7")]
    value: Option<OneValue>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum OneValue {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(int64, tag = "3")]
    Integer(i64),
    #[prost(double, tag = "4")]
    Float(f64),
    #[prost(message, tag = "5")]
    List(ArrayValue),
    #[prost(message, tag = "6")]
    Map(KeyValueList),
    #[prost(bytes, tag = "7")]
    Bytes(Vec<u8>),
}

#[derive(Clone, PartialEq, Message)]
struct ArrayValue {
    #[prost(message, repeated, tag = "1")]
    values: Vec<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValueList {
    #[prost(message, repeated, tag = "1")]
    values: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_spans: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// Reads a body.
pub(super) fn read(body: &[u8]) -> Result<Batch> {
    let request = ExportRequest::decode(body)
        .map_err(|error| Error::Invalid(format!("Invalid OpenTelemetry format: {error}")))?;
    if request.resource_spans.is_empty() {
        return Err(Error::Invalid(
            "Invalid OpenTelemetry format - no spans found".to_owned(),
        ));
    }
    let mut batch = Batch::default();
    for source in request.resource_spans {
        let resource = resource_tags(&values(source.resource.unwrap_or_default().attributes));
        for span in source.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            batch.add(sent(span), &resource);
        }
    }
    Ok(batch.finish())
}

/// The answer that tells how many spans were refused. Without any it is empty.
pub(super) fn answer(refused: usize, why: &str) -> Vec<u8> {
    let partial_success = (refused > 0).then(|| PartialSuccess {
        rejected_spans: i64::try_from(refused).unwrap_or(i64::MAX),
        error_message: why.to_owned(),
    });
    ExportResponse { partial_success }.encode_to_vec()
}

fn sent(span: SpanMessage) -> Sent {
    let status = span.status.unwrap_or_default();
    let event = |event: Event| SpanEvent {
        time_ns: event.time_unix_nano,
        name: event.name,
        attributes: values(event.attributes),
    };
    let link = |link: Link| SpanLink {
        trace: link.trace_id,
        span: link.span_id,
        attributes: values(link.attributes),
    };
    Sent {
        trace_id: span.trace_id,
        span_id: span.span_id,
        parent_id: span.parent_span_id,
        span: Span {
            name: span.name,
            kind: kind(i64::from(span.kind)),
            start_ns: span.start_time_unix_nano,
            end_ns: span.end_time_unix_nano,
            status: self::status(i64::from(status.code)),
            message: status.message,
            attributes: values(span.attributes),
            events: span.events.into_iter().map(event).collect(),
            links: span.links.into_iter().map(link).collect(),
            ..Span::default()
        },
    }
}

/// The index of a kind of spans. Unknown kinds are unspecified.
pub(super) fn kind(number: i64) -> u8 {
    u8::try_from(number)
        .ok()
        .filter(|kind| usize::from(*kind) < KINDS.len())
        .unwrap_or(0)
}

/// The status with a number. Unknown ones are unset.
pub(super) fn status(number: i64) -> SpanStatus {
    let found = SpanStatus::ALL.iter().find(|(other, _, _)| i64::from(*other) == number);
    found.map(|(_, _, status)| *status).unwrap_or_default()
}

fn values(pairs: Vec<KeyValue>) -> Vec<(String, Value)> {
    pairs.into_iter().map(|pair| (pair.key, value(pair.value))).collect()
}

fn value(any: Option<AnyValue>) -> Value {
    match any.and_then(|any| any.value) {
        None => Value::Null,
        Some(OneValue::Text(text)) => Value::Text(text),
        Some(OneValue::Bool(value)) => Value::Bool(value),
        Some(OneValue::Integer(number)) => Value::Integer(number),
        Some(OneValue::Float(number)) => Value::Float(number),
        Some(OneValue::List(list)) => Value::List(list.values.into_iter().map(|any| value(Some(any))).collect()),
        Some(OneValue::Map(map)) => Value::Map(values(map.values)),
        Some(OneValue::Bytes(bytes)) => Value::Text(of_bytes(&bytes)),
    }
}
