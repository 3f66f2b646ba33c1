//! Blobs in a local directory. `projects/<id>/…` holds the files (see `names`), and `staging/` those that are
//! being received.
//!
//! A blob is received into a file in `staging`, made durable, and renamed to its final path. So a reader sees
//! the old file or the new one. A crash leaves only staged files, which the next start removes.

use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use tokio::sync::mpsc;

pub use self::checksum::Checksum;
use self::download::Download;
pub use self::mirror::{MirrorCounts, mirror_blobs};
use self::tree::Tree;
use self::upload::FileStaged;
pub use self::walk::{FoundFile, blob_path, projects_with_blobs, walk_blobs};
use super::permits::ProjectPermits;
use super::{
    BlobInfo, BlobItem, BlobStream, Blobs, ByteRange, ListRequest, OpenBlob, ProjectId, Staged, StorageError,
    validate_blob_name, validate_join, validate_list,
};

mod checksum;
mod directories;
mod download;
mod listing;
mod mirror;
mod names;
#[cfg(test)]
mod tests;
mod tree;
mod upload;
mod walk;

/// Number of chunks that may wait for a slow reader.
const CHUNKS_BUFFERED_MAX: usize = 1;
/// Number of directories listed at the same time. Each listing takes a thread and the memory of a page.
const LISTINGS_AT_ONCE: usize = 8;
/// Number of those listings that one project may have.
const LISTINGS_OF_A_PROJECT: usize = LISTINGS_AT_ONCE / 2;

/// Blobs below one directory, for one server process.
pub struct FileBlobs {
    tree: Arc<Tree>,
    listings: ProjectPermits,
}

impl FileBlobs {
    /// Opens the directory, and makes it when absent. Removes the staged files of uploads that a crash
    /// interrupted. Fails when another process has the directory open.
    pub fn open(directory: &Path) -> anyhow::Result<Self> {
        let tree = Tree::open(directory).with_context(|| format!("cannot open blobs in {}", directory.display()))?;
        Ok(Self {
            tree: Arc::new(tree),
            listings: ProjectPermits::new(LISTINGS_AT_ONCE, LISTINGS_OF_A_PROJECT),
        })
    }

    /// Runs work on the tree in a blocking thread. The work is completed even if the caller stops waiting.
    async fn on_tree<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tree) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let tree = Arc::clone(&self.tree);
        blocking(move || work(&tree)).await
    }
}

#[async_trait]
impl Blobs for FileBlobs {
    async fn stage(
        &self,
        _project: ProjectId,
        contents: BlobStream,
        bytes_max: u64,
    ) -> Result<Box<dyn Staged>, StorageError> {
        Ok(Box::new(
            upload::receive(&self.tree.staging, contents, bytes_max).await?,
        ))
    }

    async fn commit(&self, project: ProjectId, staged: Box<dyn Staged>, name: &str) -> Result<(), StorageError> {
        validate_blob_name(name)?;
        let Ok(staged) = staged.into_any().downcast::<FileStaged>() else {
            return Err(StorageError::Unavailable(
                "the bytes were staged by another storage".into(),
            ));
        };
        let name = name.to_owned();
        self.on_tree(move |tree| tree.commit(project, staged.into_path()?, &name))
            .await
    }

    async fn stat(&self, project: ProjectId, name: &str) -> Result<Option<BlobInfo>, StorageError> {
        validate_blob_name(name)?;
        let name = name.to_owned();
        self.on_tree(move |tree| tree.stat(project, &name)).await
    }

    async fn read(&self, project: ProjectId, name: &str, range: ByteRange) -> Result<Option<OpenBlob>, StorageError> {
        validate_blob_name(name)?;
        let name = name.to_owned();
        let opened = self.on_tree(move |tree| {
            let Some((file, info)) = tree.open_file(project, &name)? else {
                return Ok(None);
            };
            let (first, rest) = Download::begin(file, info.size, range)?;
            Ok(Some((info, first, rest)))
        });
        let Some((info, first, rest)) = opened.await? else {
            return Ok(None);
        };
        let (pieces, contents) = mpsc::channel(CHUNKS_BUFFERED_MAX);
        if !first.is_empty() {
            // A new channel has room for one chunk.
            _ = pieces.try_send(Ok(first));
        }
        if !rest.is_done() {
            tokio::spawn(rest.deliver(pieces));
        }
        Ok(Some(OpenBlob { info, contents }))
    }

    async fn list(&self, project: ProjectId, page: ListRequest<'_>) -> Result<Vec<BlobItem>, StorageError> {
        let ListRequest {
            directory,
            after,
            limit,
        } = page;
        validate_list(directory, limit)?;
        let (directory, after) = (directory.to_owned(), after.map(str::to_owned));
        let permit = self.listings.take(project, 1).await?;
        let listed = self.on_tree(move |tree| {
            let _permit = permit;
            let (directory, after) = (directory.as_str(), after.as_deref());
            tree.list(
                project,
                ListRequest {
                    directory,
                    after,
                    limit,
                },
            )
        });
        listed.await
    }

    async fn delete(&self, project: ProjectId, name: &str) -> Result<bool, StorageError> {
        validate_blob_name(name)?;
        let name = name.to_owned();
        self.on_tree(move |tree| tree.delete(project, &name)).await
    }

    async fn join(
        &self,
        project: ProjectId,
        parts: &[String],
        name: &str,
        bytes_max: u64,
    ) -> Result<bool, StorageError> {
        validate_join(parts, name)?;
        let (parts, name) = (parts.to_vec(), name.to_owned());
        self.on_tree(move |tree| {
            let opened = parts.iter().map(|part| tree.open_file(project, part));
            match upload::join(&tree.staging, opened, bytes_max)? {
                Some(joined) => tree.commit(project, joined, &name).map(|()| true),
                None => Ok(false),
            }
        })
        .await
    }

    async fn delete_below(&self, project: ProjectId, directory: &str) -> Result<bool, StorageError> {
        if !directory.is_empty() {
            validate_blob_name(directory)?;
        }
        let directory = directory.to_owned();
        self.on_tree(move |tree| tree.delete_below(project, &directory)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(StorageError::Unavailable("the work on a file was given up".into())))
}

/// Converts an error of the file system. The text begins with the attempted action.
fn unavailable(tried: &'static str) -> impl Fn(io::Error) -> StorageError {
    move |error| StorageError::Unavailable(format!("{tried}: {error}"))
}

/// Treats a missing file or directory as an empty result.
fn absent<T: Default>(error: io::Error) -> io::Result<T> {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(T::default()),
        _ => Err(error),
    }
}
