//! Blobs are the files of each project, streamed in and out. This file holds the trait, its types, and the
//! rules that every backend enforces.

use std::any::Any;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::{DirectTransfers, FileUsage, PerProject, ProjectId, StorageError, at_most};
use crate::convert::to_usize;

/// Maximum number of items in one listing of blobs.
pub const LIST_ITEMS_MAX: u32 = 200_000;
/// A listing of blobs may end once its names have this many bytes together.
pub const LIST_NAME_BYTES: usize = 8 << 20;
/// Maximum number of files that are joined into one.
pub const JOIN_PARTS_MAX: usize = 10_000;

/// Received bytes that have no name yet. Dropping it discards them.
pub trait Staged: IntoAny {
    /// Size in bytes.
    fn size(&self) -> u64;
    /// SHA-256 of the bytes.
    fn digest(&self) -> [u8; 32];
}

/// Conversion to `Any`, so that the backend that staged some bytes gets its own type back.
pub trait IntoAny: Send + 'static {
    /// Converts the box.
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
}

impl<T: Send + 'static> IntoAny for T {
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

/// Metadata of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobInfo {
    /// Size in bytes.
    pub size: u64,
    /// Time of the commit, in milliseconds since the Unix epoch.
    pub modified_ms: u64,
}

/// One entry directly below a directory: a file or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobItem {
    /// The last segment of the name.
    pub name: String,
    /// Size in bytes; `None` for a directory.
    pub size: Option<u64>,
}

/// Chunks of a blob on their way in or out. The channel holds few chunks, so that a slow side slows the
/// other.
pub type BlobStream = mpsc::Receiver<Result<Bytes, StorageError>>;

/// A part of a blob: at most `length` bytes from `offset`. It may reach beyond the blob's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// Number of bytes before the part.
    pub offset: u64,
    /// Maximum number of bytes.
    pub length: u64,
}

impl ByteRange {
    /// A whole blob, whatever its size.
    pub const ALL: ByteRange = ByteRange {
        offset: 0,
        length: u64::MAX,
    };
}

/// A request for one page of a directory's listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListRequest<'a> {
    /// The directory. Empty: the root.
    pub directory: &'a str,
    /// The page has only names after this one. `None`: it is the first page.
    pub after: Option<&'a str>,
    /// Maximum number of items, from 1 to `LIST_ITEMS_MAX`.
    pub limit: u32,
}

impl<'a> ListRequest<'a> {
    /// The first page of a directory, as large as a page can be.
    pub fn first(directory: &'a str) -> Self {
        ListRequest {
            directory,
            after: None,
            limit: LIST_ITEMS_MAX,
        }
    }
}

/// A blob opened for reading.
#[derive(Debug)]
pub struct OpenBlob {
    /// Metadata of the whole blob.
    pub info: BlobInfo,
    /// The requested bytes.
    pub contents: BlobStream,
}

/// Storage of the files of each project. `wit/blobs.wit` states the contract.
#[async_trait]
pub trait Blobs: Send + Sync + 'static {
    /// Receives a stream to its end. Returns `TooLarge` when the stream has more than `bytes_max` bytes. An
    /// error in the stream is returned. After an error nothing is kept.
    async fn stage(
        &self,
        project: ProjectId,
        contents: BlobStream,
        bytes_max: u64,
    ) -> Result<Box<dyn Staged>, StorageError>;

    /// Gives staged bytes a name. A former file of that name is replaced as a whole. The file is durable when
    /// this returns.
    ///
    /// As in a file system, a file and a directory cannot share a name: the later of the two is refused with
    /// `InvalidName`. A valid name that is too long for this storage is refused likewise.
    async fn commit(&self, project: ProjectId, staged: Box<dyn Staged>, name: &str) -> Result<(), StorageError>;

    /// Returns size and time of a file. `None`: there is no such file, or the name is a directory's.
    async fn stat(&self, project: ProjectId, name: &str) -> Result<Option<BlobInfo>, StorageError>;

    /// Opens a file and streams a part of it. `None`: there is no such file.
    /// Replacing or deleting the file does not change the bytes of an open stream.
    async fn read(&self, project: ProjectId, name: &str, range: ByteRange) -> Result<Option<OpenBlob>, StorageError>;

    /// Lists a page of the entries directly below a directory, in byte order. The page has fewer items than
    /// its limit at the end of the directory, or when its names have at least `LIST_NAME_BYTES` together: see
    /// [`is_last_page`].
    async fn list(&self, project: ProjectId, page: ListRequest<'_>) -> Result<Vec<BlobItem>, StorageError>;

    /// Removes a file. Returns `false` when there was none.
    async fn delete(&self, project: ProjectId, name: &str) -> Result<bool, StorageError>;

    /// Concatenates files into a new file, which is named as `commit` does. The parts are kept, and one part
    /// may occur several times. Returns `false`, and changes nothing, when a part is absent. Returns
    /// `TooLarge`, and changes nothing, for more than `bytes_max` bytes or `JOIN_PARTS_MAX` parts.
    async fn join(
        &self,
        project: ProjectId,
        parts: &[String],
        name: &str,
        bytes_max: u64,
    ) -> Result<bool, StorageError>;

    /// Removes a directory (empty: the root) with everything below it. Returns `false` when there was none,
    /// or when the name is a file's. After an error some of the files may be left. Files that are added
    /// meanwhile may be kept or removed.
    async fn delete_below(&self, project: ProjectId, directory: &str) -> Result<bool, StorageError>;

    /// The sums of a project's files, if this storage keeps them. `None`: they are known by listing all files only.
    async fn usage(&self, _project: ProjectId) -> Result<Option<FileUsage>, StorageError> {
        Ok(None)
    }

    /// Asks the storage to refuse with `Full`, from now on, each change that makes the files of a project exceed these sums.
    /// A join of parts that fit is not refused for its bytes, although they are kept beside the file. Returns `false` if the storage does not keep such sums; then its caller counts.
    fn keep_below(&self, _max: PerProject<FileUsage>) -> bool {
        false
    }

    /// Transfers between clients and the store itself. `None`: this storage offers none.
    fn direct_transfers(&self) -> Option<&dyn DirectTransfers> {
        None
    }

    /// Removes some of the bytes that no name leads to any more, where the storage keeps them for a while. It changes no answer.
    async fn collect(&self, _project: ProjectId) -> Result<Collected, StorageError> {
        Ok(Collected::default())
    }
}

/// The result of one pass of a collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// True if another pass now would remove more.
    pub is_more: bool,
    /// True if something has no name, and is still kept.
    pub is_left: bool,
}

/// Checks the name of a blob. This is the only place that decides it, for every backend.
///
/// A name has 1 to 1,024 bytes and consists of segments of 1 to 255 bytes joined by `/`. No segment is `.` or
/// `..`, and there are no control characters. A backslash belongs to a segment, but must not divide it into
/// parts that are empty, `.` or `..`.
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

/// Checks the limits of a listing of blobs.
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

/// True if a listing that asked for at most `limit` items reached the end of its directory.
pub fn is_last_page(items: &[BlobItem], limit: u32) -> bool {
    let name_bytes: usize = items.iter().map(|item| item.name.len()).sum();
    items.len() < to_usize(limit) && name_bytes < LIST_NAME_BYTES
}

/// Checks the limits of a join of blobs.
pub fn validate_join(parts: &[String], name: &str) -> Result<(), StorageError> {
    at_most("parts of a file", parts.len(), JOIN_PARTS_MAX)?;
    parts.iter().try_for_each(|part| validate_blob_name(part))?;
    validate_blob_name(name)
}
