//! Direct transfers: clients send and fetch the bytes of files at signed addresses of the store, and no byte passes the host.

use std::time::Duration;

use async_trait::async_trait;

use super::{ProjectId, StorageError};

/// An upload of which the client sends the parts to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectUpload {
    /// Name of the upload in its project.
    pub id: String,
    /// The address for the PUT of each part, in their order.
    pub parts: Vec<String>,
}

/// The address of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectDownload {
    /// The address for a GET.
    pub url: String,
    /// Size of the file in bytes.
    pub size: u64,
}

/// The outcome of completing a direct upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The file has its name.
    Done,
    /// There is no such upload, or no longer.
    Absent,
    /// The store has no part of this number, from 1, with this `ETag`.
    MissingPart(u32),
    /// A part other than the last is smaller than the store takes.
    SmallPart {
        /// Number of the part, from 1.
        number: u32,
        /// The least number of bytes.
        bytes_min: u64,
    },
}

/// Direct transfers of a storage of blobs. `wit/direct-transfers.wit` states the contract.
#[async_trait]
pub trait DirectTransfers: Send + Sync {
    /// Begins an upload of so many parts, whose addresses are good for this time.
    async fn begin(&self, project: ProjectId, parts: u32, valid_for: Duration) -> Result<DirectUpload, StorageError>;

    /// Completes an upload of the parts with these ETags, and gives the file its name as `Blobs::commit` does. Sizes are those that
    /// the store tells. Returns `TooLarge` for more than `bytes_max` bytes. A repeated call changes nothing.
    async fn complete(
        &self,
        project: ProjectId,
        id: &str,
        etags: &[String],
        name: &str,
        bytes_max: u64,
    ) -> Result<Completion, StorageError>;

    /// Aborts an upload. One that does not exist, or is completed, stays as it is.
    async fn abort(&self, project: ProjectId, id: &str) -> Result<(), StorageError>;

    /// The address for the GET of a file, good for this time. `None`: there is no such file, or the store has it in several pieces.
    async fn sign_download(
        &self,
        project: ProjectId,
        name: &str,
        valid_for: Duration,
    ) -> Result<Option<DirectDownload>, StorageError>;
}
