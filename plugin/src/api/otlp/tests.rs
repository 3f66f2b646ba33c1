#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::domain::trace::span::{SpanStatus, TYPE_ATTRIBUTE};
use crate::domain::trace::value::Value;
use proptest::prelude::*;
use std::io::Write;

/// A body with a root, and with a span that has no id.
const BODY: &str = r#"{"resourceSpans": [{
    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}, {"key": "telemetry.sdk.name", "value": {"stringValue": "x"}}]},
    "scopeSpans": [{"spans": [
        {"traceId": "0102", "spanId": "0a", "name": "root", "kind": 1, "startTimeUnixNano": "18446744073709551615", "endTimeUnixNano": 5,
         "status": {"code": 2, "message": "m"}, "attributes": [
            {"key": "mlflow.spanType", "value": {"stringValue": "\"LLM\""}}, {"key": "n", "value": {"intValue": "7"}}, {"key": "none"},
            {"key": "deep", "value": {"arrayValue": {"values": [{"doubleValue": 0.5}, {"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": true}}]}}]}}}
        ]},
        {"traceId": "0102", "spanId": "", "name": "broken"},
        {"traceId": "xyz", "spanId": "0b", "name": "no hex"}
    ]}]}]}"#;

#[test]
fn a_broken_span_refuses_itself_and_the_rest_is_kept() {
    let batch = read(true, BODY.as_bytes()).unwrap();
    assert_eq!((batch.refused, batch.count(), batch.traces.len()), (2, 3, 1));
    assert!(batch.why.unwrap().contains("'broken'"));
    let (id, trace) = batch.traces.first_key_value().unwrap();
    assert_eq!(id.as_str(), format!("tr-{}0102", "0".repeat(28)));
    assert_eq!(trace.resource.get("service.name").map(String::as_str), Some("shop"));
    assert_eq!(trace.resource.len(), 1);
    let span = &trace.spans[0];
    assert_eq!(
        (span.id, span.parent, span.start_ns),
        ([0, 0, 0, 0, 0, 0, 0, 10], None, u64::MAX)
    );
    assert_eq!((span.status, span.message.as_str()), (SpanStatus::Error, "m"));
    assert_eq!(span.attribute(TYPE_ATTRIBUTE), Some(&Value::Text("LLM".to_owned())));
    assert_eq!(
        (span.attribute("n"), span.attribute("none")),
        (Some(&Value::Integer(7)), Some(&Value::Null))
    );
    assert_eq!(span.attribute("deep").unwrap().json(), r#"[0.5, {"k": true}]"#);
}

#[test]
fn bodies_that_are_no_otlp_are_refused() {
    for body in [
        "",
        "{}",
        "[]",
        "{\"resourceSpans\": []}",
        "{\"resourceSpans\": 5}",
        "no json",
    ] {
        assert!(matches!(read(true, body.as_bytes()), Err(Error::Invalid(_))), "{body}");
    }
    assert!(read(true, br#"{"resourceSpans": [{}]}"#).is_ok());
    assert!(matches!(read(false, b""), Err(Error::Invalid(_))));
    assert!(matches!(read(false, b"\xff\xff"), Err(Error::Invalid(_))));
}

#[test]
fn a_body_may_be_compressed() {
    let sent = |encoding: &str| Telemetry {
        content_encoding: encoding.to_owned(),
        ..Telemetry::default()
    };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"body").unwrap();
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    deflate.write_all(b"body").unwrap();
    assert_eq!(decompressed(&sent("GZIP"), gzip.finish().unwrap()).unwrap(), b"body");
    assert_eq!(
        decompressed(&sent("deflate"), deflate.finish().unwrap()).unwrap(),
        b"body"
    );
    assert_eq!(decompressed(&sent("identity"), b"body".to_vec()).unwrap(), b"body");
    for encoding in ["br", "gzip", "deflate"] {
        assert!(
            matches!(decompressed(&sent(encoding), b"body".to_vec()), Err(Error::Invalid(_))),
            "{encoding}"
        );
    }
}

#[test]
fn a_small_body_cannot_become_a_huge_one() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&vec![0; 65 << 20]).unwrap();
    let sent = Telemetry {
        content_encoding: "gzip".to_owned(),
        ..Telemetry::default()
    };
    assert!(matches!(
        decompressed(&sent, gzip.finish().unwrap()),
        Err(Error::TooLarge(_))
    ));
}

#[test]
fn content_types_are_read_without_parameters_and_case() {
    assert_eq!(is_json("application/JSON; charset=utf-8"), Ok(true));
    assert_eq!(is_json("application/x-protobuf"), Ok(false));
    assert!(is_json("text/plain").is_err() && is_json("").is_err());
}

#[test]
fn the_answer_tells_refused_spans_in_the_form_of_the_request() {
    let body = |is_json, refused| match answer(is_json, refused, "why").body {
        Contents::Whole(bytes) => bytes,
        _ => Vec::new(),
    };
    assert_eq!((body(true, 0), body(false, 0)), (b"{}".to_vec(), Vec::new()));
    assert_eq!(
        body(true, 2),
        br#"{"partialSuccess":{"errorMessage":"why","rejectedSpans":"2"}}"#
    );
    assert_eq!(body(false, 2), b"\x0a\x07\x08\x02\x12\x03why");
}

proptest! {
    #[test]
    fn any_body_is_read_or_refused(body in any::<Vec<u8>>(), is_json in any::<bool>()) {
        let _ = reads(is_json, &body);
    }
}
