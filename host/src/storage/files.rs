//! Blobs on plain files: `projects/<id>/…` holds them (`names` says where), `staging/` what is being received.
//!
//! A blob is received into a file of `staging`, made durable, and renamed to its place, so that a reader sees the old
//! file or the new one, and a crash leaves nothing but staged files, which the next start removes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use self::tree::Tree;
use self::upload::FileStaged;
use super::{
    BlobInfo, BlobItem, BlobStream, Blobs, ProjectId, Staged, StorageError, validate_blob_name, validate_list,
};

mod names;
#[cfg(test)]
mod tests;
mod tree;
mod upload;

/// The most bytes of one piece that a read delivers.
const PIECE_BYTES: u64 = 256 << 10;
/// How many pieces may wait for a slow reader.
const PIECES_AHEAD: usize = 2;

/// Blobs below one directory, for one server process.
pub struct FileBlobs {
    tree: Arc<Tree>,
}

impl FileBlobs {
    /// Opens the directory, or makes it, and removes what uploads left behind that were cut short by a crash. Fails when
    /// another process has it open.
    pub fn open(directory: &Path) -> anyhow::Result<Self> {
        let tree = Tree::open(directory).with_context(|| format!("cannot open blobs in {}", directory.display()))?;
        Ok(Self { tree: Arc::new(tree) })
    }

    /// Works on the tree in a thread that may block. Work that was begun is done even if nobody waits any more.
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
        self.on_tree(move |tree| tree.commit(project, *staged, &name)).await
    }

    async fn stat(&self, project: ProjectId, name: &str) -> Result<Option<BlobInfo>, StorageError> {
        validate_blob_name(name)?;
        let name = name.to_owned();
        self.on_tree(move |tree| tree.stat(project, &name)).await
    }

    async fn read(
        &self,
        project: ProjectId,
        name: &str,
        offset: u64,
        length: u64,
    ) -> Result<Option<BlobStream>, StorageError> {
        validate_blob_name(name)?;
        let name = name.to_owned();
        let file = self.on_tree(move |tree| {
            let Some(mut file) = tree.open_file(project, &name)? else {
                return Ok(None);
            };
            let start = offset.min(file.metadata().map_err(unavailable("cannot look at a file"))?.len());
            file.seek(SeekFrom::Start(start))
                .map_err(unavailable("cannot read a file"))?;
            Ok(Some(file))
        });
        let Some(file) = file.await? else { return Ok(None) };
        let (pieces, stream) = mpsc::channel(PIECES_AHEAD);
        tokio::spawn(deliver(file, length, pieces));
        Ok(Some(stream))
    }

    async fn list(
        &self,
        project: ProjectId,
        directory: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<BlobItem>, StorageError> {
        validate_list(directory, limit)?;
        let (directory, after) = (directory.to_owned(), after.map(str::to_owned));
        self.on_tree(move |tree| tree.list(project, &directory, after.as_deref(), limit))
            .await
    }

    async fn delete(&self, project: ProjectId, name: &str) -> Result<bool, StorageError> {
        validate_blob_name(name)?;
        let name = name.to_owned();
        self.on_tree(move |tree| tree.delete(project, &name)).await
    }
}

/// Sends a file's bytes until the end, the length, or the reader's going. It takes a thread for a piece at a time only.
async fn deliver(file: File, mut length: u64, pieces: mpsc::Sender<Result<Bytes, StorageError>>) {
    let file = Arc::new(file);
    while length > 0 {
        let (source, size) = (Arc::clone(&file), length.min(PIECE_BYTES));
        let piece = blocking(move || {
            let mut piece = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
            (&*source)
                .take(size)
                .read_to_end(&mut piece)
                .map_err(unavailable("cannot read a file"))?;
            Ok(Bytes::from(piece))
        });
        let piece = piece.await;
        let read = piece
            .as_ref()
            .map_or(0, |piece| u64::try_from(piece.len()).unwrap_or(0));
        let at_end = read == 0 && piece.is_ok();
        let failed = piece.is_err();
        if at_end || pieces.send(piece).await.is_err() || failed {
            return;
        }
        length -= read;
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(StorageError::Unavailable("the work on a file was given up".into())))
}

/// The failure of the file system, told by what was tried.
fn unavailable(tried: &'static str) -> impl Fn(io::Error) -> StorageError {
    move |error| StorageError::Unavailable(format!("{tried}: {error}"))
}
