//! Reads what a client says of a trace.

use std::collections::BTreeMap;

use crate::api::wire::traces::{read_duration, read_time};
use crate::domain::experiment::Pair;
use crate::domain::id::ExperimentId;
use crate::domain::limits::{TRACE_METADATA_VALUE_CHARS_MAX, TRACE_PAIRS_MAX, TRACE_TAG_VALUE_CHARS_MAX};
use crate::domain::name::{cut, missing};
use crate::domain::trace::TraceState;
use crate::domain::trace::assessment::{Assessment, Content, SourceType, new_id};
use crate::domain::trace::update::{TraceInfo, validate_session};
use crate::error::{Error, Result};
use crate::host::random::random_id;
use crate::request::json::Json;
use crate::request::json_value::doubled;
use crate::request::params::Params;

/// Largest number of characters of a key of a tag or metadata.
const KEY_CHARS_MAX: usize = 250;

/// The experiment that a trace belongs to.
pub fn experiment(info: &Params<'_>) -> Result<ExperimentId> {
    let location = info.required_object("trace_location")?;
    match location.object("mlflow_experiment")? {
        Some(experiment) => ExperimentId::parse(experiment.required_text("experiment_id")?),
        None => Err(Error::Invalid(
            "The location of a trace must be an experiment: 'trace_location.mlflow_experiment' is missing.".to_owned(),
        )),
    }
}

/// The trace's own data.
pub fn info(info: &Params<'_>, now_ms: i64) -> Result<TraceInfo> {
    let owned = |name| info.text(name).map(|text| text.map(str::to_owned));
    let time = info.text("request_time")?.map(|text| read_time("request_time", text));
    let duration = info
        .text("execution_duration")?
        .map(|text| read_duration("execution_duration", text));
    let metadata = pairs(info, "trace_metadata", TRACE_METADATA_VALUE_CHARS_MAX)?;
    validate_session(&metadata)?;
    let assessments = info.objects("assessments")?;
    Ok(TraceInfo {
        state: info.choice("state", &TraceState::ALL)?.unwrap_or_default(),
        start_ms: time.transpose()?,
        duration_ms: duration.transpose()?,
        client_request_id: owned("client_request_id")?,
        request_preview: owned("request_preview")?,
        response_preview: owned("response_preview")?,
        tags: pairs(info, "tags", TRACE_TAG_VALUE_CHARS_MAX)?,
        metadata,
        assessments: assessments
            .iter()
            .map(|one| assessment(one, now_ms))
            .collect::<Result<_>>()?,
    })
}

/// A map of tags or metadata. Long keys and values are cut, as MLflow cuts them.
fn pairs(info: &Params<'_>, name: &str, value_chars_max: usize) -> Result<Vec<Pair>> {
    limited(name, info.map(name)?, value_chars_max)
}

/// A list of tags or metadata of MLflow 2.
pub fn listed_pairs(params: &Params<'_>, name: &str, value_chars_max: usize) -> Result<Vec<Pair>> {
    let items = params.objects(name)?;
    let pair = |item: &Params<'_>| {
        let value = item.text("value")?.unwrap_or_default();
        Ok((item.required_text("key")?.to_owned(), value.to_owned()))
    };
    limited(name, items.iter().map(pair).collect::<Result<_>>()?, value_chars_max)
}

fn limited(name: &str, pairs: Vec<Pair>, value_chars_max: usize) -> Result<Vec<Pair>> {
    if pairs.len() > TRACE_PAIRS_MAX {
        let count = pairs.len();
        return Err(Error::Invalid(format!(
            "{count} {name}: at most {TRACE_PAIRS_MAX} are allowed"
        )));
    }
    let cut = |(key, value): Pair| (cut(key, KEY_CHARS_MAX), cut(value, value_chars_max));
    Ok(pairs.into_iter().map(cut).collect())
}

/// An assessment. Times and an id that are not given are made.
pub fn assessment(params: &Params<'_>, now_ms: i64) -> Result<Assessment> {
    let text = |name| params.text(name).map(|text| text.filter(|text| !text.is_empty()));
    let time = |name| params.text(name)?.map_or(Ok(now_ms), |text| read_time(name, text));
    let source = params.object("source")?;
    let of_source = |name| source.map_or(Ok(None), |source| source.text(name));
    let id = text("assessment_id")?.map_or_else(|| new_id(random_id()), str::to_owned);
    Ok(Assessment {
        id,
        name: text("assessment_name")?.unwrap_or_default().to_owned(),
        span: text("span_id")?.map(str::to_owned),
        source_type: SourceType::of_name(of_source("source_type")?.unwrap_or_default()),
        source: of_source("source_id")?.unwrap_or_default().to_owned(),
        created_ms: time("create_time")?,
        updated_ms: time("last_update_time")?,
        content: content(params)?.ok_or_else(|| Error::Invalid("Unknown assessment type: None".to_owned()))?,
        rationale: text("rationale")?.map(str::to_owned),
        metadata: metadata(params)?,
        overrides: text("overrides")?.map(str::to_owned),
        valid: true,
    })
}

/// The metadata of an assessment.
pub fn metadata(params: &Params<'_>) -> Result<BTreeMap<String, String>> {
    Ok(params.map("metadata")?.into_iter().collect())
}

/// The content of an assessment. `None`: it has none.
pub fn content(params: &Params<'_>) -> Result<Option<Content>> {
    if let Some(feedback) = params.object("feedback")? {
        let error = feedback.any("error").map(json_text).transpose()?;
        let value = feedback.any("value").map_or(Ok("null".to_owned()), json_text)?;
        return Ok(Some(Content::Feedback { value, error }));
    }
    if let Some(expectation) = params.object("expectation")? {
        if let Some(serialized) = expectation.object("serialized_value")? {
            let text = |name| serialized.text(name).map(|text| text.unwrap_or_default().to_owned());
            return Ok(Some(Content::Serialized {
                format: text("serialization_format")?,
                text: text("value")?,
            }));
        }
        let value = expectation.any("value").ok_or_else(|| missing("expectation.value"))?;
        let value = json_text(value)?;
        return Ok(Some(Content::Expectation { value }));
    }
    let issue = params.object("issue")?;
    issue
        .map(|issue| {
            let name = issue.required_text("issue_name")?.to_owned();
            Ok(Content::Issue { name })
        })
        .transpose()
}

/// The JSON text of a value. Numbers become doubles, as in protobuf.
fn json_text(value: &Json<'_>) -> Result<String> {
    let value = serde_json::to_value(value).map_err(|error| Error::Invalid(error.to_string()))?;
    Ok(doubled(value).to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::request::params::from_body;

    fn content_of(body: &str) -> Result<Option<Content>> {
        let fields = from_body(body.as_bytes())?;
        content(&Params::new(&fields))
    }

    #[test]
    fn numbers_become_doubles_and_serialized_values_stay() {
        let value = |body: &str| content_of(body).unwrap().unwrap().value().to_owned();
        assert_eq!(value(r#"{"feedback":{"value":1}}"#), "1.0");
        assert_eq!(value(r#"{"feedback":{"value":{"a":[1,"x"]}}}"#), r#"{"a":[1.0,"x"]}"#);
        assert_eq!(value(r#"{"feedback":{}}"#), "null");
        assert_eq!(
            value(r#"{"expectation":{"serialized_value":{"value":"[42]"}}}"#),
            "[42]"
        );
        assert_eq!(content_of("{}"), Ok(None));
        assert!(matches!(content_of(r#"{"expectation":{}}"#), Err(Error::Invalid(_))));
    }
}
