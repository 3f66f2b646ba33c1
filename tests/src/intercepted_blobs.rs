//! Blobs whose calls a test intercepts: before each call a function runs.

use std::sync::Arc;

use async_trait::async_trait;
use mlforge::storage::memory::MemoryBlobs;
use mlforge::storage::{
    BlobInfo, BlobItem, BlobStream, Blobs, ByteRange, DirectTransfers, ListRequest, OpenBlob, ProjectId, Staged,
    StorageError,
};

/// A call to blobs, with the names of the files or of the directory.
#[derive(Clone, Copy, Debug)]
pub enum BlobCall<'a> {
    /// A staged file gets its name.
    Commit(&'a str),
    /// A file is looked up.
    Stat(&'a str),
    /// A file is opened.
    Read(&'a str),
    /// The files below a directory are listed.
    List(&'a str),
    /// A file is deleted.
    Delete(&'a str),
    /// Files are joined to one.
    Join {
        /// The files that are joined.
        parts: &'a [String],
        /// The file that is made of them.
        name: &'a str,
    },
    /// All files below a directory are deleted.
    DeleteBelow(&'a str),
}

/// The blobs of a test, and its function.
#[async_trait]
pub trait InterceptBlobs: Send + Sync + 'static {
    /// The blobs that all calls reach.
    fn blobs(&self) -> &MemoryBlobs;

    /// Runs before each call except the staging of a file, which changes nothing that others see.
    async fn before(&self, project: ProjectId, call: BlobCall<'_>);

    /// Transfers without the host.
    fn direct_transfers(&self) -> Option<&dyn DirectTransfers> {
        None
    }
}

/// The intercepted blobs.
pub struct InterceptedBlobs<T>(pub Arc<T>);

impl<T: InterceptBlobs> InterceptedBlobs<T> {
    async fn intercept(&self, project: ProjectId, call: BlobCall<'_>) -> &MemoryBlobs {
        self.0.before(project, call).await;
        self.0.blobs()
    }
}

#[async_trait]
impl<T: InterceptBlobs> Blobs for InterceptedBlobs<T> {
    async fn stage(
        &self,
        project: ProjectId,
        contents: BlobStream,
        bytes_max: u64,
    ) -> Result<Box<dyn Staged>, StorageError> {
        self.0.blobs().stage(project, contents, bytes_max).await
    }

    async fn commit(&self, project: ProjectId, staged: Box<dyn Staged>, name: &str) -> Result<(), StorageError> {
        let blobs = self.intercept(project, BlobCall::Commit(name)).await;
        blobs.commit(project, staged, name).await
    }

    async fn stat(&self, project: ProjectId, name: &str) -> Result<Option<BlobInfo>, StorageError> {
        let blobs = self.intercept(project, BlobCall::Stat(name)).await;
        blobs.stat(project, name).await
    }

    async fn read(&self, project: ProjectId, name: &str, range: ByteRange) -> Result<Option<OpenBlob>, StorageError> {
        let blobs = self.intercept(project, BlobCall::Read(name)).await;
        blobs.read(project, name, range).await
    }

    async fn list(&self, project: ProjectId, page: ListRequest<'_>) -> Result<Vec<BlobItem>, StorageError> {
        let blobs = self.intercept(project, BlobCall::List(page.directory)).await;
        blobs.list(project, page).await
    }

    async fn delete(&self, project: ProjectId, name: &str) -> Result<bool, StorageError> {
        let blobs = self.intercept(project, BlobCall::Delete(name)).await;
        blobs.delete(project, name).await
    }

    async fn join(
        &self,
        project: ProjectId,
        parts: &[String],
        name: &str,
        bytes_max: u64,
    ) -> Result<bool, StorageError> {
        let blobs = self.intercept(project, BlobCall::Join { parts, name }).await;
        blobs.join(project, parts, name, bytes_max).await
    }

    async fn delete_below(&self, project: ProjectId, directory: &str) -> Result<bool, StorageError> {
        let blobs = self.intercept(project, BlobCall::DeleteBelow(directory)).await;
        blobs.delete_below(project, directory).await
    }

    fn direct_transfers(&self) -> Option<&dyn DirectTransfers> {
        self.0.direct_transfers()
    }
}
