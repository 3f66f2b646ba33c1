//! The file `traces.json` of a trace whose spans the server has. Clients of MLflow 2 read spans only there, so it
//! is made when somebody asks for it. A file that a client uploaded comes first.

use super::span_json;
use crate::domain::artifact::{ArtifactPath, Purpose};
use crate::domain::trace::id::TraceId;
use crate::error::{Error, Result};
use crate::request::call::FileCall;
use crate::request::file_response;
use crate::request::response::{Answer, Contents};
use crate::store::artifacts;
use crate::store::traces;
use crate::store::traces::read;

/// The name of the file.
const NAME: &str = "traces.json";

/// Makes the file that has this path, or only finds out that there is one. `None`: it is no such file of a trace
/// with spans.
pub async fn made(path: &ArtifactPath, head_only: bool) -> Result<Option<Answer>> {
    if path.name() != NAME {
        return Ok(None);
    }
    let Some(stored) = artifacts::trace_of(path).await? else {
        return Ok(None);
    };
    if stored.trace.batches == 0 {
        return Ok(None);
    }
    if head_only {
        return Ok(Some(Answer::ok(Vec::new())));
    }
    let spans = read::spans(&stored.trace.id).await?;
    Ok(Some(Answer::ok(span_json::old_file(&stored.trace, &spans)?)))
}

/// Downloads the spans of a trace in the form of MLflow 3, or one of its attachments, for web pages.
pub async fn get(call: FileCall<'_>) -> Result<Answer> {
    let path = call.query.text("path")?.unwrap_or(NAME);
    let not_found = || Error::NotFound(format!("Trace data not found for path={path}"));
    let id = TraceId::parse(call.query.either_text("request_id", "trace_id")?)?;
    let trace = traces::load(&id).await?.trace;
    if path == NAME && trace.batches > 0 {
        let file = span_json::new_file(&trace, &read::spans(&id).await?)?;
        return Ok(Answer::file("text/plain", Vec::new(), Contents::Whole(file)));
    }
    if path.contains('/') {
        return Err(Error::Invalid(format!("Invalid path: '{path}'.")));
    }
    let below = if path == NAME {
        path.to_owned()
    } else {
        format!("attachments/{path}")
    };
    let root = artifacts::of_uri(&trace.artifact_uri)?;
    let file = root.below(&below, Purpose::Read)?;
    match file_response::serve(&file, call.wanted).await {
        Err(Error::NotFound(_)) => Err(not_found()),
        answer => answer,
    }
}
