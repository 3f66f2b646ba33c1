//! Spans: the steps of a trace.

use super::id::SpanId;
use super::value::{Value, write_map, write_text};

/// The attribute with the type of a span.
pub const TYPE_ATTRIBUTE: &str = "mlflow.spanType";
/// The attribute with the inputs of a span.
pub const INPUTS_ATTRIBUTE: &str = "mlflow.spanInputs";
/// The attribute with the outputs of a span.
pub const OUTPUTS_ATTRIBUTE: &str = "mlflow.spanOutputs";
/// The attribute with the id of the span's trace.
pub const REQUEST_ID_ATTRIBUTE: &str = "mlflow.traceRequestId";
/// The attribute with the tokens that a span used.
pub const USAGE_ATTRIBUTE: &str = "mlflow.chat.tokenUsage";

/// The status of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpanStatus {
    /// Nobody said.
    #[default]
    Unset,
    /// It ended well.
    Ok,
    /// It ended with an error.
    Error,
}

impl SpanStatus {
    /// All statuses, with the numbers of OpenTelemetry and the words of MLflow.
    pub const ALL: [(u8, &'static str, SpanStatus); 3] = [
        (0, "UNSET", SpanStatus::Unset),
        (1, "OK", SpanStatus::Ok),
        (2, "ERROR", SpanStatus::Error),
    ];

    /// MLflow's word for it.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, _, status)| *status == self);
        found.map_or("UNSET", |(_, name, _)| name)
    }
}

/// OpenTelemetry's kinds of spans, by number.
pub const KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

/// One step of a trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// Its id, which is unique in its trace.
    pub id: SpanId,
    /// The span that called it. `None`: it is a root.
    pub parent: Option<SpanId>,
    /// Its name.
    pub name: String,
    /// The index of its kind in `KINDS`.
    pub kind: u8,
    /// The start, in nanoseconds since the Unix epoch.
    pub start_ns: u64,
    /// The end, in nanoseconds since the Unix epoch. 0: unknown.
    pub end_ns: u64,
    /// Its status.
    pub status: SpanStatus,
    /// The message of its status; may be empty.
    pub message: String,
    /// Its attributes.
    pub attributes: Vec<(String, Value)>,
    /// Its events, such as exceptions.
    pub events: Vec<SpanEvent>,
    /// Its links to spans of other traces.
    pub links: Vec<SpanLink>,
}

/// Something that happened during a span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanEvent {
    /// The time, in nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// Its name.
    pub name: String,
    /// Its attributes.
    pub attributes: Vec<(String, Value)>,
}

/// A link to a span of another trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanLink {
    /// The other trace's id of OpenTelemetry.
    pub trace: Vec<u8>,
    /// The other span's id.
    pub span: Vec<u8>,
    /// The link's attributes.
    pub attributes: Vec<(String, Value)>,
}

impl Span {
    /// The value of an attribute. Of equal keys the last counts.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        let found = self.attributes.iter().rev().find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }

    /// Sets an attribute.
    pub fn set_attribute(&mut self, key: &str, value: Value) {
        self.attributes.retain(|(name, _)| name != key);
        self.attributes.push((key.to_owned(), value));
    }

    /// The type. Spans without one have MLflow's word for it.
    pub fn kind_of_work(&self) -> &str {
        self.attribute(TYPE_ATTRIBUTE)
            .and_then(Value::as_text)
            .unwrap_or("UNKNOWN")
    }

    /// The span as one JSON text, in which searches look for contents.
    pub fn content(&self) -> String {
        let mut text = String::from("{\"name\": ");
        write_text(&mut text, &self.name);
        text.push_str(", \"status\": {\"code\": ");
        write_text(&mut text, self.status.name());
        text.push_str(", \"message\": ");
        write_text(&mut text, &self.message);
        text.push_str("}, \"attributes\": ");
        write_map(&mut text, &self.attributes);
        text.push_str(", \"events\": [");
        for (index, event) in self.events.iter().enumerate() {
            text.push_str(if index > 0 { ", {\"name\": " } else { "{\"name\": " });
            write_text(&mut text, &event.name);
            text.push_str(", \"attributes\": ");
            write_map(&mut text, &event.attributes);
            text.push('}');
        }
        text.push_str("]}");
        text
    }
}

/// Spans that were stored one after the other, each once: of equal ids the last counts. Roots come first, then
/// earlier starts.
pub fn in_order(mut spans: Vec<Span>) -> Vec<Span> {
    let mut seen = std::collections::BTreeSet::new();
    spans.reverse();
    spans.retain(|span| seen.insert(span.id));
    spans.sort_by_key(|span| (span.parent.is_some(), span.start_ns, span.id));
    spans
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::trace::value::tests::a_value;
    use proptest::prelude::*;

    fn attributes() -> impl Strategy<Value = Vec<(String, Value)>> {
        prop::collection::vec(("[a-d.]{0,4}", a_value()), 0..4)
    }

    prop_compose! {
        /// Spans with everything that a span can have.
        pub(crate) fn a_span()(
            id in 0u8..5, parent in prop::option::of(0u8..5), name in any::<String>(), kind in 0u8..6, times in any::<(u64, u64)>(),
            status in 0usize..3, message in any::<String>(), attributes in attributes(), more in attributes(), event in any::<(u64, String)>(),
            links in any::<bool>(),
        ) -> Span {
            Span {
                id: [id; 8], parent: parent.map(|parent| [parent; 8]), name, kind, start_ns: times.0, end_ns: times.1,
                status: SpanStatus::ALL[status].2, message, attributes,
                events: vec![SpanEvent { time_ns: event.0, name: event.1, attributes: more.clone() }],
                links: links.then(|| SpanLink { trace: vec![1; 16], span: vec![2; 8], attributes: more }).into_iter().collect(),
            }
        }
    }

    #[test]
    fn of_a_span_that_came_twice_the_last_counts_and_roots_come_first() {
        let span = |id: u8, parent: Option<u8>, start_ns, name: &str| Span {
            id: [id; 8],
            parent: parent.map(|parent| [parent; 8]),
            start_ns,
            name: name.to_owned(),
            ..Span::default()
        };
        let spans = vec![
            span(1, Some(3), 5, "late"),
            span(2, Some(3), 4, "old"),
            span(3, None, 9, "root"),
            span(2, Some(3), 4, "new"),
        ];
        let names: Vec<String> = in_order(spans).into_iter().map(|span| span.name).collect();
        assert_eq!(names, ["root", "new", "late"]);
    }

    #[test]
    fn the_content_of_a_span_has_its_names_attributes_and_events() {
        let mut span = Span {
            name: "n☃".to_owned(),
            events: vec![SpanEvent::default()],
            ..Span::default()
        };
        span.set_attribute("k", Value::Text("a".to_owned()));
        span.set_attribute("k", Value::Text("b".to_owned()));
        let read: serde_json::Value = serde_json::from_str(&span.content()).unwrap();
        assert_eq!((&read["name"], &read["attributes"]["k"]), (&"n☃".into(), &"b".into()));
        assert_eq!(span.attribute("k").and_then(Value::as_text), Some("b"));
    }
}
