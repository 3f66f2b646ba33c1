//! The comparison of the index with the objects in the bucket. It reads sizes and no bytes.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::bucket::Bucket;
use super::extent::Extent;
use super::index::Index;
use crate::storage::{FileUsage, ProjectId, StorageError};

/// Number of objects that are looked at together.
const OBJECTS_AT_ONCE: usize = 16;
/// Maximum number of pages of the index of a project.
const PAGES_MAX: usize = 1_000_000;

/// Compares the files of a project with their objects, and the sums of the index with those of its files.
pub(super) async fn verify(bucket: &Bucket, index: &Index, project: ProjectId) -> Result<FileUsage, StorageError> {
    let (mut usage, mut after) = (FileUsage::default(), None);
    for _ in 0..PAGES_MAX {
        let (files, next) = index.files(project, after.as_deref()).await?;
        for (name, file) in files {
            let extents = index.extents(project, file.content, file.size).await?;
            let size = extents
                .iter()
                .fold(0_u64, |sum, extent| sum.saturating_add(extent.size));
            if size != file.size || !are_there(bucket, project, extents).await? {
                let number = project.0;
                return Err(StorageError::Unavailable(format!(
                    "the file {name} of project {number} is not whole in the store"
                )));
            }
            usage = usage.with(FileUsage::one(size));
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

/// True if the objects exist, each with its size.
async fn are_there(bucket: &Bucket, project: ProjectId, extents: Vec<Extent>) -> Result<bool, StorageError> {
    let looks = extents.into_iter().map(|extent| async move {
        let found = bucket.size(project, extent.object).await?;
        Ok::<bool, StorageError>(found == Some(extent.size))
    });
    let looks = stream::iter(looks).buffer_unordered(OBJECTS_AT_ONCE);
    looks.try_all(async |is_there| is_there).await
}
