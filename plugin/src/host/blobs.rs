//! The host's blobs, under names of our own: artifacts lie below one directory, so that nothing else can be named by the
//! path of an artifact.

use wit_bindgen::StreamReader;

use crate::bindings::mlforge::plugin::blobs as host;
/// Received bytes that have no name yet; dropped, they are gone.
pub use crate::bindings::mlforge::plugin::blobs::Staged;
use crate::domain::artifact::ArtifactPath;
use crate::domain::limits::ARTIFACTS_PER_REQUEST_MAX;
use crate::error::{Error, Result};

/// The most items of one call.
const ITEMS_AT_ONCE: usize = 200_000;
/// A call may answer fewer than were asked for once their names have so many bytes together.
const NAME_BYTES_AT_ONCE: usize = 8 << 20;

/// What is known of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// In bytes.
    pub size: u64,
    /// When it became what it is, in milliseconds since the Unix epoch.
    pub modified_ms: u64,
}

/// Bytes of a file that the host sends itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePart {
    /// As the host knows the file.
    pub name: String,
    /// The file as a whole, when it was looked at.
    pub info: FileInfo,
    /// Where the part begins.
    pub offset: u64,
    /// In bytes; the part lies in the file.
    pub length: u64,
}

/// One name directly below a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The last name only.
    pub name: String,
    /// In bytes; none for a directory.
    pub size: Option<u64>,
}

/// Where the host keeps an artifact, or a directory of them.
pub(crate) fn name(path: &ArtifactPath) -> String {
    format!("a/{path}")
}

/// How many bytes a file may have.
pub fn bytes_max() -> u64 {
    host::file_bytes_max()
}

/// Receives a stream to its end. The host says how much it takes.
pub async fn stage(contents: StreamReader<u8>) -> Result<Staged> {
    stage_at_most(contents, u64::MAX).await
}

/// The same, when less is left of what may come.
pub async fn stage_at_most(contents: StreamReader<u8>, bytes_max: u64) -> Result<Staged> {
    host::stage(contents, bytes_max).await.map_err(failed)
}

/// Gives received bytes their place, instead of what was there.
pub async fn commit(staged: Staged, path: &ArtifactPath) -> Result<()> {
    host::commit(staged, name(path)).await.map_err(failed)
}

/// What is known of a file; none when there is none, or when it is a directory.
pub async fn stat(path: &ArtifactPath) -> Result<Option<FileInfo>> {
    let found = host::stat(name(path)).await.map_err(failed)?;
    Ok(found.map(|info| FileInfo {
        size: info.size,
        modified_ms: info.modified_ms,
    }))
}

/// A part of a file; none when there is no such file.
pub async fn read(path: &ArtifactPath, offset: u64, length: u64) -> Result<Option<StreamReader<u8>>> {
    host::read(name(path), offset, length).await.map_err(failed)
}

/// A part of a file, for the host to send.
pub fn part(path: &ArtifactPath, info: FileInfo, offset: u64, length: u64) -> FilePart {
    FilePart {
        name: name(path),
        info,
        offset,
        length,
    }
}

/// The items of a directory behind one of them, in order of their names: a page.
pub(crate) struct Page {
    pub(crate) items: Vec<Item>,
    /// Nothing lies behind it.
    pub(crate) is_last: bool,
}

/// Reads a page of at most `limit` items.
pub(crate) async fn page(directory: String, after: Option<String>, limit: usize) -> Result<Page> {
    let limit = limit.clamp(1, ITEMS_AT_ONCE);
    let count = u32::try_from(limit).unwrap_or(u32::MAX);
    let items = host::list(directory, after, count).await.map_err(failed)?;
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

/// All items of a directory of artifacts (none: the root), at most `limit`; a directory that is none is empty.
pub async fn list(directory: Option<&ArtifactPath>, limit: usize) -> Result<Vec<Item>> {
    all_items(directory.map_or_else(|| "a".to_owned(), name), limit).await
}

/// True if something lies below a path.
pub async fn is_directory(path: &ArtifactPath) -> Result<bool> {
    let items = host::list(name(path), None, 1).await.map_err(failed)?;
    Ok(!items.is_empty())
}

/// All items of a directory that is not one of artifacts.
pub(crate) async fn list_names(directory: String) -> Result<Vec<Item>> {
    all_items(directory, ARTIFACTS_PER_REQUEST_MAX).await
}

async fn all_items(directory: String, limit: usize) -> Result<Vec<Item>> {
    let mut items: Vec<Item> = Vec::new();
    loop {
        let after = items.last().map(|item| item.name.clone());
        // One more than allowed says that there are too many.
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

/// Removes a file; `false` when there was none.
pub async fn delete(path: &ArtifactPath) -> Result<bool> {
    host::delete(name(path)).await.map_err(failed)
}

/// Removes a directory with all that is in it; `false` when there was none.
pub async fn delete_below(directory: &ArtifactPath) -> Result<bool> {
    host::delete_below(name(directory)).await.map_err(failed)
}

/// Removes a directory, and what earlier versions of this server kept in its place.
pub async fn delete_all_below(directory: &ArtifactPath) -> Result<()> {
    delete_below(directory).await?;
    if let Some(earlier) = directory.earlier() {
        delete_below(&earlier).await?;
    }
    Ok(())
}

pub(crate) fn failed(error: host::Error) -> Error {
    match error {
        host::Error::Denied => Error::Denied,
        host::Error::InvalidName(why) => Error::Invalid(format!("Invalid path: {why}.")),
        host::Error::TooLarge => Error::TooLarge(
            "The file is larger than this server takes, or than there is room for in the project.".to_owned(),
        ),
        host::Error::Unavailable(text) | host::Error::Other(text) => Error::Unavailable(text),
    }
}
