//! Storage of the host: records (an ordered key-value space) and blobs (files), one trait each. It does not
//! know what the component keeps in them.

use async_trait::async_trait;

pub use blobs::{
    BlobInfo, BlobItem, BlobStream, Blobs, ByteRange, Collected, IntoAny, JOIN_PARTS_MAX, LIST_ITEMS_MAX,
    LIST_NAME_BYTES, ListRequest, OpenBlob, Staged, is_last_page, validate_blob_name, validate_join, validate_list,
};
pub use counts::RecordsCounts;
pub use direct::{Completion, DirectDownload, DirectTransfers, DirectUpload};
pub use error::{CommitError, StorageError};
use lock::{lock_exclusively, owner_only};
pub use per_project::PerProject;
pub use usage::FileUsage;

use crate::convert::{to_u64, to_usize};

pub(crate) mod active_projects;
mod blobs;
mod counts;
pub(crate) mod damage;
mod direct;
mod error;
pub mod files;
pub(crate) mod item_quota;
mod lock;
pub mod memory;
mod per_project;
mod permits;
pub mod postgres;
pub(crate) mod private_file;
pub(crate) mod quota;
#[cfg(feature = "s3")]
pub mod s3;
pub(crate) mod sql;
pub mod sqlite;
#[cfg(test)]
mod suite;
pub(crate) mod usage;

/// Maximum length of a key, in bytes. An entry of an index of PostgreSQL has room for about 2,680.
pub const KEY_BYTES_MAX: usize = 2_560;
/// Maximum length of a value, in bytes.
pub const VALUE_BYTES_MAX: usize = 32 << 20;
/// Maximum number of keys or ranges in one read.
pub const READ_ITEMS_MAX: usize = 50_000;
/// Maximum number of bytes of values that one read of keys returns.
pub const READ_BYTES_MAX: usize = 64 << 20;
/// Maximum number of checks, and of writes, in one commit.
pub const COMMIT_ITEMS_MAX: usize = 10_000;
/// Maximum number of bytes in one commit, keys and values together.
pub const COMMIT_BYTES_MAX: usize = 64 << 20;
/// Number of bytes after which a page ends.
pub const PAGE_BYTES: usize = 4 << 20;
/// Number of entries after which a page ends.
pub const PAGE_ENTRIES_MAX: usize = 100_000;
/// A project's number. The host prefixes every key with it, so the component never sees another project's
/// data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectId(pub u64);

/// The version of a record. It changes with every write and is never reused; 0: there is no record.
pub type Version = u64;

/// The values of some keys in the requested order, packed. Value `i` begins where the former one ends and
/// ends at `ends[i]`. An absent record has version 0 and no bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// One version per key.
    pub versions: Vec<Version>,
    /// One end per key.
    pub ends: Vec<u32>,
    /// All values, one after the other.
    pub bytes: Vec<u8>,
}

impl Values {
    /// Appends the next key's record, or its absence. Fails once all values together exceed `READ_BYTES_MAX`.
    pub fn push(&mut self, record: Option<(Version, &[u8])>) -> Result<(), StorageError> {
        let (version, value) = record.unwrap_or((0, &[]));
        at_most("bytes of a read", self.bytes.len() + value.len(), READ_BYTES_MAX)?;
        self.versions.push(version);
        self.bytes.extend_from_slice(value);
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        Ok(())
    }
}

/// The keys from `start` (included) to `end` (excluded): at most `limit`, in descending order when `reverse`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The lower bound, included.
    pub start: Vec<u8>,
    /// The upper bound, excluded.
    pub end: Vec<u8>,
    /// Maximum number of entries.
    pub limit: u32,
    /// True if the entries come in descending order.
    pub reverse: bool,
}

impl Range {
    /// All keys that begin so, in ascending order.
    pub fn of_prefix(prefix: &[u8]) -> Self {
        Self {
            start: prefix.to_vec(),
            end: end_of_prefix(prefix).unwrap_or_else(end_of_keys),
            limit: u32::MAX,
            reverse: false,
        }
    }

    /// True if no key can be in the range.
    pub fn is_empty(&self) -> bool {
        self.start >= self.end || self.limit == 0
    }
}

/// The entries of some ranges, packed. The key of entry `j` ends at `ends[2j]`, and its value follows up to
/// `ends[2j + 1]`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Number of entries per range; 0 for ranges that were not begun.
    pub counts: Vec<u32>,
    /// Two ends per entry.
    pub ends: Vec<u32>,
    /// Keys and values, one after the other.
    pub bytes: Vec<u8>,
    /// The range that has further entries because the page was full. It may have none in this page.
    pub cut: Option<u32>,
}

impl Page {
    /// Reads the ranges in turn until the page is full. `read` offers the entries of a range in order and
    /// stops when an offer is refused.
    pub fn fill<E>(ranges: &[Range], mut read: impl FnMut(&mut Page, &Range) -> Result<(), E>) -> Result<Page, E> {
        let mut page = Page::default();
        for range in ranges {
            page.counts.push(0);
            if !range.is_empty() && page.cut.is_none() {
                read(&mut page, range)?;
            }
        }
        Ok(page)
    }

    /// Appends an entry to the range begun last. Returns `false` when the page is full, which then is cut at
    /// this range.
    #[must_use]
    pub fn offer(&mut self, key: &[u8], value: &[u8]) -> bool {
        if self.bytes.len() >= PAGE_BYTES || self.ends.len() / 2 >= PAGE_ENTRIES_MAX {
            self.cut = u32::try_from(self.counts.len().saturating_sub(1)).ok();
            return false;
        }
        for part in [key, value] {
            self.bytes.extend_from_slice(part);
            self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        }
        if let Some(count) = self.counts.last_mut() {
            *count += 1;
        }
        true
    }
}

impl Page {
    /// The keys and values of all ranges, in their order.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut begin = 0;
        let mut next = move |end: u32| {
            let part = self.bytes.get(begin..to_usize(end)).unwrap_or_default();
            begin = to_usize(end);
            part
        };
        let (ends, _) = self.ends.as_chunks::<2>();
        ends.iter()
            .map(move |[end_of_key, end_of_value]| (next(*end_of_key), next(*end_of_value)))
    }
}

/// The first key after all those that begin with a prefix. `None`: there is none.
pub fn end_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let (last, before) = prefix.split_last()?;
    match last.checked_add(1) {
        Some(next) => Some([before, &[next]].concat()),
        None => end_of_prefix(before),
    }
}

/// A bound after all keys, as it is longer.
pub fn end_of_keys() -> Vec<u8> {
    vec![u8::MAX; KEY_BYTES_MAX + 1]
}

/// The size of some records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// The bytes of their keys and values.
    pub bytes: u64,
    /// The key of the last one. `None`: there are no more records.
    pub last: Option<Vec<u8>>,
}

/// A condition: the record at `key` has this version; 0: there is no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The record's key.
    pub key: Vec<u8>,
    /// The expected version.
    pub version: Version,
}

/// One change of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Stores the value.
    Put(Vec<u8>, Vec<u8>),
    /// Stores the value if there is no record or its value is smaller, compared as bytes.
    PutMax(Vec<u8>, Vec<u8>),
    /// Removes the record, if there is one.
    Delete(Vec<u8>),
}

impl Write {
    /// The key of the changed record.
    pub fn key(&self) -> &[u8] {
        match self {
            Write::Put(key, _) | Write::PutMax(key, _) | Write::Delete(key) => key,
        }
    }

    /// The stored bytes; `None` for a deletion.
    pub fn value(&self) -> &[u8] {
        match self {
            Write::Put(_, value) | Write::PutMax(_, value) => value,
            Write::Delete(_) => &[],
        }
    }
}

/// Checks and writes that are applied together or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Conditions that all must hold.
    pub checks: Vec<Check>,
    /// Changes, applied in this order.
    pub writes: Vec<Write>,
}

impl Commit {
    /// Checks the limits of a commit and of its keys and values.
    pub fn validate(&self) -> Result<(), StorageError> {
        at_most("checks of a commit", self.checks.len(), COMMIT_ITEMS_MAX)?;
        at_most("writes of a commit", self.writes.len(), COMMIT_ITEMS_MAX)?;
        for key in self
            .checks
            .iter()
            .map(|check| &check.key[..])
            .chain(self.writes.iter().map(Write::key))
        {
            validate_key(key)?;
        }
        for write in &self.writes {
            at_most("bytes of a value", write.value().len(), VALUE_BYTES_MAX)?;
        }
        at_most("bytes of a commit", self.bytes(), COMMIT_BYTES_MAX)
    }

    /// Number of bytes of its keys and values together.
    pub fn bytes(&self) -> usize {
        let checked: usize = self.checks.iter().map(|check| check.key.len()).sum();
        let written: usize = self
            .writes
            .iter()
            .map(|write| write.key().len() + write.value().len())
            .sum();
        checked + written
    }

    /// Room that a queue reserves for it, in KiB; never 0.
    pub(crate) fn room_kib(&self) -> u32 {
        u32::try_from(self.bytes() >> 10).unwrap_or(u32::MAX).saturating_add(1)
    }
}

/// Checks the limits of a key.
pub fn validate_key(key: &[u8]) -> Result<(), StorageError> {
    if key.is_empty() {
        return Err(StorageError::TooLarge("a key has at least 1 byte".into()));
    }
    at_most("bytes of a key", key.len(), KEY_BYTES_MAX)
}

/// Checks the number of keys or ranges of one read.
pub fn validate_read(items: usize) -> Result<(), StorageError> {
    at_most("keys or ranges of a read", items, READ_ITEMS_MAX)
}

fn at_most(what: &str, count: usize, max: usize) -> Result<(), StorageError> {
    if count > max {
        return Err(StorageError::TooLarge(format!(
            "{count} {what}: at most {max} are allowed"
        )));
    }
    Ok(())
}

/// An ordered space of byte records for each project. `wit/records.wit` states the contract.
#[async_trait]
pub trait Records: Send + Sync + 'static {
    /// Reads these keys in one snapshot.
    async fn get(&self, project: ProjectId, keys: &[Vec<u8>]) -> Result<Values, StorageError>;

    /// Reads these ranges in one snapshot. An empty or inverted range has no entries. The page is cut once it
    /// is full, but never before its first entry.
    async fn scan(&self, project: ProjectId, ranges: &[Range]) -> Result<Page, StorageError>;

    /// Sums the bytes of keys and values of records in the order of their keys: of at most `count`, after this key. An empty
    /// key is before all.
    async fn measure(&self, project: ProjectId, after: &[u8], count: u32) -> Result<Measured, StorageError> {
        let range = Range {
            start: [after, &[0]].concat(),
            end: end_of_keys(),
            limit: count,
            reverse: false,
        };
        let page = self.scan(project, &[range]).await?;
        Ok(Measured {
            bytes: to_u64(page.bytes.len()),
            last: page.entries().last().map(|(key, _)| key.to_vec()),
        })
    }

    /// Applies all writes if every check holds, else none. The writes are durable when this returns `Ok`. A
    /// commit whose caller stopped waiting is still applied as a whole or not at all.
    async fn commit(&self, project: ProjectId, commit: Commit) -> Result<(), CommitError>;

    /// Asks the storage whether it reads and commits, as cheaply as it can.
    async fn ping(&self) -> Result<(), StorageError> {
        // Nothing is ever stored of this project. An empty commit goes through the writer and changes nothing.
        self.get(ProjectId(0), &[vec![0]]).await?;
        match self.commit(ProjectId(0), Commit::default()).await {
            Err(CommitError::Failed(error)) => Err(error),
            _ => Ok(()),
        }
    }

    /// Counts since the storage was opened, for the host's metrics. `None`: this storage counts nothing.
    fn counts(&self) -> Option<RecordsCounts> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_one() {
        assert_eq!(end_of_prefix(b""), None);
        assert_eq!(end_of_prefix(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(end_of_prefix(&[1, 255, 255]), Some(vec![2]));
        assert_eq!(end_of_prefix(&[255]), None);
        assert!(Range::of_prefix(b"").end > vec![u8::MAX; KEY_BYTES_MAX]);
    }

    #[test]
    fn a_page_has_its_entries_in_their_order() {
        let mut page = Page::default();
        for (key, value) in [(&b"a"[..], &b"1"[..]), (b"b", b""), (b"", b"23")] {
            assert!(page.offer(key, value));
        }
        let entries: Vec<_> = page.entries().collect();
        assert_eq!(entries, [(&b"a"[..], &b"1"[..]), (b"b", b""), (b"", b"23")]);
    }
}
