//! Artifacts: files that belong to a run or a logged model, at the places that its artifact URI names.
//!
//! Reading asks nothing but the path: the host binds the project. Writing asks who owns the path.

use wit_bindgen::StreamReader;

use super::files::{self, FileInfo, Item};
use super::{logged, runs};
use crate::domain::artifact::ArtifactPath;
use crate::domain::id::RunId;
use crate::domain::limits::ARTIFACTS_PER_REQUEST_MAX;
use crate::domain::logged::LoggedModelId;
use crate::domain::source::{possible_models, possible_runs};
use crate::error::{Error, Result};

/// How often a file is opened anew that is replaced in the same moment.
const ATTEMPTS_MAX: usize = 10;

/// An opened file.
pub struct Opened {
    /// What it is as a whole.
    pub info: FileInfo,
    /// The bytes that were asked for.
    pub contents: StreamReader<u8>,
}

/// Refuses to change what belongs to nothing, or to something that is not active.
pub async fn may_write_below(path: &ArtifactPath) -> Result<()> {
    for id in possible_runs(path.as_str()) {
        let run = match runs::load(id).await {
            Ok(run) => run,
            Err(Error::NotFound(_)) => continue,
            Err(error) => return Err(error),
        };
        if ArtifactPath::of_uri(&run.run.artifact_uri).is_some_and(|root| path.is_within(&root)) {
            return run.must_be_active();
        }
    }
    for id in possible_models(path.as_str()) {
        let model = match logged::load(id).await {
            Ok(stored) => stored.model,
            Err(Error::NotFound(_)) => continue,
            Err(error) => return Err(error),
        };
        if !model.is_deleted && ArtifactPath::of_uri(&model.artifact_uri).is_some_and(|root| path.is_within(&root)) {
            return Ok(());
        }
    }
    Err(Error::Invalid(format!(
        "The path '{path}' does not lie below the artifacts of a run or logged model of this project."
    )))
}

/// Where a run's artifacts lie, soft-deleted ones too.
pub async fn root_of_run(id: RunId) -> Result<(String, ArtifactPath)> {
    let uri = runs::load(id).await?.run.artifact_uri;
    let root = of_uri(&uri)?;
    Ok((uri, root))
}

/// Where a logged model's artifacts lie; a deleted model is not found.
pub async fn root_of_logged_model(id: LoggedModelId) -> Result<(String, ArtifactPath)> {
    let model = logged::load(id).await?.model;
    if model.is_deleted {
        return Err(id.not_found());
    }
    let root = of_uri(&model.artifact_uri)?;
    Ok((model.artifact_uri, root))
}

/// The place that a URI names, if it is kept here.
pub fn of_uri(uri: &str) -> Result<ArtifactPath> {
    ArtifactPath::of_uri(uri)
        .ok_or_else(|| Error::Invalid(format!("The artifacts at '{uri}' are not kept by this server.")))
}

/// Stores what was received, unless its run was deleted meanwhile.
pub async fn put(path: &ArtifactPath, staged: crate::bindings::mlforge::plugin::blobs::Staged) -> Result<()> {
    may_write_below(path).await?;
    files::commit(staged, path).await
}

/// What is known of a file.
pub async fn stat(path: &ArtifactPath) -> Result<FileInfo> {
    match files::stat(path).await? {
        Some(info) => Ok(info),
        None => Err(no_file(path).await?),
    }
}

/// Opens a part of a file: `part` says which, of what is known of the file.
pub async fn open(path: &ArtifactPath, part: impl Fn(FileInfo) -> Result<(u64, u64)>) -> Result<Opened> {
    for _ in 0..ATTEMPTS_MAX {
        let info = stat(path).await?;
        let (offset, length) = part(info)?;
        let contents = files::read(path, offset, length).await?;
        // What was opened is what was looked at, if that is still there.
        if let Some(contents) = contents
            && files::stat(path).await? == Some(info)
        {
            return Ok(Opened { info, contents });
        }
    }
    Err(Error::Contended)
}

/// What lies directly below a directory; nothing below a file, or where nothing is.
pub async fn list(directory: Option<&ArtifactPath>) -> Result<Vec<Item>> {
    files::list(directory, ARTIFACTS_PER_REQUEST_MAX).await
}

/// Removes a file, or a directory with all that is in it. What is not there is removed already.
pub async fn delete(path: &ArtifactPath) -> Result<()> {
    may_write_below(path).await?;
    if !files::delete(path).await? {
        files::delete_below(path).await?;
    }
    Ok(())
}

/// Why a file cannot be read.
async fn no_file(path: &ArtifactPath) -> Result<Error> {
    Ok(match list(Some(path)).await?.is_empty() {
        true => Error::NotFound(format!("No artifact has the path '{path}'.")),
        false => Error::Invalid(format!("The path '{path}' is that of a directory.")),
    })
}
