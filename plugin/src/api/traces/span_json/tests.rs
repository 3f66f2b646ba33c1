#![allow(clippy::unwrap_used)]
use super::*;
use crate::domain::id::ExperimentId;
use crate::domain::trace::id::TraceId;
use crate::domain::trace::span::tests::a_span;
use proptest::prelude::*;

fn trace() -> Trace {
    Trace::new(TraceId::of_telemetry([1; 16]), ExperimentId(1), "l", 0)
}

proptest! {
    #[test]
    fn every_form_is_valid_json(spans in prop::collection::vec(a_span(), 0..3)) {
        let mut body = Vec::new();
        write_trace(&mut body, &trace(), &spans).unwrap();
        for form in [body, old_file(&trace(), &spans).unwrap(), new_file(&trace(), &spans).unwrap()] {
            let read: Json = serde_json::from_slice(&form).unwrap();
            prop_assert_eq!(read["spans"].as_array().map_or(0, Vec::len), spans.len());
        }
    }
}

#[test]
fn values_have_the_types_of_otlp() {
    let typed = |value: Value| any_value(&value);
    assert_eq!(typed(Value::Null), None);
    assert_eq!(typed(Value::Integer(i64::MAX)), Some(json!({"int_value": i64::MAX})));
    assert_eq!(
        typed(Value::Float(f64::NEG_INFINITY)),
        Some(json!({"double_value": "-Infinity"}))
    );
    let list = Value::List(vec![Value::Null, Value::Text("a".to_owned())]);
    assert_eq!(
        typed(list),
        Some(json!({"array_value": {"values": [{}, {"string_value": "a"}]}}))
    );
}

#[test]
fn a_span_without_status_has_an_empty_one_and_ids_are_base64() {
    let span = Span {
        id: [2; 8],
        start_ns: u64::MAX,
        ..Span::default()
    };
    let shown = otlp(&trace(), &span);
    assert_eq!(
        (&shown["status"], &shown["start_time_unix_nano"]),
        (&json!({}), &u64::MAX.into())
    );
    assert_eq!(
        (&shown["span_id"], shown.get("parent_span_id")),
        (&"AgICAgICAgI=".into(), None)
    );
}
