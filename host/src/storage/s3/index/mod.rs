//! The index: the names of files, as records of the host in the storage that also has the component's. An object never changes
//! and has no name of its own, so storing, replacing and deleting files, and the sums of a project, are commits.
//!
//! The records of project `n` are in the space of project `!n`. No project has that number, so no component reaches them.
//!
//! Each change of a project's names reads its head first and checks it in the commit, which writes it. So changes follow one
//! another on all hosts, and each decides on what the former one left. Changes of one host wait for each other, since they
//! would conflict.

use std::sync::{Arc, OnceLock};

use self::change::Change;
use self::value::Head;
pub(super) use self::value::{Content, Entry, File};
use super::extent::Extent;
use crate::convert::to_usize;
use crate::storage::permits::{Permits, ProjectPermits};
use crate::storage::{
    BlobItem, Check, Commit, CommitError, FileUsage, LIST_NAME_BYTES, ListRequest, PAGE_ENTRIES_MAX, Page, PerProject,
    ProjectId, Range, Records, StorageError, Version, Write,
};

mod change;
pub(super) mod collection;
mod join;
mod keys;
mod tree;
mod value;

/// Maximum number of times that a change is decided anew because another host made one.
const TRIES_MAX: usize = 1_000;
/// Number of projects that may change at the same time.
const PROJECTS_AT_ONCE: usize = 100_000;

/// The index of all projects.
pub(super) struct Index {
    records: Arc<dyn Records>,
    turns: ProjectPermits,
    /// The most that a project's files may be.
    max: OnceLock<PerProject<FileUsage>>,
}

/// The head as it was read.
#[derive(Clone, Copy)]
struct Base {
    version: Version,
    head: Head,
}

impl Base {
    /// The condition that the head is still this one.
    fn check(&self) -> Check {
        Check {
            key: keys::HEAD.to_vec(),
            version: self.version,
        }
    }
}

/// A received file for which a name is asked.
#[derive(Clone)]
pub(super) struct NewFile {
    pub(super) size: u64,
    /// SHA-256 of its bytes. `None`: they did not pass this host.
    pub(super) digest: Option<[u8; 32]>,
    pub(super) extents: Vec<Extent>,
}

/// The space of a project's index.
pub(super) fn space(project: ProjectId) -> ProjectId {
    ProjectId(!project.0)
}

impl Index {
    pub(super) fn new(records: Arc<dyn Records>) -> Self {
        Self {
            records,
            turns: ProjectPermits::new(PROJECTS_AT_ONCE, 1),
            max: OnceLock::new(),
        }
    }

    /// From now on refuses what makes the files of a project exceed these sums.
    pub(super) fn keep_below(&self, max: PerProject<FileUsage>) {
        // Only the first call counts; a host makes one.
        _ = self.max.set(max);
    }

    /// The sums of a project's files.
    pub(super) async fn usage(&self, project: ProjectId) -> Result<FileUsage, StorageError> {
        let found = self.get(project, &[keys::HEAD.to_vec()]).await?;
        Ok(base(found.first())?.head.usage)
    }

    /// The file or directory with this name. `None`: there is none.
    pub(super) async fn find(&self, project: ProjectId, name: &str) -> Result<Option<Entry>, StorageError> {
        let found = self.get(project, &[keys::entry(name)]).await?;
        entry(found.first())
    }

    /// The objects of a content, in their order.
    pub(super) async fn extents(
        &self,
        project: ProjectId,
        content: Content,
        size: u64,
    ) -> Result<Vec<Extent>, StorageError> {
        match content {
            Content::Empty => Ok(Vec::new()),
            Content::Object(object) => Ok(vec![Extent { object, size }]),
            Content::Joined(id) => match self.get(project, &[keys::extents(id)]).await?.pop() {
                Some(Some((_, bytes))) => value::read_extents(&bytes),
                // It is kept for a while after the file has lost its name.
                _ => Err(StorageError::Unavailable(format!(
                    "the extents of {} are missing",
                    id.text()
                ))),
            },
        }
    }

    /// Lists a directory.
    pub(super) async fn list(&self, project: ProjectId, page: ListRequest<'_>) -> Result<Vec<BlobItem>, StorageError> {
        let (mut items, mut name_bytes) = (Vec::new(), 0);
        let mut after = page.after.map(str::to_owned);
        loop {
            let left = page
                .limit
                .saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
            let range = keys::listing(page.directory, after.as_deref(), left);
            let (entries, is_cut) = self.scan(project, range).await?;
            for (key, bytes) in entries {
                if name_bytes >= LIST_NAME_BYTES {
                    return Ok(items);
                }
                let name = keys::name(&key).ok_or_else(unreadable)?;
                let name = name.rsplit('/').next().unwrap_or_default().to_owned();
                name_bytes += name.len();
                after = Some(name.clone());
                let size = match Entry::read(&bytes)? {
                    Entry::Directory => None,
                    Entry::File(file) => Some(file.size),
                };
                items.push(BlobItem { name, size });
            }
            if !is_cut || items.len() >= to_usize(page.limit) {
                return Ok(items);
            }
        }
    }

    /// Lists files with their names, after a key. Returns the key after which to go on; `None`: there are no more.
    pub(super) async fn files(
        &self,
        project: ProjectId,
        after: Option<&[u8]>,
    ) -> Result<(Vec<(String, File)>, Option<Vec<u8>>), StorageError> {
        let (entries, is_cut) = self.scan(project, keys::entries(after)).await?;
        let last = entries.last().map(|(key, _)| key.clone()).filter(|_| is_cut);
        let mut files = Vec::new();
        for (key, bytes) in entries {
            if let Entry::File(file) = Entry::read(&bytes)? {
                files.push((keys::name(&key).ok_or_else(unreadable)?, file));
            }
        }
        Ok((files, last))
    }

    /// Waits until no other change of the project is under way on this host.
    async fn turn(&self, project: ProjectId) -> Result<Permits, StorageError> {
        self.turns.take(project, 1).await
    }

    /// Makes a change that was decided on a head. Returns `false`, and changes nothing, when the head has changed.
    async fn apply(&self, project: ProjectId, base: Base, mut change: Change) -> Result<bool, StorageError> {
        let head = Write::Put(keys::HEAD.to_vec(), change.head.bytes());
        change.writes.push(head);
        change.checks.push(base.check());
        self.commit(project, change.checks, change.writes).await
    }

    /// Commits. Returns `false` when a check failed.
    async fn commit(&self, project: ProjectId, checks: Vec<Check>, writes: Vec<Write>) -> Result<bool, StorageError> {
        match self.records.commit(space(project), Commit { checks, writes }).await {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict(_)) => Ok(false),
            Err(CommitError::Failed(error)) => Err(error),
        }
    }

    /// Reads records, each with its version. `None`: there is none.
    async fn get(&self, project: ProjectId, keys: &[Vec<u8>]) -> Result<Vec<Found>, StorageError> {
        let values = self.records.get(space(project), keys).await?;
        let mut begin = 0;
        let ends = values.ends.iter().map(|end| to_usize(*end));
        let found = values.versions.iter().zip(ends).map(|(version, end)| {
            let bytes = values.bytes.get(std::mem::replace(&mut begin, end)..end);
            bytes.filter(|_| *version != 0).map(|bytes| (*version, bytes.to_vec()))
        });
        Ok(found.collect())
    }

    /// Reads keys and values of a range, and whether there are more because a page was full.
    async fn scan(&self, project: ProjectId, range: Range) -> Result<(Vec<(Vec<u8>, Vec<u8>)>, bool), StorageError> {
        let page = self.records.scan(space(project), &[range]).await?;
        Ok((entries_of(&page), page.cut.is_some()))
    }
}

/// A record with its version, if there is one.
type Found = Option<(Version, Vec<u8>)>;

fn base(found: Option<&Found>) -> Result<Base, StorageError> {
    Ok(match found {
        Some(Some((version, bytes))) => Base {
            version: *version,
            head: Head::read(bytes)?,
        },
        _ => Base {
            version: 0,
            head: Head::default(),
        },
    })
}

fn entry(found: Option<&Found>) -> Result<Option<Entry>, StorageError> {
    match found {
        Some(Some((_, bytes))) => Entry::read(bytes).map(Some),
        _ => Ok(None),
    }
}

/// The keys and values of a page.
fn entries_of(page: &Page) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut begin = 0;
    let mut next = |end: &u32| {
        let end = to_usize(*end);
        page.bytes
            .get(std::mem::replace(&mut begin, end)..end)
            .unwrap_or_default()
            .to_vec()
    };
    let mut entries = Vec::with_capacity((page.ends.len() / 2).min(PAGE_ENTRIES_MAX));
    for ends in page.ends.chunks_exact(2) {
        if let [key, value] = ends {
            entries.push((next(key), next(value)));
        }
    }
    entries
}

fn unreadable() -> StorageError {
    StorageError::Unavailable("a key of the index of files cannot be read".to_owned())
}

fn too_busy() -> StorageError {
    StorageError::Unavailable(format!(
        "the files of a project changed {TRIES_MAX} times before one more change"
    ))
}
