//! Changes of traces: what a client says of a trace, and what follows from its spans. Spans and the client's own
//! words come in any order, again and again, so both only extend a trace.

use std::collections::BTreeMap;

use super::assessment::Assessment;
use super::preview;
use super::span::{INPUTS_ATTRIBUTE, OUTPUTS_ATTRIBUTE, Span, SpanStatus};
use super::usage::Usage;
use super::{COST, NAME_TAG, SERVER_TAGS, SESSION, TOKEN_USAGE, Trace, TraceState, USER};
use crate::domain::experiment::Pair;
use crate::domain::name::validate_key;
use crate::error::{Error, Result};

/// The prefix of attributes of root spans that are tags of the trace.
const TAG_PREFIX: &str = "mlflow.traceTag.";
/// Largest number of characters of the id of a session.
pub const SESSION_CHARS_MAX: usize = 250;
/// Nanoseconds of a millisecond.
const NS_PER_MS: u64 = 1_000_000;

/// The facts that a client sends about a trace.
#[derive(Clone, Debug, Default)]
pub struct TraceInfo {
    /// The state.
    pub state: TraceState,
    /// The start, in milliseconds since the Unix epoch. `None`: the client does not say.
    pub start_ms: Option<i64>,
    /// The duration in milliseconds. `None`: unknown.
    pub duration_ms: Option<i64>,
    /// The application's own id.
    pub client_request_id: Option<String>,
    /// The preview of the inputs.
    pub request_preview: Option<String>,
    /// The preview of the outputs.
    pub response_preview: Option<String>,
    /// The tags. Those of the server are ignored.
    pub tags: Vec<Pair>,
    /// The metadata.
    pub metadata: Vec<Pair>,
    /// The assessments.
    pub assessments: Vec<Assessment>,
}

/// Checks the id of a session, which is a metadata.
pub fn validate_session(metadata: &[Pair]) -> Result<()> {
    let is_long = |(key, value): &Pair| key == SESSION && value.chars().count() > SESSION_CHARS_MAX;
    if metadata.iter().any(is_long) {
        return Err(Error::Invalid(format!(
            "'Session ID' exceeds the maximum length of {SESSION_CHARS_MAX} characters"
        )));
    }
    Ok(())
}

/// Refuses the key of a tag that clients may not write.
pub fn validate_tag_key(key: &str) -> Result<()> {
    validate_key("key", key)?;
    if SERVER_TAGS.contains(&key) {
        return Err(Error::Invalid(format!(
            "Tag '{key}' is immutable and cannot be set on a trace."
        )));
    }
    Ok(())
}

impl Trace {
    /// Takes over what a client of MLflow 3 says: its words win over those that follow from spans.
    pub fn finalize(&mut self, info: TraceInfo) -> Result<()> {
        self.is_final = true;
        self.state = info.state;
        self.start_ms = info.start_ms.unwrap_or(0);
        self.duration_ms = info.duration_ms;
        self.client_request_id = info.client_request_id;
        self.request_preview = info.request_preview.or(self.request_preview.take());
        self.response_preview = info.response_preview.or(self.response_preview.take());
        self.add_pairs(info.tags, info.metadata);
        for assessment in info.assessments {
            self.add_assessment(assessment)?;
        }
        Ok(())
    }

    /// Adds tags and metadata.
    pub fn add_pairs(&mut self, tags: Vec<Pair>, metadata: Vec<Pair>) {
        self.tags
            .extend(tags.into_iter().filter(|(key, _)| !SERVER_TAGS.contains(&key.as_str())));
        let is_kept = |(key, value): &Pair| match key.as_str() {
            super::INFO_FINALIZED => false,
            TOKEN_USAGE | COST => value.trim_start().starts_with('{'),
            _ => true,
        };
        self.metadata.extend(metadata.into_iter().filter(is_kept));
    }

    /// Takes over what follows from spans that were stored. `is_new` says that they made the trace.
    pub fn add_spans(&mut self, is_new: bool, spans: &[Span], resource: &BTreeMap<String, String>) {
        let root = spans.iter().find(|span| span.parent.is_none());
        if !self.is_final {
            self.extend_times(is_new, spans);
        }
        if is_new || matches!(self.state, TraceState::InProgress | TraceState::Unspecified) && root.is_some() {
            self.state = root.map_or(TraceState::InProgress, |root| match root.status {
                SpanStatus::Error => TraceState::Error,
                _ => TraceState::Ok,
            });
        }
        for (key, value) in resource {
            self.tags.entry(key.clone()).or_insert_with(|| value.clone());
        }
        for (metadata, attributes) in [
            (SESSION, &["session.id", "gen_ai.conversation.id"][..]),
            (USER, &["user.id"][..]),
        ] {
            if !self.metadata.contains_key(metadata)
                && let Some(text) = first_text(spans, attributes)
            {
                self.metadata.insert(metadata.to_owned(), text);
            }
        }
        if let Some(root) = root {
            self.add_root(root);
        }
    }

    fn extend_times(&mut self, is_new: bool, spans: &[Span]) {
        let ms = |ns: u64| i64::try_from(ns / NS_PER_MS).unwrap_or(i64::MAX);
        let start = spans.iter().map(|span| ms(span.start_ns)).min();
        let end = spans.iter().map(|span| ms(span.end_ns.max(span.start_ns))).max();
        let (Some(start), Some(end)) = (start, end) else { return };
        let (start, end) = match is_new {
            true => (start, end),
            false => (start.min(self.start_ms), end.max(self.end_ms())),
        };
        self.start_ms = start;
        self.duration_ms = Some(end.saturating_sub(start));
    }

    /// Takes over what only a root span tells.
    fn add_root(&mut self, root: &Span) {
        let of = |key| root.attribute(key);
        if self.request_preview.is_none() {
            self.request_preview = of(INPUTS_ATTRIBUTE).map(preview::of_inputs);
        }
        if self.response_preview.is_none() {
            self.response_preview = of(OUTPUTS_ATTRIBUTE).map(preview::of_outputs);
        }
        for (key, value) in &root.attributes {
            let tag = key.strip_prefix(TAG_PREFIX).filter(|tag| !SERVER_TAGS.contains(tag));
            if let Some(tag) = tag {
                let text = value.as_text().map_or_else(|| value.json(), str::to_owned);
                self.tags.insert(tag.to_owned(), text);
            }
        }
        // A plain trace of OpenTelemetry is named after its root.
        if !root.name.is_empty() && !self.tags.contains_key(NAME_TAG) {
            self.tags.insert(NAME_TAG.to_owned(), root.name.clone());
        }
    }

    /// Takes over the tokens that all its spans used. A client's own word stays.
    pub fn set_usage(&mut self, usage: Option<Usage>) {
        let is_told = self.is_final && self.metadata.contains_key(TOKEN_USAGE);
        if let Some(usage) = usage.filter(|_| !is_told) {
            self.metadata.insert(TOKEN_USAGE.to_owned(), usage.json());
        }
    }
}

/// The first of these attributes that a span has, as text. A session that is too long for one is left out.
fn first_text(spans: &[Span], names: &[&str]) -> Option<String> {
    let of = |name: &&str| spans.iter().find_map(|span| span.attribute(name));
    let value = names.iter().find_map(of)?;
    let text = value.as_text().map_or_else(|| value.json(), str::to_owned);
    (text.chars().count() <= SESSION_CHARS_MAX).then_some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::id::ExperimentId;
    use crate::domain::trace::id::TraceId;
    use crate::domain::trace::value::Value;

    fn trace() -> Trace {
        Trace::new(TraceId::stored("t"), ExperimentId(1), "loc/", 0)
    }

    fn span(id: u8, parent: Option<u8>, ms: (u64, u64)) -> Span {
        Span {
            id: [id; 8],
            parent: parent.map(|parent| [parent; 8]),
            name: format!("s{id}"),
            start_ns: ms.0 * NS_PER_MS + 7,
            end_ns: ms.1 * NS_PER_MS + 9,
            ..Span::default()
        }
    }

    #[test]
    fn spans_extend_a_trace_in_any_order() {
        let none = BTreeMap::new();
        let (mut early, mut late) = (trace(), trace());
        let mut root = span(1, None, (10, 90));
        root.status = SpanStatus::Error;
        let child = span(2, Some(1), (5, 20));
        early.add_spans(true, std::slice::from_ref(&root), &none);
        early.add_spans(false, std::slice::from_ref(&child), &none);
        late.add_spans(true, std::slice::from_ref(&child), &none);
        assert_eq!((late.state, late.duration_ms), (TraceState::InProgress, Some(15)));
        late.add_spans(false, std::slice::from_ref(&root), &none);
        assert_eq!(early, late);
        assert_eq!((late.start_ms, late.end_ms(), late.state), (5, 90, TraceState::Error));
        assert_eq!(late.name(), Some("s1"));
    }

    #[test]
    fn a_clients_own_words_win() {
        let info = TraceInfo {
            state: TraceState::Ok,
            start_ms: Some(50),
            duration_ms: Some(1),
            request_preview: Some("mine".to_owned()),
            tags: vec![
                (NAME_TAG.to_owned(), "name".to_owned()),
                (SERVER_TAGS[0].to_owned(), "s3://x".to_owned()),
            ],
            metadata: vec![(TOKEN_USAGE.to_owned(), "no object".to_owned())],
            ..TraceInfo::default()
        };
        let mut root = span(1, None, (10, 90));
        root.set_attribute(INPUTS_ATTRIBUTE, Value::Text("in".to_owned()));
        root.set_attribute(OUTPUTS_ATTRIBUTE, Value::Text("out".to_owned()));
        root.set_attribute("session.id", Value::Integer(7));
        root.set_attribute("mlflow.traceTag.team", Value::Text("x".to_owned()));
        let mut traced = trace();
        traced.finalize(info.clone()).unwrap();
        traced.add_spans(
            false,
            &[root],
            &BTreeMap::from([("service.name".to_owned(), "s".to_owned())]),
        );
        assert_eq!(
            (traced.start_ms, traced.duration_ms, traced.state),
            (50, Some(1), TraceState::Ok)
        );
        assert_eq!(
            (traced.name(), traced.request_preview.as_deref()),
            (Some("name"), Some("mine"))
        );
        assert_eq!(traced.response_preview.as_deref(), Some("\"out\""));
        assert_eq!(traced.metadatum(SESSION), Some("7"));
        assert_eq!((traced.tag("team"), traced.tag("service.name")), (Some("x"), Some("s")));
        assert_eq!(traced.tag("mlflow.artifactLocation"), Some("loc/traces/t/artifacts"));
        assert_eq!(traced.metadatum(TOKEN_USAGE), None);
        let before = traced.clone();
        traced.finalize(info).unwrap();
        assert_eq!(traced, before);
    }
}
