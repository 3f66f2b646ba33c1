//! The comparison of the index with the objects in the bucket: sizes, and bytes if they are asked for.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest as _, Sha256};

use super::bucket::Bucket;
use super::download;
use super::extent::{Extent, slices};
use super::index::{File, Index};
use crate::storage::{ByteRange, FileUsage, ProjectId, StorageError};

/// Number of objects that are looked at together.
const OBJECTS_AT_ONCE: usize = 16;
/// Maximum number of pages of the index of a project.
const PAGES_MAX: usize = 1_000_000;

/// A file of the index, compared with its objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedFile {
    /// The file's name.
    pub name: String,
    /// Its size in bytes, as the index says.
    pub size: u64,
    /// The time at which it got its name, in milliseconds since the Unix epoch.
    pub modified_ms: u64,
    /// SHA-256 of its bytes, as the index says. `None`: they did not pass a host.
    pub digest: Option<[u8; 32]>,
    /// The reason why the objects are not the file, as the end of a sentence. `None`: they are.
    pub problem: Option<&'static str>,
}

/// A page of compared files, and the key after which to go on. `None`: there are no more.
pub type ComparedPage = (Vec<ComparedFile>, Option<Vec<u8>>);

/// Compares the files of a project with their objects, and the sums of the index with those of its files.
pub(super) async fn verify(bucket: &Arc<Bucket>, index: &Index, project: ProjectId) -> Result<FileUsage, StorageError> {
    let (mut usage, mut after) = (FileUsage::default(), None);
    for _ in 0..PAGES_MAX {
        let (files, next) = page(bucket, index, project, after.as_deref(), false).await?;
        for file in files {
            if let Some(problem) = file.problem {
                return Err(StorageError::Unavailable(format!(
                    "the file {} of project {} {problem}",
                    file.name, project.0
                )));
            }
            usage = usage.with(FileUsage::one(file.size));
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    match index.usage(project).await? {
        sums if sums == usage => Ok(usage),
        sums => Err(StorageError::Unavailable(format!(
            "the sums of project {} are {} files and {} bytes, and it has {} and {}",
            project.0, sums.files, sums.bytes, usage.files, usage.bytes
        ))),
    }
}

/// Compares a page of files with their objects, after a key of the index.
pub(super) async fn page(
    bucket: &Arc<Bucket>,
    index: &Index,
    project: ProjectId,
    after: Option<&[u8]>,
    reads_bytes: bool,
) -> Result<ComparedPage, StorageError> {
    let (files, next) = index.files(project, after).await?;
    let mut compared = Vec::with_capacity(files.len());
    for (name, file) in files {
        compared.push(ComparedFile {
            name,
            size: file.size,
            modified_ms: file.modified_ms,
            digest: file.digest,
            problem: problem(bucket, index, project, &file, reads_bytes).await?,
        });
    }
    Ok((compared, next))
}

async fn problem(
    bucket: &Arc<Bucket>,
    index: &Index,
    project: ProjectId,
    file: &File,
    reads_bytes: bool,
) -> Result<Option<&'static str>, StorageError> {
    let extents = index.extents(project, file.content, file.size).await?;
    let size = extents
        .iter()
        .fold(0_u64, |sum, extent| sum.saturating_add(extent.size));
    if size != file.size || !are_there(bucket, project, &extents).await? {
        return Ok(Some("is not whole in the store"));
    }
    Ok(match file.digest.filter(|_| reads_bytes) {
        Some(digest) if digest_of(bucket, project, &extents, size).await? != digest => {
            Some("has other bytes in the store than were received, by their SHA-256")
        }
        _ => None,
    })
}

/// True if the objects exist, each with its size.
async fn are_there(bucket: &Bucket, project: ProjectId, extents: &[Extent]) -> Result<bool, StorageError> {
    let looks = extents.iter().map(|extent| async move {
        let found = bucket.size(project, extent.object).await?;
        Ok::<bool, StorageError>(found == Some(extent.size))
    });
    let looks = stream::iter(looks).buffer_unordered(OBJECTS_AT_ONCE);
    looks.try_all(async |is_there| is_there).await
}

/// Reads the objects.
async fn digest_of(
    bucket: &Arc<Bucket>,
    project: ProjectId,
    extents: &[Extent],
    length: u64,
) -> Result<[u8; 32], StorageError> {
    let mut contents = download::open(bucket, project, slices(extents, ByteRange { offset: 0, length })).await?;
    let mut digest = Sha256::new();
    while let Some(piece) = contents.recv().await {
        digest.update(&piece?);
    }
    Ok(digest.finalize().into())
}
