//! The spans of a request, sorted by their traces. Both forms of OTLP are read into it, so both have the same
//! rules.

use std::collections::BTreeMap;

use crate::domain::limits::TRACE_PAIRS_MAX;
use crate::domain::name::validate_key;
use crate::domain::trace::SERVER_TAGS;
use crate::domain::trace::convention::translate;
use crate::domain::trace::id::TraceId;
use crate::domain::trace::span::{REQUEST_ID_ATTRIBUTE, Span};
use crate::domain::trace::value::Value;
use crate::request::json_value::decoded;
use crate::store::codec::spans::VALUE_DEPTH_MAX;
use crate::store::traces::ingest::TraceSpans;

/// Bytes of an id of a trace.
const TRACE_ID_BYTES: usize = 16;

/// Spans by their traces, and those that were refused.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) traces: BTreeMap<TraceId, TraceSpans>,
    /// Number of the refused spans.
    pub(super) refused: usize,
    /// The reason why the first was refused. `None`: none was.
    pub(super) why: Option<String>,
}

/// A span as it came, whose ids are not checked yet.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) trace_id: Vec<u8>,
    pub(super) span_id: Vec<u8>,
    pub(super) parent_id: Vec<u8>,
    /// All else.
    pub(super) span: Span,
}

impl Batch {
    /// Number of all spans.
    pub(super) fn count(&self) -> usize {
        self.refused + self.traces.values().map(|trace| trace.spans.len()).sum::<usize>()
    }

    /// Adds a span, or refuses it. `resource` has the tags that its source gives to a new trace.
    pub(super) fn add(&mut self, sent: Sent, resource: &BTreeMap<String, String>) {
        match checked(sent) {
            Err(why) => {
                self.refused += 1;
                self.why.get_or_insert(why);
            }
            Ok((trace, span)) => {
                let trace = self.traces.entry(trace).or_default();
                if trace.resource.is_empty() {
                    trace.resource.clone_from(resource);
                }
                trace.spans.push(span);
            }
        }
    }

    /// Of spans with equal ids in one request only the last is kept.
    pub(super) fn finish(mut self) -> Self {
        for trace in self.traces.values_mut() {
            let mut seen = std::collections::BTreeSet::new();
            trace.spans.reverse();
            trace.spans.retain(|span| seen.insert(span.id));
            trace.spans.reverse();
        }
        self
    }
}

/// Checks the ids of a span, and gives it the attributes that MLflow gives it. The error says what is wrong.
fn checked(sent: Sent) -> Result<(TraceId, Span), String> {
    let name = &sent.span.name;
    let trace: [u8; 16] = padded(&sent.trace_id)
        .ok_or_else(|| format!("the span '{name}' has no trace id of at most {TRACE_ID_BYTES} bytes"))?;
    let id = padded(&sent.span_id).ok_or_else(|| format!("the span '{name}' has no span id of at most 8 bytes"))?;
    let parent = match sent.parent_id.iter().all(|byte| *byte == 0) {
        true => None,
        false => Some(padded(&sent.parent_id).ok_or_else(|| format!("the parent of the span '{name}' is no span id"))?),
    };
    let trace = TraceId::of_telemetry(trace);
    let mut span = Span {
        id,
        parent,
        ..sent.span
    };
    let values = span.attributes.iter().map(|(_, value)| value);
    let of_events = span
        .events
        .iter()
        .flat_map(|event| event.attributes.iter().map(|(_, value)| value));
    if values.chain(of_events).any(|value| !is_shallow(value, VALUE_DEPTH_MAX)) {
        return Err(format!(
            "an attribute of the span '{}' lies deeper than {VALUE_DEPTH_MAX} levels",
            span.name
        ));
    }
    for (_, value) in &mut span.attributes {
        if let Value::Text(text) = value
            && let Some(other) = decoded(text).filter(|other| is_shallow(other, VALUE_DEPTH_MAX))
        {
            *value = other;
        }
    }
    translate(&mut span);
    span.set_attribute(REQUEST_ID_ATTRIBUTE, Value::Text(trace.to_string()));
    Ok((trace, span))
}

/// An id with zeros before it, if it is shorter than ids are. `None`: it is empty or too long.
fn padded<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let missing = N.checked_sub(bytes.len()).filter(|missing| *missing < N)?;
    let mut id = [0; N];
    id.get_mut(missing..)?.copy_from_slice(bytes);
    Some(id)
}

/// True if a value has at most this many lists and maps inside each other.
fn is_shallow(value: &Value, depth: usize) -> bool {
    let Some(below) = depth.checked_sub(1) else {
        return !matches!(value, Value::List(_) | Value::Map(_));
    };
    match value {
        Value::List(items) => items.iter().all(|item| is_shallow(item, below)),
        Value::Map(fields) => fields.iter().all(|(_, value)| is_shallow(value, below)),
        _ => true,
    }
}

/// The tags that a source of spans gives to its traces.
pub(super) fn resource_tags(attributes: &[(String, Value)]) -> BTreeMap<String, String> {
    let is_tag = |key: &str| {
        !key.starts_with("telemetry.sdk.")
            && !key.starts_with("mlflow.")
            && !SERVER_TAGS.contains(&key)
            && validate_key("key", key).is_ok()
    };
    let tags = attributes.iter().filter(|(key, _)| is_tag(key)).take(TRACE_PAIRS_MAX);
    let text = |value: &Value| value.as_text().map_or_else(|| value.json(), str::to_owned);
    tags.map(|(key, value)| (key.clone(), text(value))).collect()
}
