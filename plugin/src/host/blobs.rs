//! The host's blobs, by the names that this component gives them. Artifacts lie below one directory, so that
//! the path of an artifact can name no other blob.

use super::streams;
use super::streams::ByteStream;
use crate::bindings::mlforge::plugin::blobs as host;
/// Received bytes without a name. They are discarded when the value is dropped.
pub use crate::bindings::mlforge::plugin::blobs::Staged;
use crate::domain::artifact::ArtifactPath;
use crate::domain::limits::ARTIFACTS_PER_REQUEST_MAX;
use crate::error::{Error, Result};

/// The maximum number of entries that one call lists.
const ITEMS_AT_ONCE: usize = 200_000;
/// A call may list fewer entries than requested after their names have this many bytes.
const NAME_BYTES_AT_ONCE: usize = 8 << 20;

/// The metadata of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// The size in bytes.
    pub size: u64,
    /// The time of the last change, in milliseconds since the Unix epoch.
    pub modified_ms: u64,
}

/// A part of a file that the host sends itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePart {
    /// The blob's name in the host.
    pub name: String,
    /// The metadata of the whole file at the time of the lookup.
    pub info: FileInfo,
    /// The offset of the part, in bytes.
    pub offset: u64,
    /// The length in bytes. The part lies within the file.
    pub length: u64,
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The last name of its path.
    pub name: String,
    /// The size in bytes. `None`: a directory.
    pub size: Option<u64>,
}

/// The blob's name of an artifact, or of a directory of artifacts.
pub(crate) fn name(path: &ArtifactPath) -> String {
    format!("a/{path}")
}

/// The maximum size of a file, in bytes.
pub fn bytes_max() -> u64 {
    host::file_bytes_max()
}

/// Receives a stream to its end. The host limits its size.
pub async fn stage(contents: ByteStream) -> Result<Staged> {
    stage_at_most(contents, u64::MAX).await
}

/// Receives a stream of at most `bytes_max` bytes to its end.
pub async fn stage_at_most(contents: ByteStream, bytes_max: u64) -> Result<Staged> {
    streams::stage(contents, bytes_max).await.map_err(failed)
}

/// Stores received bytes under a path and replaces the file that was there.
pub async fn commit(staged: Staged, path: &ArtifactPath) -> Result<()> {
    host::commit(staged, name(path)).await.map_err(failed)
}

/// The metadata of a file. `None`: there is no such file, or it is a directory. Fails if the host keeps no files.
pub async fn stat(path: &ArtifactPath) -> Result<Option<FileInfo>> {
    let found = host::stat(name(path)).await.map_err(failed)?;
    Ok(found.map(|info| FileInfo {
        size: info.size,
        modified_ms: info.modified_ms,
    }))
}

/// Opens a part of a file. `None`: there is no such file.
pub async fn read(path: &ArtifactPath, offset: u64, length: u64) -> Result<Option<ByteStream>> {
    streams::read(name(path), offset, length).await.map_err(failed)
}

/// Describes a part of a file that the host is to send.
pub fn part(path: &ArtifactPath, info: FileInfo, offset: u64, length: u64) -> FilePart {
    FilePart {
        name: name(path),
        info,
        offset,
        length,
    }
}

/// A page of a directory's entries, in the order of their names.
pub(crate) struct Page {
    pub(crate) items: Vec<Item>,
    /// True if no entries follow.
    pub(crate) is_last: bool,
}

/// Reads a page of at most `limit` entries, after the name `after`.
pub(crate) async fn page(directory: String, after: Option<String>, limit: usize) -> Result<Page> {
    let limit = limit.clamp(1, ITEMS_AT_ONCE);
    let count = u32::try_from(limit).unwrap_or(u32::MAX);
    let items = or_none(host::list(directory, after, count).await)?;
    let name_bytes: usize = items.iter().map(|item| item.name.len()).sum();
    let is_last = items.len() < limit && name_bytes < NAME_BYTES_AT_ONCE;
    let items = items.into_iter().map(|item| Item {
        name: item.name,
        size: item.size,
    });
    Ok(Page {
        items: items.collect(),
        is_last,
    })
}

/// All entries of a directory of artifacts. `None` is the root. A directory that does not exist is empty.
/// Fails if there are more than `limit`.
pub async fn list(directory: Option<&ArtifactPath>, limit: usize) -> Result<Vec<Item>> {
    all_items(directory.map_or_else(|| "a".to_owned(), name), limit).await
}

/// True if a blob exists below a path.
pub async fn is_directory(path: &ArtifactPath) -> Result<bool> {
    let items = or_none(host::list(name(path), None, 1).await)?;
    Ok(!items.is_empty())
}

/// True if a blob has this path, or exists below it. False if the host keeps no files.
pub async fn exists(path: &ArtifactPath) -> Result<bool> {
    Ok(or_none(host::stat(name(path)).await)?.is_some() || is_directory(path).await?)
}

/// All entries of a directory outside the artifacts.
pub(crate) async fn list_names(directory: String) -> Result<Vec<Item>> {
    all_items(directory, ARTIFACTS_PER_REQUEST_MAX).await
}

async fn all_items(directory: String, limit: usize) -> Result<Vec<Item>> {
    let mut items: Vec<Item> = Vec::new();
    loop {
        let after = items.last().map(|item| item.name.clone());
        // One entry more than allowed shows that there are too many.
        let page = page(directory.clone(), after, limit + 1 - items.len()).await?;
        items.extend(page.items);
        if items.len() > limit {
            return Err(Error::TooLarge(format!("a directory of more than {limit} items")));
        }
        if page.is_last {
            return Ok(items);
        }
    }
}

/// Deletes a file. `false`: there was none.
pub async fn delete(path: &ArtifactPath) -> Result<bool> {
    or_none(host::delete(name(path)).await)
}

/// Deletes a directory with all files in it. `false`: there was none.
pub async fn delete_below(directory: &ArtifactPath) -> Result<bool> {
    or_none(host::delete_below(name(directory)).await)
}

/// Deletes a directory, and the one in which earlier versions of this server stored the same artifacts.
pub async fn delete_all_below(directory: &ArtifactPath) -> Result<()> {
    delete_below(directory).await?;
    if let Some(earlier) = directory.earlier() {
        delete_below(&earlier).await?;
    }
    Ok(())
}

/// The result of a call that a host without files answers as if there were none: a list of files, or a deletion. So runs are
/// listed and purged there as elsewhere.
pub(crate) fn or_none<T: Default>(result: std::result::Result<T, host::Error>) -> Result<T> {
    match result {
        Err(host::Error::Absent) => Ok(T::default()),
        result => result.map_err(failed),
    }
}

/// The error for the caller.
pub(crate) fn failed(error: host::Error) -> Error {
    match error {
        host::Error::Denied => Error::Denied,
        host::Error::InvalidName(why) => Error::Invalid(format!("Invalid path: {why}.")),
        host::Error::Full(text) => Error::Full(text),
        host::Error::TooLarge => Error::TooLarge(
            "The file is larger than this server takes, or than there is room for in the project.".to_owned(),
        ),
        host::Error::Absent => Error::Unsupported(
            "This server keeps no files: artifacts can be neither stored nor read here. Runs, metrics, params and tags are."
                .to_owned(),
        ),
        host::Error::Unavailable(text) | host::Error::Other(text) => Error::Unavailable(text),
    }
}
