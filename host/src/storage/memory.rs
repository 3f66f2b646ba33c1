//! Records and blobs in memory, for tests. They enforce the same rules as the durable storages and keep
//! nothing after the process ends.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::{
    BlobInfo, BlobItem, BlobStream, Blobs, ByteRange, Check, Commit, CommitError, ListRequest, OpenBlob, Page,
    ProjectId, Range, Records, Staged, StorageError, Values, Version, Write, validate_blob_name, validate_join,
    validate_key, validate_list, validate_read,
};
use crate::convert::to_u64;

/// Records in memory.
#[derive(Default)]
pub struct MemoryRecords {
    state: RwLock<RecordsState>,
}

#[derive(Default)]
struct RecordsState {
    projects: BTreeMap<ProjectId, ProjectRecords>,
    version_last: Version,
}

/// The records of one project.
type ProjectRecords = BTreeMap<Vec<u8>, (Version, Vec<u8>)>;

impl MemoryRecords {
    /// Creates an empty storage.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Records for MemoryRecords {
    async fn get(&self, project: ProjectId, keys: &[Vec<u8>]) -> Result<Values, StorageError> {
        validate_read(keys.len())?;
        keys.iter().try_for_each(|key| validate_key(key))?;
        let state = read(&self.state);
        let records = state.projects.get(&project);
        let mut values = Values::default();
        for key in keys {
            let record = records.and_then(|records| records.get(key));
            values.push(record.map(|(version, value)| (*version, &value[..])))?;
        }
        Ok(values)
    }

    async fn scan(&self, project: ProjectId, ranges: &[Range]) -> Result<Page, StorageError> {
        validate_read(ranges.len())?;
        let state = read(&self.state);
        let nothing = ProjectRecords::new();
        let records = state.projects.get(&project).unwrap_or(&nothing);
        Page::fill(ranges, |page, range| {
            let bounds = (Bound::Included(&range.start[..]), Bound::Excluded(&range.end[..]));
            let entries = records.range::<[u8], _>(bounds);
            if range.reverse {
                offer(page, entries.rev(), range.limit);
            } else {
                offer(page, entries, range.limit);
            }
            Ok(())
        })
    }

    async fn commit(&self, project: ProjectId, commit: Commit) -> Result<(), CommitError> {
        commit.validate()?;
        let mut state = write(&self.state);
        let RecordsState { projects, version_last } = &mut *state;
        let records = projects.entry(project).or_default();
        if let Some(broken) = commit.checks.into_iter().find(|check| !holds(records, check)) {
            return Err(CommitError::Conflict(broken.key));
        }
        *version_last += 1;
        for write in commit.writes {
            apply(records, *version_last, write);
        }
        Ok(())
    }
}

fn offer<'a>(page: &mut Page, entries: impl Iterator<Item = (&'a Vec<u8>, &'a (Version, Vec<u8>))>, limit: u32) {
    for (_, (key, (_, value))) in (0..limit).zip(entries) {
        if !page.offer(key, value) {
            return;
        }
    }
}

fn holds(records: &ProjectRecords, check: &Check) -> bool {
    records.get(&check.key).map_or(0, |(version, _)| *version) == check.version
}

fn apply(records: &mut ProjectRecords, version: Version, write: Write) {
    match write {
        Write::Put(key, value) => {
            records.insert(key, (version, value));
        }
        Write::PutMax(key, value) => {
            if records.get(&key).is_none_or(|(_, stored)| *stored < value) {
                records.insert(key, (version, value));
            }
        }
        Write::Delete(key) => {
            records.remove(&key);
        }
    }
}

/// Blobs in memory.
#[derive(Default)]
pub struct MemoryBlobs {
    projects: RwLock<BTreeMap<ProjectId, Files>>,
}

/// The blobs of one project, by full name.
type Files = BTreeMap<String, MemoryBlob>;

#[derive(Clone)]
struct MemoryBlob {
    contents: Bytes,
    modified_ms: u64,
}

struct MemoryStaged {
    contents: Bytes,
}

impl MemoryBlobs {
    /// Creates an empty storage.
    pub fn new() -> Self {
        Self::default()
    }

    fn find(&self, project: ProjectId, name: &str) -> Result<Option<MemoryBlob>, StorageError> {
        validate_blob_name(name)?;
        Ok(read(&self.projects)
            .get(&project)
            .and_then(|files| files.get(name))
            .cloned())
    }
}

impl Staged for MemoryStaged {
    fn size(&self) -> u64 {
        to_u64(self.contents.len())
    }

    fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.contents).into()
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn stage(
        &self,
        _project: ProjectId,
        mut contents: BlobStream,
        bytes_max: u64,
    ) -> Result<Box<dyn Staged>, StorageError> {
        let mut received = BytesMut::new();
        while let Some(piece) = contents.recv().await {
            received.extend_from_slice(&piece?);
            if u64::try_from(received.len()).is_ok_and(|size| size > bytes_max) {
                return Err(StorageError::TooLarge(format!("a blob of more than {bytes_max} bytes")));
            }
        }
        Ok(Box::new(MemoryStaged {
            contents: received.freeze(),
        }))
    }

    async fn commit(&self, project: ProjectId, staged: Box<dyn Staged>, name: &str) -> Result<(), StorageError> {
        validate_blob_name(name)?;
        let Ok(staged) = staged.into_any().downcast::<MemoryStaged>() else {
            return Err(StorageError::Unavailable(
                "the bytes were staged by another storage".into(),
            ));
        };
        put(write(&self.projects).entry(project).or_default(), name, staged.contents)
    }

    async fn stat(&self, project: ProjectId, name: &str) -> Result<Option<BlobInfo>, StorageError> {
        let blob = self.find(project, name)?;
        Ok(blob.as_ref().map(info))
    }

    async fn read(&self, project: ProjectId, name: &str, range: ByteRange) -> Result<Option<OpenBlob>, StorageError> {
        let Some(blob) = self.find(project, name)? else {
            return Ok(None);
        };
        let (info, contents) = (info(&blob), blob.contents);
        let start = usize::try_from(range.offset).unwrap_or(usize::MAX).min(contents.len());
        let end = start
            .saturating_add(usize::try_from(range.length).unwrap_or(usize::MAX))
            .min(contents.len());
        let (pieces, stream) = mpsc::channel(1);
        if start < end {
            // A new channel has room for one chunk, so this cannot fail.
            let _ = pieces.try_send(Ok(contents.slice(start..end)));
        }
        Ok(Some(OpenBlob { info, contents: stream }))
    }

    async fn list(&self, project: ProjectId, page: ListRequest<'_>) -> Result<Vec<BlobItem>, StorageError> {
        validate_list(page.directory, page.limit)?;
        let directory = page.directory;
        let prefix = if directory.is_empty() {
            String::new()
        } else {
            format!("{directory}/")
        };
        let projects = read(&self.projects);
        let mut items = BTreeMap::new();
        for (name, blob) in projects.get(&project).into_iter().flatten() {
            let Some(below) = name.strip_prefix(&prefix) else {
                continue;
            };
            match below.split_once('/') {
                Some((directory, _)) => items.insert(directory, None),
                None => items.insert(below, Some(size(blob))),
            };
        }
        let start = page.after.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = items.range::<str, _>((start, Bound::Unbounded));
        let found = (0..page.limit).zip(behind);
        Ok(found
            .map(|(_, (name, size))| BlobItem {
                name: (*name).to_owned(),
                size: *size,
            })
            .collect())
    }

    async fn delete(&self, project: ProjectId, name: &str) -> Result<bool, StorageError> {
        validate_blob_name(name)?;
        Ok(write(&self.projects)
            .get_mut(&project)
            .is_some_and(|files| files.remove(name).is_some()))
    }

    async fn join(
        &self,
        project: ProjectId,
        parts: &[String],
        name: &str,
        bytes_max: u64,
    ) -> Result<bool, StorageError> {
        validate_join(parts, name)?;
        let mut projects = write(&self.projects);
        let files = projects.entry(project).or_default();
        let mut joined = BytesMut::new();
        for part in parts {
            let Some(part) = files.get(part) else { return Ok(false) };
            joined.extend_from_slice(&part.contents);
        }
        if u64::try_from(joined.len()).is_ok_and(|size| size > bytes_max) {
            return Err(StorageError::TooLarge(format!("a blob of more than {bytes_max} bytes")));
        }
        put(files, name, joined.freeze()).map(|()| true)
    }

    async fn delete_below(&self, project: ProjectId, directory: &str) -> Result<bool, StorageError> {
        if !directory.is_empty() {
            validate_blob_name(directory)?;
        }
        let mut projects = write(&self.projects);
        let Some(files) = projects.get_mut(&project) else {
            return Ok(false);
        };
        let before = files.len();
        files.retain(|name, _| {
            let below = name.strip_prefix(directory);
            !directory.is_empty() && !below.is_some_and(|below| below.starts_with('/'))
        });
        Ok(files.len() < before)
    }
}

fn put(files: &mut Files, name: &str, contents: Bytes) -> Result<(), StorageError> {
    refuse_shared_name(files, name)?;
    let modified_ms = now_ms();
    files.insert(name.to_owned(), MemoryBlob { contents, modified_ms });
    Ok(())
}

fn size(blob: &MemoryBlob) -> u64 {
    to_u64(blob.contents.len())
}

fn info(blob: &MemoryBlob) -> BlobInfo {
    BlobInfo {
        size: size(blob),
        modified_ms: blob.modified_ms,
    }
}

fn refuse_shared_name(files: &Files, name: &str) -> Result<(), StorageError> {
    let below = format!("{name}/");
    if files
        .range(below.clone()..)
        .next()
        .is_some_and(|(other, _)| other.starts_with(&below))
    {
        return Err(StorageError::InvalidName("a directory has this name".into()));
    }
    if name
        .match_indices('/')
        .filter_map(|(at, _)| name.get(..at))
        .any(|parent| files.contains_key(parent))
    {
        return Err(StorageError::InvalidName(
            "a file has the name of one of its directories".into(),
        ));
    }
    Ok(())
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis().try_into().unwrap_or(u64::MAX)
}

// A panic while one of these locks is held leaves no half-made change that a reader could see.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::suite::{blobs_suite, records_suite};

    records_suite!((MemoryRecords::new(), ()));
    blobs_suite!((MemoryBlobs::new(), ()));
}
