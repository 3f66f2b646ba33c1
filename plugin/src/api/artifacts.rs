//! The endpoints of artifacts: upload, download, list and delete.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::paging::ANSWER_BYTES_MAX;
use super::runs::run_id;
use super::{EMPTY, json, traces};
use crate::domain::artifact::ArtifactPath;
use crate::domain::artifact::Purpose::{Read, Write};
use crate::domain::id::RunId;
use crate::domain::logged_model::LoggedModelId;
use crate::domain::version::VersionName;
use crate::error::{Error, Result};
use crate::host::blobs;
use crate::host::blobs::Item;
use crate::host::direct_transfers;
use crate::request::call::{Call, FileCall};
use crate::request::file_response;
use crate::request::response::Answer;
use crate::store::artifacts;
use crate::store::portion::answer_bytes;
use crate::store::registry::versions;

/// The URL path of files.
const FILES: &str = "/api/2.0/mlflow-artifacts/artifacts";
/// Bytes of a listed entry besides its path.
const FILE_BYTES: usize = 64;

#[derive(Serialize)]
struct Listing<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    root_uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Files::is_empty")]
    files: Files<'a>,
}

/// The entries of a directory, serialised one by one, since there may be 100,000. An empty `directory` means
/// that paths are the names alone.
struct Files<'a> {
    directory: &'a str,
    items: &'a [Item],
}

impl Files<'_> {
    fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_seq(self.items.iter().map(|item| File::new(item, self.directory)))
    }
}

#[derive(Serialize)]
struct File<'a> {
    path: Cow<'a, str>,
    is_dir: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_size: Option<u64>,
}

impl<'a> File<'a> {
    fn new(item: &'a Item, directory: &str) -> Self {
        File {
            path: match directory {
                "" => Cow::Borrowed(&item.name),
                _ => Cow::Owned(format!("{directory}/{}", item.name)),
            },
            is_dir: item.size.is_none(),
            file_size: item.size,
        }
    }
}

/// The answer with a listing. Fails if it is too large for an answer, since MLflow's clients do not page
/// listings.
fn listing(root_uri: Option<&str>, directory: &str, items: &[Item]) -> Result<Vec<u8>> {
    let of_item = |item: &Item| FILE_BYTES + answer_bytes(item.name.as_bytes());
    let named = items.len() * answer_bytes(directory.as_bytes());
    if named + items.iter().map(of_item).sum::<usize>() > ANSWER_BYTES_MAX {
        return Err(Error::TooLarge(format!(
            "the names of the {} items of this directory are longer than {} MiB together",
            items.len(),
            ANSWER_BYTES_MAX >> 20
        )));
    }
    json(&Listing {
        root_uri,
        files: Files { directory, items },
    })
}

/// Lists a directory of the artifact store. Paths are relative to the directory.
pub async fn list(call: FileCall<'_>) -> Result<Answer> {
    let directory = ArtifactPath::directory(call.query.text("path")?.unwrap_or_default());
    let items = match directory {
        Ok(directory) => artifacts::list(directory.as_ref()).await?,
        // A path that is too long is listed as a directory that does not exist.
        Err(Error::NotFound(_)) => Vec::new(),
        Err(error) => return Err(error),
    };
    listing(None, "", &items).map(Answer::ok)
}

/// Lists a directory of a run. Paths are relative to the run's root.
pub async fn list_of_run(call: Call<'_>) -> Result<Vec<u8>> {
    let (uri, root) = artifacts::root_of_run(run_id(&call.params)?).await?;
    list_below(&uri, &root, call.params.text("path")?.unwrap_or_default()).await
}

/// Lists a directory of a logged model. Paths are relative to the model's root.
pub async fn list_of_logged_model(call: Call<'_>) -> Result<Vec<u8>> {
    let id = LoggedModelId::parse(call.params.required_text("model_id")?)?;
    let (uri, root) = artifacts::root_of_logged_model(id).await?;
    let path = call.params.text("artifact_directory_path")?.unwrap_or_default();
    list_below(&uri, &root, path).await
}

async fn list_below(uri: &str, root: &ArtifactPath, path: &str) -> Result<Vec<u8>> {
    let (directory, items) = match root.below(path, Read) {
        Ok(directory) => {
            let items = artifacts::list(Some(&directory)).await?;
            (directory, items)
        }
        // A path that is too long is listed as a directory that does not exist.
        Err(Error::NotFound(_)) => return listing(Some(uri), "", &[]),
        Err(error) => return Err(error),
    };
    let named = directory.as_str().strip_prefix(root.as_str()).unwrap_or_default();
    listing(Some(uri), named.trim_start_matches('/'), &items)
}

/// Downloads a file of the artifact store.
pub async fn download(call: FileCall<'_>) -> Result<Answer> {
    let path = ArtifactPath::parse_encoded(call.below, Read)?;
    if let Some(answer) = traces::file::made(&path, call.wanted.head_only).await? {
        return Ok(answer);
    }
    file_response::serve(&path, call.wanted).await
}

/// The address of a file in the store, for a client that fetches it there in parts. Without a size the client asks
/// this server for the file.
#[derive(Serialize)]
struct Presigned {
    url: String,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_size: Option<u64>,
}

/// Answers with the signed address of a file of the artifact store.
pub async fn presigned(call: FileCall<'_>) -> Result<Answer> {
    let path = ArtifactPath::parse_encoded(call.below, Read)?;
    if !direct_transfers::is_offered() {
        return Err(Error::Unsupported(
            "Presigned downloads are not supported by this server: it sends files itself.".to_owned(),
        ));
    }
    let here = || Presigned {
        url: format!("{FILES}/{}", call.below),
        headers: BTreeMap::new(),
        file_size: None,
    };
    if traces::file::made(&path, true).await?.is_some() {
        return json(&here()).map(Answer::ok);
    }
    let (place, _) = artifacts::find(&path).await?;
    let presigned = match direct_transfers::sign_download(&place).await? {
        Some(signed) => Presigned {
            url: signed.request.url,
            headers: signed.request.headers.into_iter().collect(),
            file_size: Some(signed.size),
        },
        None => here(),
    };
    json(&presigned).map(Answer::ok)
}

/// Downloads a file of a run.
pub async fn of_run(call: FileCall<'_>) -> Result<Answer> {
    let (_, root) = artifacts::root_of_run(run_id(&call.query)?).await?;
    below(&root, "path", &call).await
}

/// Downloads a file of a logged model.
pub async fn of_logged_model(call: FileCall<'_>) -> Result<Answer> {
    let (_, root) = artifacts::root_of_logged_model(LoggedModelId::parse(call.below)?).await?;
    below(&root, "artifact_file_path", &call).await
}

/// Downloads a file of a model version.
pub async fn of_version(call: FileCall<'_>) -> Result<Answer> {
    let name = call.query.required_text("name")?;
    let version = VersionName::parse(call.query.required_text("version")?)?;
    let location = versions::load(name, &version).await?.version.location;
    let root = artifacts::of_location(&location).await?;
    below(&root, "path", &call).await
}

async fn below(root: &ArtifactPath, parameter: &str, call: &FileCall<'_>) -> Result<Answer> {
    file_response::serve(&root.below(call.query.required_text(parameter)?, Read)?, call.wanted).await
}

/// Uploads a file.
pub async fn upload(call: FileCall<'_>) -> Result<Answer> {
    let path = addressed(&call)?;
    take_in(call, &path).await
}

/// Uploads a file of a run.
pub async fn upload_to_run(call: FileCall<'_>) -> Result<Answer> {
    let run = RunId::parse(call.query.either_text("run_uuid", "run_id")?)?;
    let (_, root) = artifacts::root_of_run(run).await?;
    let path = root.below(call.query.required_text("path")?, Write)?;
    take_in(call, &path).await
}

/// Stores the body of a request as a file. The file exists only after the whole body was received.
async fn take_in(call: FileCall<'_>, path: &ArtifactPath) -> Result<Answer> {
    artifacts::owner_of(path).await?;
    let (contents, end) = call.contents.into_stream();
    let staged = blobs::stage(contents).await?;
    end.whole().await?;
    artifacts::put(path, staged).await?;
    Ok(Answer::ok(EMPTY.to_vec()))
}

/// Deletes a file or a directory.
pub async fn delete(call: FileCall<'_>) -> Result<Answer> {
    artifacts::delete(&addressed(&call)?).await?;
    Ok(Answer::ok(EMPTY.to_vec()))
}

/// The path in the URL of a request that changes files. A slash at the end is ignored, since clients name a
/// run's root so.
///
/// Clients do not encode names in URLs, so a name with a `?` would be cut there. A request with a query is
/// therefore refused.
pub(super) fn addressed(call: &FileCall<'_>) -> Result<ArtifactPath> {
    if !call.query.is_empty() {
        return Err(Error::Invalid(format!(
            "Invalid path: '{}?…'. A path has no '?', which would end it in an address.",
            call.below
        )));
    }
    ArtifactPath::parse_encoded(call.below.strip_suffix('/').unwrap_or(call.below), Write)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_listing_larger_than_an_answer_is_refused() {
        let items = |count: usize| {
            let item = |number| Item {
                name: format!("{number:0200}"),
                size: Some(1),
            };
            (0..count).map(item).collect::<Vec<_>>()
        };
        let directory = "d".repeat(700);
        let written = listing(Some("uri"), &directory, &items(2)).unwrap();
        let path = format!("\"path\":\"{directory}/{:0200}\"", 1);
        assert!(String::from_utf8(written).unwrap().contains(&path));
        assert!(matches!(
            listing(None, &directory, &items(100_000)),
            Err(Error::TooLarge(_))
        ));
        assert!(listing(None, "", &items(100_000)).is_ok());
    }
}
