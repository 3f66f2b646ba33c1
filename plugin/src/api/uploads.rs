//! The endpoints of multipart uploads. MLflow's clients use them for large files and send several parts at
//! once.

use std::collections::BTreeMap;

use serde::Serialize;

use super::artifacts::addressed;
use super::{EMPTY, json};
use crate::domain::artifact::{ArtifactPath, Purpose};
use crate::domain::upload::{PartNumber, SentPart, Upload, UploadId};
use crate::error::{Error, Result};
use crate::host::blobs;
use crate::host::clock::now_ms;
use crate::host::direct_transfers::{self, SignedRequest};
use crate::host::random::random_id;
use crate::host::upload_tokens::{self, UploadToken};
use crate::request::call::{Call, FileCall};
use crate::request::json::Object;
use crate::request::params;
use crate::request::params::Params;
use crate::request::response::Answer;
use crate::store::artifacts::{self, uploads};

/// The URL path of a part, before the upload's id and the part's number.
const PART: &str = "/api/2.0/mlflow-artifacts/mpu/part";

#[derive(Serialize)]
struct Created {
    upload_id: String,
    credentials: Vec<Credential>,
}

#[derive(Serialize)]
struct Credential {
    url: String,
    part_number: PartNumber,
    headers: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct ServerInfo {
    store_type: Option<&'static str>,
    workspaces_enabled: bool,
    trace_archival_enabled: bool,
    multipart_uploads_enabled: bool,
    multipart_downloads_enabled: bool,
}

/// Tells newer clients whether a large file can be sent in parts, and whether files can be fetched from the store.
pub async fn server_info(_: Call<'_>) -> Result<Vec<u8>> {
    let is_direct = direct_transfers::is_offered();
    json(&ServerInfo {
        store_type: None,
        workspaces_enabled: false,
        trace_archival_enabled: false,
        multipart_uploads_enabled: is_direct || upload_tokens::can_issue(),
        multipart_downloads_enabled: is_direct,
    })
}

/// Creates an upload and returns the URL and headers for each of its parts. The parts go to the store if the host offers that.
pub async fn create(call: FileCall<'_>) -> Result<Answer> {
    let asked = Asked::read(call).await?;
    let params = asked.params();
    let mut upload = Upload {
        path: asked.path()?,
        parts: Upload::part_count(params.required_integer("num_parts")?)?,
        creation_time_ms: now_ms(),
        is_done: false,
        direct: None,
    };
    let id = UploadId(random_id());
    let requests = match begin_direct(&mut upload).await? {
        Some(requests) => requests,
        None => requests_here(id, &upload)?,
    };
    uploads::create(id, &upload).await?;
    let credential = |(part_number, request): (PartNumber, SignedRequest)| Credential {
        url: request.url,
        part_number,
        headers: request.headers.into_iter().collect(),
    };
    json(&Created {
        upload_id: id.to_string(),
        credentials: (1..).zip(requests).map(credential).collect(),
    })
    .map(Answer::ok)
}

/// Begins a direct upload, and returns the requests for its parts. `None`: the host offers none.
async fn begin_direct(upload: &mut Upload) -> Result<Option<Vec<SignedRequest>>> {
    if !direct_transfers::is_offered() {
        return Ok(None);
    }
    artifacts::owner_of(&upload.path).await?;
    let expires_ms = upload.expires_ms().try_into().unwrap_or_default();
    let begun = direct_transfers::begin(upload.parts, expires_ms).await?;
    Ok(begun.map(|begun| {
        upload.direct = Some(begun.id);
        begun.parts
    }))
}

/// The requests for parts that come to this server.
fn requests_here(id: UploadId, upload: &Upload) -> Result<Vec<SignedRequest>> {
    let paths: Vec<String> = (1..=upload.parts)
        .map(|number| format!("{PART}/{id}/{number}"))
        .collect();
    let expires_ms = upload.expires_ms().try_into().unwrap_or_default();
    let Some(tokens) = upload_tokens::issue(&paths, expires_ms) else {
        // Clients that find these words in the message send the file in one request.
        return Err(Error::Unsupported(
            "Multipart upload is not supported for the current artifact repository: the server does not know by what \
             address clients reach it, see `mlforge serve --external-url`"
                .to_owned(),
        ));
    };
    let request = |token: UploadToken| SignedRequest {
        url: token.url,
        headers: token.headers,
    };
    Ok(tokens.into_iter().map(request).collect())
}

/// Stores a part.
pub async fn put_part(call: FileCall<'_>) -> Result<Answer> {
    let (id, number) = call.below.split_once('/').unwrap_or((call.below, ""));
    let id = UploadId::parse(id)?;
    let number = number
        .parse()
        .map_err(|_| Error::Invalid(format!("'{number}' is no number of a part.")))?;
    let slot = uploads::slot(id, number, now_ms()).await?;
    let (contents, end) = call.contents.into_stream();
    let staged = blobs::stage_at_most(contents, slot.bytes_max).await?;
    end.whole().await?;
    let stored = uploads::put_part(slot, staged, now_ms()).await?;
    let mut answer = Answer::ok(EMPTY.to_vec());
    answer.headers.push(("etag", format!("\"{}\"", stored.digest)));
    Ok(answer)
}

/// Completes an upload: makes the file of its parts.
pub async fn complete(call: FileCall<'_>) -> Result<Answer> {
    let asked = Asked::read(call).await?;
    let params = asked.params();
    let sent = |part: &Params<'_>| SentPart::parse(part.required_integer("part_number")?, part.required_text("etag")?);
    let sent: Vec<SentPart> = params.objects("parts")?.iter().map(sent).collect::<Result<_>>()?;
    uploads::complete(asked.upload()?, &asked.path()?, &sent, now_ms()).await?;
    Ok(Answer::ok(EMPTY.to_vec()))
}

/// Aborts an upload.
pub async fn abort(call: FileCall<'_>) -> Result<Answer> {
    let asked = Asked::read(call).await?;
    uploads::abort(asked.upload()?, &asked.path()?, now_ms()).await?;
    Ok(Answer::ok(EMPTY.to_vec()))
}

/// A request about an upload: the directory from its URL and the fields of its body.
struct Asked {
    directory: ArtifactPath,
    fields: Object<'static>,
}

impl Asked {
    async fn read(call: FileCall<'_>) -> Result<Self> {
        Ok(Asked {
            directory: addressed(&call)?,
            fields: params::from_body(&call.contents.into_whole().await?)?.into_owned(),
        })
    }

    fn params(&self) -> Params<'_> {
        Params::new(&self.fields)
    }

    fn upload(&self) -> Result<UploadId> {
        UploadId::parse(self.params().required_text("upload_id")?)
    }

    /// The file's path. Clients send its local path, of which only the last name counts.
    fn path(&self) -> Result<ArtifactPath> {
        let local = self.params().required_text("path")?;
        match local_name(local) {
            "" => Err(Error::Invalid(format!("The path '{local}' is that of no file."))),
            name => self.directory.below(name, Purpose::Write),
        }
    }
}

/// The last name of a client's local path. A backslash is a slash on Windows, and elsewhere part of a name. A
/// path with a drive, or without any slash, is taken as one of Windows.
fn local_name(path: &str) -> &str {
    let is_windows = path.get(1..3) == Some(":\\") || !path.contains('/');
    let is_slash = |c| c == '/' || is_windows && c == '\\';
    path.rsplit(is_slash).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_is_a_slash_only_in_windows_paths() {
        for (path, name) in [
            ("/home/ada/a\\b.bin", "a\\b.bin"),
            ("C:\\data\\b.bin", "b.bin"),
            ("C:\\data/x\\b.bin", "b.bin"),
            ("data\\b.bin", "b.bin"),
            ("b.bin", "b.bin"),
            ("data/", ""),
        ] {
            assert_eq!(local_name(path), name);
        }
    }
}
