//! The JSON objects of traces in MLflow's answers, by the rules of `wire`.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::domain::trace::Trace;
use crate::domain::trace::assessment::{Assessment as DomainAssessment, Content};
use crate::error::{Error, Result};

/// A trace without its spans, as MLflow 3 shows it.
#[derive(Serialize)]
pub struct TraceInfo<'a> {
    trace_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_request_id: Option<&'a str>,
    trace_location: Location,
    request_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_duration: Option<String>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_preview: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_preview: Option<&'a str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    trace_metadata: Map<'a>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    tags: Map<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    assessments: Vec<Assessment<'a>>,
}

/// Texts by name.
struct Map<'a>(Vec<(&'a str, &'a str)>);

impl Map<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Map<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

#[derive(Serialize)]
struct Location {
    r#type: &'static str,
    mlflow_experiment: InExperiment,
}

#[derive(Serialize)]
struct InExperiment {
    experiment_id: String,
}

impl<'a> From<&'a Trace> for TraceInfo<'a> {
    fn from(trace: &'a Trace) -> Self {
        TraceInfo {
            trace_id: trace.id.as_str(),
            client_request_id: trace.client_request_id.as_deref(),
            trace_location: Location {
                r#type: "MLFLOW_EXPERIMENT",
                mlflow_experiment: InExperiment {
                    experiment_id: trace.experiment.to_string(),
                },
            },
            request_time: time_text(trace.start_ms),
            execution_duration: trace.duration_ms.map(duration_text),
            state: trace.state.name(),
            request_preview: trace.request_preview.as_deref(),
            response_preview: trace.response_preview.as_deref(),
            trace_metadata: Map(trace.shown_metadata().collect()),
            tags: Map(trace.shown_tags().collect()),
            assessments: trace
                .assessments
                .iter()
                .map(|one| Assessment::new(trace, one))
                .collect(),
        }
    }
}

/// A trace without its spans, as MLflow 2 shows it.
#[derive(Serialize)]
pub struct OldTraceInfo<'a> {
    request_id: &'a str,
    experiment_id: String,
    timestamp_ms: i64,
    execution_time_ms: i64,
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    request_metadata: Vec<KeyValue<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<KeyValue<'a>>,
}

#[derive(Serialize)]
struct KeyValue<'a> {
    key: &'a str,
    value: &'a str,
}

impl<'a> From<&'a Trace> for OldTraceInfo<'a> {
    fn from(trace: &'a Trace) -> Self {
        let pair = |(key, value)| KeyValue { key, value };
        OldTraceInfo {
            request_id: trace.id.as_str(),
            experiment_id: trace.experiment.to_string(),
            timestamp_ms: trace.start_ms,
            execution_time_ms: trace.duration_ms.unwrap_or(0),
            status: trace.state.name(),
            request_metadata: trace.shown_metadata().map(pair).collect(),
            tags: trace.shown_tags().map(pair).collect(),
        }
    }
}

/// An assessment.
#[derive(Serialize)]
pub struct Assessment<'a> {
    assessment_id: &'a str,
    assessment_name: &'a str,
    trace_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<&'a str>,
    source: Source<'a>,
    create_time: String,
    last_update_time: String,
    #[serde(flatten)]
    content: ContentJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rationale: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overrides: Option<&'a str>,
    valid: bool,
}

#[derive(Serialize)]
struct Source<'a> {
    source_type: &'static str,
    source_id: &'a str,
}

#[derive(Default, Serialize)]
struct ContentJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    feedback: Option<FeedbackJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expectation: Option<ExpectationJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issue: Option<IssueJson<'a>>,
}

#[derive(Serialize)]
struct FeedbackJson {
    value: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<serde_json::Value>,
}

#[derive(Default, Serialize)]
struct ExpectationJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serialized_value: Option<Serialized<'a>>,
}

#[derive(Serialize)]
struct Serialized<'a> {
    serialization_format: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct IssueJson<'a> {
    issue_name: &'a str,
}

impl<'a> Assessment<'a> {
    /// The assessment of a trace.
    pub fn new(trace: &'a Trace, assessment: &'a DomainAssessment) -> Self {
        Assessment {
            assessment_id: &assessment.id,
            assessment_name: &assessment.name,
            trace_id: trace.id.as_str(),
            span_id: assessment.span.as_deref(),
            source: Source {
                source_type: assessment.source_type.name(),
                source_id: &assessment.source,
            },
            create_time: time_text(assessment.created_ms),
            last_update_time: time_text(assessment.updated_ms),
            content: ContentJson::new(&assessment.content),
            rationale: assessment.rationale.as_deref(),
            metadata: &assessment.metadata,
            overrides: assessment.overrides.as_deref(),
            valid: assessment.valid,
        }
    }
}

impl<'a> ContentJson<'a> {
    fn new(content: &'a Content) -> Self {
        let json = |text: &String| serde_json::from_str(text).ok();
        let mut shown = ContentJson::default();
        match content {
            Content::Feedback { value, error } => {
                let (value, error) = (json(value), error.as_ref().and_then(json));
                shown.feedback = Some(FeedbackJson { value, error });
            }
            Content::Expectation { value } => {
                shown.expectation = Some(ExpectationJson {
                    value: json(value),
                    ..ExpectationJson::default()
                });
            }
            Content::Serialized { format, text } => {
                shown.expectation = Some(ExpectationJson {
                    serialized_value: Some(Serialized {
                        serialization_format: format,
                        value: text,
                    }),
                    ..ExpectationJson::default()
                });
            }
            Content::Issue { name } => shown.issue = Some(IssueJson { issue_name: name }),
        }
        shown
    }
}

/// A time of milliseconds since the Unix epoch in RFC 3339. A time that no year of four digits has is written
/// as the epoch.
pub fn time_text(ms: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(ms.div_euclid(1_000));
    let text = time.ok().and_then(|time| time.format(&Rfc3339).ok());
    let text = text.unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned());
    // Protobuf writes no fraction of a second, or all its three digits.
    match (ms.rem_euclid(1_000), text.strip_suffix('Z')) {
        (fraction @ 1.., Some(seconds)) => format!("{seconds}.{fraction:03}Z"),
        _ => text,
    }
}

/// Reads a time in RFC 3339, as milliseconds since the Unix epoch.
pub fn read_time(parameter: &str, text: &str) -> Result<i64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok();
    let ms = time.and_then(|time| i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).ok());
    ms.ok_or_else(|| {
        Error::Invalid(format!(
            "Invalid value \"{text}\" for parameter '{parameter}' supplied: it must be a time such as 2026-11-28T16:17:21.381Z."
        ))
    })
}

/// A duration of milliseconds, in the form of protobuf: `1.500s`.
pub fn duration_text(ms: i64) -> String {
    let (sign, size) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
    match size % 1_000 {
        0 => format!("{sign}{}s", size / 1_000),
        rest => format!("{sign}{}.{rest:03}s", size / 1_000),
    }
}

/// Reads a duration in the form of protobuf, as milliseconds. More digits are cut.
pub fn read_duration(parameter: &str, text: &str) -> Result<i64> {
    let read = || {
        let number = text.strip_suffix('s')?;
        let (sign, size) = number.strip_prefix('-').map_or((1, number), |size| (-1, size));
        let (whole, fraction) = size.split_once('.').unwrap_or((size, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let ms: String = fraction.chars().chain("000".chars()).take(3).collect();
        let seconds: i64 = whole.parse().ok()?;
        seconds
            .checked_mul(1_000)?
            .checked_add(ms.parse().ok()?)?
            .checked_mul(sign)
    };
    read().ok_or_else(|| {
        Error::Invalid(format!(
            "Invalid value \"{text}\" for parameter '{parameter}' supplied: it must be a duration such as 1.500s."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn times_and_durations_read_back(ms in -62_000_000_000_000_i64..200_000_000_000_000) {
            prop_assert_eq!(read_time("t", &time_text(ms)), Ok(ms));
            prop_assert_eq!(read_duration("d", &duration_text(ms)), Ok(ms));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,12}|-?[0-9.]{0,25}s") {
            let _ = (read_time("t", &text), read_duration("d", &text));
        }
    }

    #[test]
    fn times_have_the_form_of_protobuf() {
        assert_eq!(time_text(1_795_882_641_381), "2026-11-28T16:17:21.381Z");
        assert_eq!(time_text(0), "1970-01-01T00:00:00Z");
        assert_eq!(time_text(1_700_000_000_100), "2023-11-14T22:13:20.100Z");
        assert_eq!(
            [0, 146, 1_500, -1_000].map(duration_text),
            ["0s", "0.146s", "1.500s", "-1s"]
        );
        assert_eq!(read_time("t", "2026-11-28T17:17:21.3819+01:00"), Ok(1_795_882_641_381));
        assert_eq!(read_duration("d", "0.0019s"), Ok(1));
        assert!(read_duration("d", "1").is_err() && read_time("t", "yesterday").is_err());
    }
}
