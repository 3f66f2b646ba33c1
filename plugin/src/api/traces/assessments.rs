//! The endpoints of assessments.

use serde::Serialize;

use super::{EMPTY, json, read_info};
use crate::api::wire::traces::Assessment as AssessmentJson;
use crate::domain::name::missing;
use crate::domain::trace::Trace;
use crate::domain::trace::assessment::{Assessment, Content};
use crate::domain::trace::id::TraceId;
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::params::Params;
use crate::store::traces;

#[derive(Serialize)]
struct Answer<'a> {
    assessment: AssessmentJson<'a>,
}

fn answer(trace: &Trace, assessment: &Assessment) -> Result<Vec<u8>> {
    let assessment = AssessmentJson::new(trace, assessment);
    json(&Answer { assessment })
}

fn trace_id(params: &Params<'_>) -> Result<TraceId> {
    TraceId::find(params.required_text("trace_id")?)
}

/// Creates an assessment.
pub async fn create(call: Call<'_>) -> Result<Vec<u8>> {
    let id = trace_id(&call.params)?;
    let new = read_info::assessment(&call.params.required_object("assessment")?, now_ms())?;
    let (trace, assessment) = traces::change(&id, &new.name, |trace| {
        trace.add_assessment(new.clone())?;
        Ok((trace.clone(), trace.assessment(&new.id)?.clone()))
    })
    .await?;
    answer(&trace, &assessment)
}

/// Reads an assessment.
pub async fn get(call: Call<'_>) -> Result<Vec<u8>> {
    let stored = traces::load(&trace_id(&call.params)?).await?;
    let id = call.params.required_text("assessment_id")?;
    answer(&stored.trace, stored.trace.assessment(id)?)
}

/// A field of an assessment that a request changes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Name,
    Content,
    Rationale,
    Metadata,
}

impl Field {
    /// Reads a list of names of fields, in either spelling.
    fn parse_all(mask: &str) -> Result<Vec<Field>> {
        let field = |name: &str| match name.trim() {
            "assessmentName" | "assessment_name" => Ok(Field::Name),
            "feedback" | "expectation" => Ok(Field::Content),
            "rationale" => Ok(Field::Rationale),
            "metadata" => Ok(Field::Metadata),
            other => Err(Error::Invalid(format!(
                "Invalid value '{other}' for parameter 'update_mask' supplied: it must be one of assessmentName, feedback, \
                 expectation, rationale, metadata."
            ))),
        };
        mask.split(',').map(field).collect()
    }
}

/// Changes some fields of an assessment. Metadata are merged.
pub async fn update(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let (trace, id) = (trace_id(params)?, params.required_text("assessment_id")?);
    let fields = Field::parse_all(params.required_text("update_mask")?)?;
    let new = params.required_object("assessment")?;
    let content = read_info::content(&new)?;
    if fields.contains(&Field::Content) && content.is_none() {
        return Err(missing("assessment.feedback"));
    }
    let (name, rationale) = (new.text("assessment_name")?, new.text("rationale")?);
    let (metadata, now_ms) = (read_info::metadata(&new)?, now_ms());
    let (trace, assessment) = traces::change(&trace, id, |trace| {
        let assessment = trace.assessment_mut(id)?;
        for field in &fields {
            match (field, &content) {
                (Field::Name, _) => assessment.name = name.unwrap_or_default().to_owned(),
                (Field::Content, Some(content)) => replace(assessment, content)?,
                (Field::Content, None) => {}
                (Field::Rationale, _) => assessment.rationale = rationale.map(str::to_owned),
                (Field::Metadata, _) => assessment.metadata.extend(metadata.clone()),
            }
        }
        assessment.updated_ms = now_ms;
        let changed = assessment.clone();
        Ok((trace.clone(), changed))
    })
    .await?;
    answer(&trace, &assessment)
}

/// Replaces the content of an assessment by one of its kind.
fn replace(assessment: &mut Assessment, content: &Content) -> Result<()> {
    let (old, new) = (assessment.content.kind(), content.kind());
    if old != new {
        let word = new.to_lowercase();
        return Err(Error::Invalid(format!(
            "Cannot update {word} value on a {old} assessment."
        )));
    }
    assessment.content = content.clone();
    Ok(())
}

/// Deletes an assessment. One that does not exist counts as deleted.
pub async fn delete(call: Call<'_>) -> Result<Vec<u8>> {
    let id = call.params.required_text("assessment_id")?;
    let deleted = match trace_id(&call.params) {
        Ok(trace) => traces::change(&trace, id, |trace| Ok(trace.remove_assessment(id))).await,
        Err(error) => Err(error),
    };
    match deleted {
        Ok(_) | Err(Error::NotFound(_)) => Ok(EMPTY.to_vec()),
        Err(error) => Err(error),
    }
}
