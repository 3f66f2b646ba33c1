//! `v1/traces`, `traces/…` and `assessments/…`

use hyper::Method;
use serde_json::{Value, json};

use crate::expected::{Experiment, Trace};
use crate::step::{Draw, Piece, Step};

/// Number of keys of tags.
const KEYS: u64 = 3;
/// Largest number of spans of a trace.
const SPANS_MAX: u64 = 40;
/// Largest number of spans of a request.
const SPANS_AT_ONCE: u64 = 6;
/// The start of all traces, in nanoseconds since the Unix epoch.
const START_NS: u64 = 1_700_000_000_000_000_000;
/// Characters of the inputs of a large span, which make its batch a file.
const LARGE_CHARS: usize = 300_000;

/// Any trace: its index and its expected state.
fn any<'a>(draw: &mut Draw<'a>) -> Option<(usize, &'a Trace)> {
    let index = draw.dice.index(draw.expected.traces.len())?;
    Some((index, draw.expected.traces.get(index)?))
}

/// Sends the root of a new trace and some children.
pub(super) fn begin(draw: &mut Draw<'_>) -> Option<Step> {
    let experiment = draw.dice.index(draw.expected.experiments.len())?;
    let Experiment { id, .. } = draw.expected.experiments.get(experiment)?;
    // An id begins with this caller's own number, so no two callers have the same.
    let otel_id = format!(
        "{:016x}{:016x}",
        hash(&draw.expected.prefix),
        1 + draw.dice.below(u64::MAX - 1)
    );
    let spans: Vec<u64> = (1..2 + draw.dice.below(SPANS_AT_ONCE)).collect();
    let call = draw.target.spans(id, &body(&otel_id, &spans, draw.dice.below(20) == 0));
    let piece = Piece::NewTrace(otel_id.clone());
    Some(Step::new(call, piece, move |expected, _| {
        let name = ("mlflow.traceName".to_owned(), span_name(1));
        expected.traces.push(Trace {
            otel_id,
            experiment,
            spans: spans.into_iter().collect(),
            tags: [name].into(),
            ..Trace::default()
        });
        Ok(())
    }))
}

/// A number of a text, for ids.
fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(7, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(byte.into()))
}

/// Sends more spans of a trace, some of which may be there already.
pub(super) fn extend(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, trace) = any(draw).filter(|(_, trace)| !trace.is_deleted)?;
    let Experiment { id, .. } = draw.expected.experiments.get(trace.experiment)?;
    let first = 2 + draw.dice.below(SPANS_MAX - SPANS_AT_ONCE);
    let spans: Vec<u64> = (first..first + 1 + draw.dice.below(SPANS_AT_ONCE)).collect();
    let call = draw
        .target
        .spans(id, &body(&trace.otel_id, &spans, draw.dice.below(20) == 0));
    Some(Step::new(call, Piece::Trace(index), move |expected, _| {
        if let Some(trace) = expected.traces.get_mut(index) {
            trace.spans.extend(spans);
        }
        Ok(())
    }))
}

pub(super) fn set_tag(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, trace) = any(draw)?;
    let (key, value) = (format!("t{}", draw.dice.below(KEYS)), draw.dice.token());
    let path = format!("traces/{}/tags", trace.id());
    let call = draw
        .target
        .json(Method::PATCH, &path, &json!({"key": key, "value": value}));
    let step = Step::new(call, Piece::Trace(index), move |expected, _| {
        if let Some(trace) = expected.traces.get_mut(index) {
            trace.tags.insert(key, value);
        }
        Ok(())
    });
    Some(step.refused_if(trace.is_deleted, 404))
}

/// Gives feedback with an id of its own, so that a repeated request changes nothing.
pub(super) fn judge(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, trace) = any(draw)?;
    let (id, value) = (format!("a-{}", draw.dice.token()), draw.dice.below(5).cast_signed());
    let assessment = json!({
        "assessment_id": id, "assessment_name": "q", "trace_id": trace.id(), "feedback": {"value": value},
        "source": {"source_type": "CODE", "source_id": "soak"},
    });
    let path = format!("traces/{}/assessments", trace.id());
    let call = draw
        .target
        .newer(Method::POST, &path, &json!({ "assessment": assessment }));
    let step = Step::new(call, Piece::Trace(index), move |expected, _| {
        if let Some(trace) = expected.traces.get_mut(index) {
            trace.feedback.insert(id, value);
        }
        Ok(())
    });
    Some(step.refused_if(trace.is_deleted, 404))
}

pub(super) fn delete(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, trace) = any(draw).filter(|(_, trace)| !trace.is_deleted)?;
    let Experiment { id, .. } = draw.expected.experiments.get(trace.experiment)?;
    let body = json!({"experiment_id": id, "request_ids": [trace.id()]});
    let call = draw.target.post("traces/delete-traces", &body);
    Some(Step::new(call, Piece::Trace(index), move |expected, _| {
        if let Some(trace) = expected.traces.get_mut(index) {
            trace.is_deleted = true;
        }
        Ok(())
    }))
}

/// The name of a span.
pub(crate) fn span_name(number: u64) -> String {
    format!("span {number}")
}

/// Spans in OpenTelemetry's JSON. Number 1 is the root.
fn body(otel_id: &str, numbers: &[u64], is_large: bool) -> Value {
    let span = |number: &u64| {
        let inputs = if is_large {
            "x".repeat(LARGE_CHARS)
        } else {
            format!("input {number}")
        };
        json!({
            "traceId": otel_id, "spanId": format!("{number:016x}"), "name": span_name(*number), "kind": 1, "status": {"code": 1},
            "parentSpanId": (*number > 1).then(|| format!("{:016x}", 1)),
            "startTimeUnixNano": (START_NS + number).to_string(), "endTimeUnixNano": (START_NS + number + 1).to_string(),
            "attributes": [{"key": "mlflow.spanInputs", "value": {"stringValue": inputs}}],
        })
    };
    json!({"resourceSpans": [{"scopeSpans": [{"spans": numbers.iter().map(span).collect::<Value>()}]}]})
}
