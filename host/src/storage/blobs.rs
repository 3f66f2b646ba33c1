//! Blobs: files of each project, streamed in and out. The trait, what it deals in, and the rules that every backend keeps.

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::{ProjectId, StorageError, at_most};

/// The most items of one listing of blobs.
pub const LIST_ITEMS_MAX: u32 = 200_000;
/// A listing of blobs may end once its names have so many bytes together.
pub const LIST_NAME_BYTES: usize = 8 << 20;
/// The most files that are joined into one.
pub const JOIN_PARTS_MAX: usize = 10_000;

/// Received bytes under no name yet; dropping it discards them.
pub trait Staged: Send + 'static {
    /// How many bytes.
    fn size(&self) -> u64;
    /// Their SHA-256.
    fn digest(&self) -> [u8; 32];
    /// For the backend that made it, to get at its own type again.
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send>;
}

/// What is known of a blob without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobInfo {
    /// In bytes.
    pub size: u64,
    /// When it was committed, in milliseconds since the Unix epoch.
    pub modified_ms: u64,
}

/// One name directly below a directory; directories have no size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobItem {
    /// The last segment only.
    pub name: String,
    /// In bytes; none for a directory.
    pub size: Option<u64>,
}

/// Pieces of a blob on their way in or out; a channel of few pieces, so that a slow side slows the other.
pub type BlobStream = mpsc::Receiver<Result<Bytes, StorageError>>;

/// A blob that is being read.
#[derive(Debug)]
pub struct OpenBlob {
    /// What it is as a whole.
    pub info: BlobInfo,
    /// The bytes that were asked for.
    pub contents: BlobStream,
}

/// Files of each project (`wit/blobs.wit` states the contract).
#[async_trait]
pub trait Blobs: Send + Sync + 'static {
    /// Receives a stream to its end; `TooLarge`, and nothing kept, when more than `bytes_max` come. An error in the
    /// stream is the answer, and nothing is kept.
    async fn stage(
        &self,
        project: ProjectId,
        contents: BlobStream,
        bytes_max: u64,
    ) -> Result<Box<dyn Staged>, StorageError>;

    /// Gives staged bytes a name, replacing a former file whole; durable when it answers. As in a file system, a file
    /// and a directory cannot share a name: the later of the two is refused with `InvalidName`, and so is a name that keeps the
    /// rules and is too long for this storage.
    async fn commit(&self, project: ProjectId, staged: Box<dyn Staged>, name: &str) -> Result<(), StorageError>;

    /// Size and time; none when there is no such file, or when it is a directory.
    async fn stat(&self, project: ProjectId, name: &str) -> Result<Option<BlobInfo>, StorageError>;

    /// At most `length` bytes from `offset`, and what is known of the file they are from; none when there is no such file.
    /// Replacing or deleting the file does not change what an open stream delivers.
    async fn read(
        &self,
        project: ProjectId,
        name: &str,
        offset: u64,
        length: u64,
    ) -> Result<Option<OpenBlob>, StorageError>;

    /// What lies directly below a directory (empty: the root), in byte order, behind `after`, at most `limit` items. There are
    /// fewer at the end only, or where the names have `LIST_NAME_BYTES` or more together: see [`is_last_page`].
    async fn list(
        &self,
        project: ProjectId,
        directory: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<BlobItem>, StorageError>;

    /// Removes a file; `false` when there was none.
    async fn delete(&self, project: ProjectId, name: &str) -> Result<bool, StorageError>;

    /// Makes a file of the bytes of other files, one behind the other, as `commit` would. The parts stay, and one may
    /// stand in several places. `false`, and nothing changes, when a part is absent; `TooLarge` likewise, when all have
    /// more than `bytes_max` bytes, or are more than `JOIN_PARTS_MAX`.
    async fn join(
        &self,
        project: ProjectId,
        parts: &[String],
        name: &str,
        bytes_max: u64,
    ) -> Result<bool, StorageError>;

    /// Removes a directory (empty: the root) with all that lies below it; `false` when there was none, or when the name is
    /// a file's. Should it break off, some of it is left. Files that others put there meanwhile may stay or go.
    async fn delete_below(&self, project: ProjectId, directory: &str) -> Result<bool, StorageError>;
}

/// The rules of a blob's name: 1 to 1,024 bytes, segments of 1 to 255 bytes joined by `/`, none of them `.` or `..`, no
/// control characters; a backslash is part of a segment, but divides none into empty ones, `.` or `..`. The one place that decides it for every backend.
pub fn validate_blob_name(name: &str) -> Result<(), StorageError> {
    let broken = if name.is_empty() || name.len() > 1024 {
        "a name has 1 to 1,024 bytes"
    } else if name.chars().any(char::is_control) {
        "a name has no control characters"
    } else if name.split('/').any(|segment| segment.len() > 255) {
        "a segment of a name has 1 to 255 bytes"
    } else if name.split(['/', '\\']).any(|part| matches!(part, "" | "." | "..")) {
        "a name has no empty segments, and none that are `.` or `..`, also between backslashes"
    } else {
        return Ok(());
    };
    Err(StorageError::InvalidName(broken.into()))
}

/// The limits of a listing of blobs.
pub fn validate_list(directory: &str, limit: u32) -> Result<(), StorageError> {
    if !directory.is_empty() {
        validate_blob_name(directory)?;
    }
    if limit == 0 || limit > LIST_ITEMS_MAX {
        return Err(StorageError::TooLarge(format!(
            "a list has 1 to {LIST_ITEMS_MAX} items, not {limit}"
        )));
    }
    Ok(())
}

/// True if a listing came to its end, of which at most `limit` items were asked for.
pub fn is_last_page(items: &[BlobItem], limit: u32) -> bool {
    let name_bytes: usize = items.iter().map(|item| item.name.len()).sum();
    items.len() < usize::try_from(limit).unwrap_or(usize::MAX) && name_bytes < LIST_NAME_BYTES
}

/// The limits of a joining of blobs.
pub fn validate_join(parts: &[String], name: &str) -> Result<(), StorageError> {
    at_most("parts of a file", parts.len(), JOIN_PARTS_MAX)?;
    parts.iter().try_for_each(|part| validate_blob_name(part))?;
    validate_blob_name(name)
}
