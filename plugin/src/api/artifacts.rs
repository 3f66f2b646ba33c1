//! Artifacts: up, down, listed and deleted.

use serde::Serialize;

use super::runs::run_id;
use super::{Call, EMPTY, json};
use crate::domain::artifact::ArtifactPath;
use crate::domain::artifact::Purpose::{Read, Write};
use crate::domain::id::RunId;
use crate::domain::logged::LoggedModelId;
use crate::domain::source::Source;
use crate::domain::version::VersionName;
use crate::error::{Error, Result};
use crate::http::file;
use crate::http::file_route::FileCall;
use crate::http::message::Answer;
use crate::store::files::{self, Item};
use crate::store::{artifacts, versions};

#[derive(Serialize)]
struct Listing<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    root_uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<File>,
}

#[derive(Serialize)]
struct File {
    path: String,
    is_dir: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_size: Option<u64>,
}

impl File {
    /// An item of a directory that is named like this, or not named.
    fn new(item: Item, directory: &str) -> Self {
        File {
            path: match directory {
                "" => item.name,
                _ => format!("{directory}/{}", item.name),
            },
            is_dir: item.size.is_none(),
            file_size: item.size,
        }
    }
}

/// Lists a directory of the artifact store; the files are named without it.
pub async fn list(call: FileCall<'_>) -> Result<Answer> {
    let directory = ArtifactPath::directory(call.query.text("path")?.unwrap_or_default());
    let items = match directory {
        Ok(directory) => artifacts::list(directory.as_ref()).await?,
        // As a directory that is not there.
        Err(Error::NotFound(_)) => Vec::new(),
        Err(error) => return Err(error),
    };
    let files = items.into_iter().map(|item| File::new(item, "")).collect();
    json(&Listing { root_uri: None, files }).map(Answer::ok)
}

/// Lists a directory of a run; the files are named from the run's root.
pub async fn list_of_run(call: Call<'_>) -> Result<Vec<u8>> {
    let (uri, root) = artifacts::root_of_run(run_id(&call.params)?).await?;
    list_below(&uri, &root, call.params.text("path")?.unwrap_or_default()).await
}

/// Lists a directory of a logged model; the files are named from the model's root.
pub async fn list_of_logged_model(call: Call<'_>) -> Result<Vec<u8>> {
    let id = LoggedModelId::parse(call.params.required_text("model_id")?)?;
    let (uri, root) = artifacts::root_of_logged_model(id).await?;
    let path = call.params.text("artifact_directory_path")?.unwrap_or_default();
    list_below(&uri, &root, path).await
}

async fn list_below(uri: &str, root: &ArtifactPath, path: &str) -> Result<Vec<u8>> {
    let files = match root.below(path, Read) {
        Ok(directory) => {
            let named = directory.as_str().strip_prefix(root.as_str()).unwrap_or_default();
            let named = named.trim_start_matches('/');
            let items = artifacts::list(Some(&directory)).await?;
            items.into_iter().map(|item| File::new(item, named)).collect()
        }
        // As a directory that is not there.
        Err(Error::NotFound(_)) => Vec::new(),
        Err(error) => return Err(error),
    };
    json(&Listing {
        root_uri: Some(uri),
        files,
    })
}

/// Sends a file of the artifact store.
pub async fn download(call: FileCall<'_>) -> Result<Answer> {
    file::serve(&ArtifactPath::parse_encoded(call.below, Read)?, call.wanted).await
}

/// Sends a file of a run.
pub async fn of_run(call: FileCall<'_>) -> Result<Answer> {
    let (_, root) = artifacts::root_of_run(run_id(&call.query)?).await?;
    below(&root, "path", &call).await
}

/// Sends a file of a logged model.
pub async fn of_logged_model(call: FileCall<'_>) -> Result<Answer> {
    let (_, root) = artifacts::root_of_logged_model(LoggedModelId::parse(call.below)?).await?;
    below(&root, "artifact_file_path", &call).await
}

/// Sends a file of a model's version.
pub async fn of_version(call: FileCall<'_>) -> Result<Answer> {
    let name = call.query.required_text("name")?;
    let version = VersionName::parse(call.query.required_text("version")?)?;
    let location = versions::load(name, &version).await?.version.location;
    let root = match Source::parse(&location, false, &[]) {
        Ok(Source::Run(place)) => artifacts::root_of_run(place.run).await?.1.below(&place.below, Read)?,
        _ => artifacts::of_uri(&location)?,
    };
    below(&root, "path", &call).await
}

async fn below(root: &ArtifactPath, parameter: &str, call: &FileCall<'_>) -> Result<Answer> {
    file::serve(&root.below(call.query.required_text(parameter)?, Read)?, call.wanted).await
}

/// Takes a file in.
pub async fn upload(call: FileCall<'_>) -> Result<Answer> {
    let path = addressed(&call)?;
    take_in(call, &path).await
}

/// Takes a file of a run in.
pub async fn upload_to_run(call: FileCall<'_>) -> Result<Answer> {
    let run = RunId::parse(call.query.either_text("run_uuid", "run_id")?)?;
    let (_, root) = artifacts::root_of_run(run).await?;
    let path = root.below(call.query.required_text("path")?, Write)?;
    take_in(call, &path).await
}

/// The file is there when all of it came, and only then.
async fn take_in(call: FileCall<'_>, path: &ArtifactPath) -> Result<Answer> {
    artifacts::owner_of(path).await?;
    let (contents, end) = call.contents.into_stream();
    let staged = files::stage(contents).await?;
    end.whole().await?;
    artifacts::put(path, staged).await?;
    Ok(Answer::ok(EMPTY.to_vec()))
}

/// Removes a file or a directory.
pub async fn delete(call: FileCall<'_>) -> Result<Answer> {
    artifacts::delete(&addressed(&call)?).await?;
    Ok(Answer::ok(EMPTY.to_vec()))
}

/// The path of what a request changes, as it stands in its address. A slash at the end changes nothing: so clients name a run's
/// root.
///
/// Clients write a name into an address as it is, so one with a `?` would be cut there, and what follows is taken for a query.
pub(super) fn addressed(call: &FileCall<'_>) -> Result<ArtifactPath> {
    if !call.query.is_empty() {
        return Err(Error::Invalid(format!(
            "Invalid path: '{}?…'. A path has no '?', which would end it in an address.",
            call.below
        )));
    }
    ArtifactPath::parse_encoded(call.below.strip_suffix('/').unwrap_or(call.below), Write)
}
