//! Spans as JSON, in the three forms of MLflow: OTLP in snake_case, and the `traces.json` of MLflow 2 and 3.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

use crate::api::wire::traces::TraceInfo;
use crate::api::write_json;
use crate::domain::trace::Trace;
use crate::domain::trace::id::hex;
use crate::domain::trace::span::{
    INPUTS_ATTRIBUTE, KINDS, OUTPUTS_ATTRIBUTE, REQUEST_ID_ATTRIBUTE, Span, SpanEvent, SpanLink, SpanStatus,
};
use crate::domain::trace::value::{Value, float_text};
use crate::error::Result;

/// Writes a trace with its spans.
pub fn write_trace(to: &mut Vec<u8>, trace: &Trace, spans: &[Span]) -> Result<()> {
    to.extend_from_slice(b"{\"trace_info\":");
    write_json(to, &TraceInfo::from(trace))?;
    for (index, span) in spans.iter().enumerate() {
        to.extend_from_slice(if index == 0 { b",\"spans\":[" } else { b"," });
        write_json(to, &otlp(trace, span))?;
    }
    to.extend_from_slice(if spans.is_empty() { b"}" } else { b"]}" });
    Ok(())
}

fn kind(span: &Span) -> &'static str {
    KINDS
        .get(usize::from(span.kind))
        .copied()
        .unwrap_or("SPAN_KIND_UNSPECIFIED")
}

/// A span in OTLP.
fn otlp(trace: &Trace, span: &Span) -> Json {
    let mut fields = Map::new();
    fields.insert("trace_id".to_owned(), STANDARD.encode(trace.id.telemetry()).into());
    fields.insert("span_id".to_owned(), STANDARD.encode(span.id).into());
    if let Some(parent) = span.parent {
        fields.insert("parent_span_id".to_owned(), STANDARD.encode(parent).into());
    }
    fields.insert("name".to_owned(), span.name.as_str().into());
    fields.insert("kind".to_owned(), kind(span).into());
    fields.insert("start_time_unix_nano".to_owned(), span.start_ns.into());
    fields.insert("end_time_unix_nano".to_owned(), span.end_ns.into());
    fields.insert("attributes".to_owned(), key_values(&attributes(trace, span)));
    let event = |event: &SpanEvent| json!({"time_unix_nano": event.time_ns, "name": event.name, "attributes": key_values(&event.attributes)});
    if !span.events.is_empty() {
        fields.insert("events".to_owned(), span.events.iter().map(event).collect());
    }
    if !span.links.is_empty() {
        fields.insert("links".to_owned(), links(span));
    }
    fields.insert("status".to_owned(), status(span));
    Json::Object(fields)
}

/// The attributes with the id of the trace, which clients read there.
fn attributes(trace: &Trace, span: &Span) -> Vec<(String, Value)> {
    let mut attributes = span.attributes.clone();
    attributes.retain(|(key, _)| key != REQUEST_ID_ATTRIBUTE);
    attributes.push((REQUEST_ID_ATTRIBUTE.to_owned(), Value::Text(trace.id.to_string())));
    attributes
}

fn links(span: &Span) -> Json {
    let link = |link: &SpanLink| {
        json!({
            "trace_id": STANDARD.encode(&link.trace), "span_id": STANDARD.encode(&link.span),
            "attributes": key_values(&link.attributes),
        })
    };
    span.links.iter().map(link).collect()
}

fn status(span: &Span) -> Json {
    let mut fields = Map::new();
    if span.status != SpanStatus::Unset {
        fields.insert("code".to_owned(), format!("STATUS_CODE_{}", span.status.name()).into());
    }
    if !span.message.is_empty() {
        fields.insert("message".to_owned(), span.message.as_str().into());
    }
    Json::Object(fields)
}

fn key_values(values: &[(String, Value)]) -> Json {
    let pair = |(key, value): &(String, Value)| match any_value(value) {
        None => json!({"key": key}),
        Some(value) => json!({"key": key, "value": value}),
    };
    values.iter().map(pair).collect()
}

/// A value as OTLP writes it. `None`: it has no value.
fn any_value(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => json!({"bool_value": value}),
        Value::Integer(number) => json!({"int_value": number}),
        Value::Float(number) if number.is_finite() => json!({"double_value": number}),
        Value::Float(number) => json!({"double_value": float_text(*number)}),
        Value::Text(text) => json!({"string_value": text}),
        Value::List(items) => {
            let item = |item| any_value(item).unwrap_or_else(|| json!({}));
            json!({"array_value": {"values": items.iter().map(item).collect::<Json>()}})
        }
        Value::Map(fields) => json!({"kvlist_value": {"values": key_values(fields)}}),
    })
}

/// The attributes as `traces.json` has them: each value is a JSON text.
fn attribute_texts(trace: &Trace, span: &Span) -> Json {
    let texts = attributes(trace, span)
        .into_iter()
        .map(|(key, value)| (key, value.json().into()));
    Json::Object(texts.collect())
}

/// The attributes of an event, as plain JSON.
fn plain(values: &[(String, Value)]) -> Json {
    let json = |value: &Value| serde_json::from_str(&value.json()).unwrap_or_else(|_| Json::from(value.json()));
    Json::Object(values.iter().map(|(key, value)| (key.clone(), json(value))).collect())
}

/// The file `traces.json` of MLflow 2, which clients of both versions read.
pub fn old_file(trace: &Trace, spans: &[Span]) -> Result<Vec<u8>> {
    let event = |event: &SpanEvent| json!({"name": event.name, "timestamp": event.time_ns, "attributes": plain(&event.attributes)});
    let of_span = |span: &Span| {
        json!({
            "name": span.name,
            "context": {"span_id": hex(&span.id), "trace_id": hex(&trace.id.telemetry())},
            "parent_id": span.parent.map(|parent| hex(&parent)),
            "start_time": span.start_ns, "end_time": span.end_ns,
            "status_code": span.status.name(), "status_message": span.message,
            "attributes": attribute_texts(trace, span),
            "events": span.events.iter().map(event).collect::<Json>(),
        })
    };
    let root = spans.iter().find(|span| span.parent.is_none());
    let of_root = |key: &str| root.and_then(|root| root.attribute(key)).map(Value::json);
    let mut file = Vec::new();
    let body = json!({
        "spans": spans.iter().map(of_span).collect::<Json>(),
        "request": of_root(INPUTS_ATTRIBUTE), "response": of_root(OUTPUTS_ATTRIBUTE),
    });
    write_json(&mut file, &body)?;
    Ok(file)
}

/// The file `traces.json` of MLflow 3, which its web pages read.
pub fn new_file(trace: &Trace, spans: &[Span]) -> Result<Vec<u8>> {
    let event = |event: &SpanEvent| json!({"name": event.name, "time_unix_nano": event.time_ns, "attributes": plain(&event.attributes)});
    let of_span = |span: &Span| {
        json!({
            "trace_id": STANDARD.encode(trace.id.telemetry()), "span_id": STANDARD.encode(span.id),
            "parent_span_id": span.parent.map(|parent| STANDARD.encode(parent)), "name": span.name, "kind": kind(span),
            "start_time_unix_nano": span.start_ns, "end_time_unix_nano": span.end_ns,
            "events": span.events.iter().map(event).collect::<Json>(),
            "status": {"code": format!("STATUS_CODE_{}", span.status.name()), "message": span.message},
            "attributes": attribute_texts(trace, span), "links": links(span),
        })
    };
    let mut file = Vec::new();
    write_json(
        &mut file,
        &json!({"spans": spans.iter().map(of_span).collect::<Json>()}),
    )?;
    Ok(file)
}

#[cfg(test)]
mod tests;
