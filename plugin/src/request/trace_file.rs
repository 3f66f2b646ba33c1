//! The spans in `traces.json`, which clients upload when they do not send them. MLflow 2 and 3 write different forms. What
//! cannot be read is left out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::json_value::value;
use crate::domain::trace::id::{SpanId, from_hex};
use crate::domain::trace::span::{Span, SpanEvent, SpanStatus, in_order};
use crate::domain::trace::value::Value;

/// Largest number of spans of a file that are read.
const SPANS_MAX: usize = 100_000;

/// True for the beginning of a file as MLflow 3 writes it. Clients of MLflow 2 refuse it.
pub fn is_new(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start);
    let first = |name: &str| text.find(&format!("\"{name}\"")).unwrap_or(usize::MAX);
    // Each span begins with its ids, while MLflow 2 puts them into a context after the name.
    first("span_id") < first("context")
}

/// Reads a file.
pub fn spans(bytes: &[u8]) -> Vec<Span> {
    let file: Json = serde_json::from_slice(bytes).unwrap_or_default();
    let spans = file
        .get("spans")
        .and_then(Json::as_array)
        .map_or(&[][..], Vec::as_slice);
    in_order(spans.iter().take(SPANS_MAX).filter_map(span).collect())
}

fn span(json: &Json) -> Option<Span> {
    let text = |json: &Json, name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
    let own = json.get("context").unwrap_or(json);
    let number = |names: [&str; 2]| {
        names
            .iter()
            .find_map(|name| json.get(*name)?.as_u64())
            .unwrap_or_default()
    };
    let status = json.get("status");
    let code = text(json, "status_code")
        .or_else(|| text(status?, "code"))
        .unwrap_or_default();
    let code = code.trim_start_matches("STATUS_CODE_");
    let parent = ["parent_id", "parent_span_id"].iter().find_map(|name| text(json, name));
    let events = json.get("events").and_then(Json::as_array);
    Some(Span {
        id: span_id(&text(own, "span_id")?)?,
        parent: parent.and_then(|parent| span_id(&parent)),
        name: text(json, "name").unwrap_or_default(),
        start_ns: number(["start_time", "start_time_unix_nano"]),
        end_ns: number(["end_time", "end_time_unix_nano"]),
        status: SpanStatus::ALL
            .iter()
            .find(|(_, name, _)| *name == code)
            .map_or(SpanStatus::Unset, |(_, _, status)| *status),
        message: text(json, "status_message")
            .or_else(|| text(status?, "message"))
            .unwrap_or_default(),
        attributes: pairs(json.get("attributes"), true),
        events: events.into_iter().flatten().map(event).collect(),
        ..Span::default()
    })
}

/// A span's id: 16 hex digits, or base64 of 8 bytes.
fn span_id(text: &str) -> Option<SpanId> {
    let bytes = from_hex(text.trim_start_matches("0x")).filter(|bytes| bytes.len() == 8);
    let bytes = bytes.or_else(|| STANDARD.decode(text).ok())?;
    bytes.try_into().ok()
}

fn event(json: &Json) -> SpanEvent {
    let time = ["timestamp", "time_unix_nano"]
        .iter()
        .find_map(|name| json.get(*name)?.as_u64());
    SpanEvent {
        time_ns: time.unwrap_or_default(),
        name: json.get("name").and_then(Json::as_str).unwrap_or_default().to_owned(),
        attributes: pairs(json.get("attributes"), false),
    }
}

/// Attributes. Those of spans are JSON texts.
fn pairs(json: Option<&Json>, is_encoded: bool) -> Vec<(String, Value)> {
    let fields = json.and_then(Json::as_object).into_iter().flatten();
    let pair = |(name, json): (&String, &Json)| {
        let decoded = json
            .as_str()
            .filter(|_| is_encoded)
            .and_then(|text| serde_json::from_str(text).ok());
        (name.clone(), value(decoded.unwrap_or_else(|| json.clone())))
    };
    fields.map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::trace::span::INPUTS_ATTRIBUTE;
    use proptest::prelude::*;

    #[test]
    fn both_forms_of_the_file_are_read() {
        let old = br#"{"spans": [
            {"name": "child", "context": {"span_id": "0x00000000000000ff"}, "parent_id": "0000000000000001", "start_time": 5, "end_time": 7,
             "status_code": "ERROR", "status_message": "no", "attributes": {"mlflow.spanInputs": "{\"a\": 1}"}, "events": [{"name": "e", "timestamp": 6}]},
            {"name": "root", "context": {"span_id": "0000000000000001"}, "parent_id": null, "start_time": 1}, {"name": "broken"}]}"#;
        let read = spans(old);
        let names: Vec<&str> = read.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, ["root", "child"]);
        let child = &read[1];
        assert_eq!(
            (child.status, child.message.as_str(), child.end_ns),
            (SpanStatus::Error, "no", 7)
        );
        assert_eq!(
            child.attribute(INPUTS_ATTRIBUTE).and_then(|inputs| inputs.get("a")),
            Some(&Value::Integer(1))
        );
        assert_eq!(child.events[0].time_ns, 6);
        assert!(!is_new(old));
        let new = br#"{"spans": [{"name": "root", "span_id": "AAAAAAAAAAE=", "parent_span_id": null, "start_time_unix_nano": 3,
            "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": {}}]}"#;
        assert!(is_new(new));
        let read = spans(new);
        assert_eq!(
            (read[0].id[7], read[0].start_ns, read[0].status),
            (1, 3, SpanStatus::Ok)
        );
    }

    proptest! {
        #[test]
        fn any_file_is_read_without_a_panic(bytes in any::<Vec<u8>>(), name in "[a-z_]{0,8}") {
            let _ = spans(&bytes);
            let _ = spans(format!(r#"{{"spans": [{{"{name}": 3, "span_id": "{name}", "events": [{{}}]}}]}}"#).as_bytes());
        }
    }
}
