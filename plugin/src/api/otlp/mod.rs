//! The endpoint of OpenTelemetry: `POST /v1/traces`, in protobuf and JSON. A span that cannot be stored is refused
//! by itself, and all others of the request are stored.

mod batch;
mod json;
mod proto;
mod text;

use std::io::Read;

use crate::domain::id::ExperimentId;
use crate::domain::limits::SPANS_AT_ONCE_MAX;
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::request::call::{Call, FileCall, Telemetry};
use crate::request::response::{Answer, Contents};
use crate::store::traces::ingest;

use batch::Batch;

/// The content type of protobuf.
const PROTOBUF: &str = "application/x-protobuf";
/// The content type of JSON.
const JSON: &str = "application/json";
/// Largest number of bytes of a body after decompression.
const BODY_BYTES_MAX: u64 = 64 << 20;

/// The version of MLflow's server whose interface this one has. Clients of MLflow 3 send spans only to a server
/// that names one.
const VERSION: &str = "3.18.0+mlforge";

/// Names the version.
pub async fn version(_: Call<'_>) -> Result<Answer> {
    Ok(Answer::file("text/plain", Vec::new(), Contents::Whole(VERSION.into())))
}

/// Stores spans.
pub async fn ingest(call: FileCall<'_>) -> Result<Answer> {
    let sent = call.telemetry;
    let is_json = is_json(&sent.content_type)?;
    let experiment = match sent.experiment_id.as_str() {
        "" => {
            return Err(Error::Invalid(
                "The header 'x-mlflow-experiment-id' is missing.".to_owned(),
            ));
        }
        id => ExperimentId::parse(id)?,
    };
    let body = decompressed(sent, call.contents.into_whole().await?)?;
    let batch = read(is_json, &body)?;
    drop(body);
    let run = Some(sent.run_id.as_str()).filter(|run| !run.is_empty());
    let refused = ingest::ingest(experiment, &batch.traces, run, now_ms()).await?;
    let mut spans = batch.refused;
    let mut why = batch.why;
    for refusal in refused {
        spans += refusal.spans;
        why.get_or_insert(refusal.why);
    }
    Ok(answer(is_json, spans, &why.unwrap_or_default()))
}

/// Reads the spans of a body.
fn read(is_json: bool, body: &[u8]) -> Result<Batch> {
    let batch = match is_json {
        true => json::read(body)?,
        false => proto::read(body)?,
    };
    if batch.count() > SPANS_AT_ONCE_MAX {
        return Err(Error::Invalid(format!(
            "{} spans: at most {SPANS_AT_ONCE_MAX} are allowed in one request",
            batch.count()
        )));
    }
    Ok(batch)
}

/// True if the body is JSON, false if it is protobuf.
fn is_json(content_type: &str) -> Result<bool> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match kind {
        _ if kind.eq_ignore_ascii_case(JSON) => Ok(true),
        _ if kind.eq_ignore_ascii_case(PROTOBUF) => Ok(false),
        _ => Err(Error::Invalid(format!(
            "Invalid Content-Type: {kind}. Expected: {PROTOBUF} or {JSON}"
        ))),
    }
}

/// The body without its compression.
fn decompressed(sent: &Telemetry, body: Vec<u8>) -> Result<Vec<u8>> {
    let encoding = sent.content_encoding.trim().to_ascii_lowercase();
    let unpacked = match encoding.as_str() {
        "" | "identity" => return Ok(body),
        "gzip" => unpacked(flate2::read::MultiGzDecoder::new(&body[..])),
        // Some senders write the raw form, without the header of zlib.
        "deflate" => unpacked(flate2::read::ZlibDecoder::new(&body[..]))
            .or_else(|_| unpacked(flate2::read::DeflateDecoder::new(&body[..]))),
        _ => return Err(Error::Invalid(format!("Unsupported Content-Encoding: {encoding}"))),
    };
    unpacked.map_err(|_| Error::Invalid(format!("Failed to decompress {encoding} payload")))?
}

fn unpacked(from: impl Read) -> std::io::Result<Result<Vec<u8>>> {
    let mut bytes = Vec::new();
    from.take(BODY_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if crate::convert::to_u64(bytes.len()) > BODY_BYTES_MAX {
        return Ok(Err(Error::TooLarge(format!(
            "The body has more than {} MiB after decompression.",
            BODY_BYTES_MAX >> 20
        ))));
    }
    Ok(Ok(bytes))
}

/// The answer, in the form of the request. It says how many spans were refused, and why the first was.
fn answer(is_json: bool, refused: usize, why: &str) -> Answer {
    if !is_json {
        let body = proto::answer(refused, why);
        return Answer::file(PROTOBUF, Vec::new(), Contents::Whole(body));
    }
    let body = match refused {
        0 => serde_json::json!({}),
        _ => serde_json::json!({"partialSuccess": {"rejectedSpans": refused.to_string(), "errorMessage": why}}),
    };
    Answer::ok(body.to_string().into_bytes())
}

/// Reads a body as the endpoint does, for fuzzing.
#[cfg(any(test, fuzzing))]
pub fn reads(is_json: bool, body: &[u8]) -> bool {
    read(is_json, body).is_ok()
}

#[cfg(test)]
mod tests;
