//! The file `traces.json` of a trace. Clients of MLflow 2 read spans only there, so it is made when somebody asks for it:
//! from the spans that the server has, or from a file that a client of MLflow 3 uploaded in its own form.

use super::span_json;
use crate::domain::artifact::{ArtifactPath, Purpose};
use crate::domain::trace::id::TraceId;
use crate::domain::trace::span::Span;
use crate::error::{Error, Result};
use crate::request::call::FileCall;
use crate::request::file_response;
use crate::request::response::{Answer, Contents};
use crate::request::trace_file;
use crate::store::artifacts;
use crate::store::traces;
use crate::store::traces::read;

/// The name of the file.
const NAME: &str = "traces.json";
/// Bytes of the largest uploaded file that is changed, and of its beginning, which tells its form.
const FILE_BYTES_MAX: u64 = 32 << 20;
const START_BYTES: u64 = 64 << 10;

/// Makes the file that has this path, or only finds out that there is one. `None`: it is no such file of a trace
/// with spans, or clients of both versions read the file that was uploaded.
pub async fn made(path: &ArtifactPath, head_only: bool) -> Result<Option<Answer>> {
    if !path.as_str().ends_with(&format!("/artifacts/{NAME}")) {
        return Ok(None);
    }
    let Some(stored) = artifacts::trace_of(path).await? else {
        return Ok(None);
    };
    let spans = match stored.trace.batches {
        0 => uploaded(path).await?,
        _ => Some(read::spans(&stored.trace.id).await?),
    };
    let Some(spans) = spans else { return Ok(None) };
    if head_only {
        return Ok(Some(Answer::ok(Vec::new())));
    }
    Ok(Some(Answer::ok(span_json::old_file(&stored.trace, &spans)?)))
}

/// The spans in a file of MLflow 3, whose form clients of MLflow 2 refuse. `None`: there is no such file.
async fn uploaded(path: &ArtifactPath) -> Result<Option<Vec<Span>>> {
    let start = match artifacts::start_of(path, START_BYTES).await {
        Ok((info, start)) if info.size <= FILE_BYTES_MAX => start,
        Ok(_) | Err(Error::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    if !trace_file::is_new(&start) {
        return Ok(None);
    }
    let (_, whole) = artifacts::start_of(path, FILE_BYTES_MAX).await?;
    Ok(Some(trace_file::spans(&whole)))
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
