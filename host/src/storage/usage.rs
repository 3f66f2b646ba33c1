//! The files of a project: their number and bytes.

use std::collections::BTreeSet;

use super::{Blobs, ListRequest, ProjectId, StorageError, is_last_page};
use crate::convert::to_u64;

/// The files of a project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileUsage {
    /// Their number.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The files of a project: the sums that the storage keeps, else counted.
pub(crate) async fn files_of(blobs: &dyn Blobs, project: ProjectId, items_max: u64) -> Result<FileUsage, StorageError> {
    match blobs.usage(project).await? {
        Some(usage) => Ok(usage),
        None => files_below(blobs, project, "", items_max).await,
    }
}

impl FileUsage {
    /// One file of this size.
    pub(crate) fn one(bytes: u64) -> Self {
        Self { files: 1, bytes }
    }

    /// Both together.
    pub(crate) fn with(self, more: Self) -> Self {
        Self {
            files: self.files.saturating_add(more.files),
            bytes: self.bytes.saturating_add(more.bytes),
        }
    }

    /// The rest after some files are gone.
    pub(crate) fn without(self, gone: Self) -> Self {
        Self {
            files: self.files.saturating_sub(gone.files),
            bytes: self.bytes.saturating_sub(gone.bytes),
        }
    }
}

/// Counts the files of a project below a directory; empty: all of them. It ends soon after `items_max` files and directories, and then tells of those only.
pub(crate) async fn files_below(
    blobs: &dyn Blobs,
    project: ProjectId,
    directory: &str,
    items_max: u64,
) -> Result<FileUsage, StorageError> {
    let mut usage = FileUsage::default();
    let mut seen: u64 = 0;
    let mut directories = BTreeSet::from([directory.to_owned()]);
    while let Some(directory) = directories.pop_last() {
        let mut after: Option<String> = None;
        loop {
            let page = ListRequest {
                after: after.as_deref(),
                ..ListRequest::first(&directory)
            };
            let items = blobs.list(project, page).await?;
            let is_last = is_last_page(&items, page.limit);
            after = items.last().map(|item| item.name.clone());
            seen = seen.saturating_add(to_u64(items.len()));
            for item in items {
                match item.size {
                    Some(bytes) => {
                        usage.files += 1;
                        usage.bytes = usage.bytes.saturating_add(bytes);
                    }
                    None if directory.is_empty() => _ = directories.insert(item.name),
                    None => _ = directories.insert(format!("{directory}/{}", item.name)),
                }
            }
            if seen >= items_max {
                return Ok(usage);
            }
            if is_last {
                break;
            }
        }
    }
    Ok(usage)
}
