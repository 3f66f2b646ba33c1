//! What the host stores: records (an ordered key-value space) and blobs (files), each behind one trait.
//! It knows nothing of what the component keeps in them.

use async_trait::async_trait;

pub use blobs::{
    BlobInfo, BlobItem, BlobStream, Blobs, JOIN_PARTS_MAX, LIST_ITEMS_MAX, LIST_NAME_BYTES, OpenBlob, Staged,
    is_last_page, validate_blob_name, validate_join, validate_list,
};
pub use error::{CommitError, StorageError};
use lock::{lock_exclusively, owner_only};

mod blobs;
mod error;
pub mod files;
mod lock;
pub mod memory;
mod permits;
pub(crate) mod quota;
#[cfg(feature = "s3")]
pub mod s3;
pub mod sqlite;
#[cfg(test)]
mod suite;

/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 4096;
/// The longest value, in bytes.
pub const VALUE_BYTES_MAX: usize = 32 << 20;
/// The most keys or ranges of one read.
pub const READ_ITEMS_MAX: usize = 50_000;
/// The most bytes of values that one read of keys returns.
pub const READ_BYTES_MAX: usize = 64 << 20;
/// The most checks, and the most writes, of one commit.
pub const COMMIT_ITEMS_MAX: usize = 10_000;
/// The most bytes of one commit, keys and values together.
pub const COMMIT_BYTES_MAX: usize = 64 << 20;
/// A page ends once it holds this many bytes.
pub const PAGE_BYTES: usize = 4 << 20;
/// A project's number: the first part of every key that the host builds. The component never sees another one's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectId(pub u64);

/// Changes with every write of a record and never comes back; 0 means that there is no record.
pub type Version = u64;

/// The values of some keys in the order asked, packed: value `i` ends at `ends[i]` and begins where the former ends.
/// An absent record has version 0 and no bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// One a key.
    pub versions: Vec<Version>,
    /// One a key.
    pub ends: Vec<u32>,
    /// All values, one behind the other.
    pub bytes: Vec<u8>,
}

impl Values {
    /// Adds the next key's record, or its absence; refused once all values together pass `READ_BYTES_MAX`.
    pub fn push(&mut self, record: Option<(Version, &[u8])>) -> Result<(), StorageError> {
        let (version, value) = record.unwrap_or((0, &[]));
        at_most("bytes of a read", self.bytes.len() + value.len(), READ_BYTES_MAX)?;
        self.versions.push(version);
        self.bytes.extend_from_slice(value);
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        Ok(())
    }
}

/// The keys from `start` (included) to `end` (excluded), at most `limit`, descending when `reverse`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The lowest key that belongs to it.
    pub start: Vec<u8>,
    /// The lowest key above it.
    pub end: Vec<u8>,
    /// The most entries.
    pub limit: u32,
    /// From the highest key down.
    pub reverse: bool,
}

impl Range {
    /// Nothing can lie in it.
    pub fn is_empty(&self) -> bool {
        self.start >= self.end || self.limit == 0
    }
}

/// What some ranges hold, packed: entry `j` of all is its key (up to `ends[2j]`), then its value (up to `ends[2j + 1]`).
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// How many entries belong to each range; one count a range, 0 for those that were not begun.
    pub counts: Vec<u32>,
    /// Two an entry.
    pub ends: Vec<u32>,
    /// Keys and values, one behind the other.
    pub bytes: Vec<u8>,
    /// The range that has entries behind those of this page, because the page was full; it may have none in this page.
    pub cut: Option<u32>,
}

impl Page {
    /// Reads the ranges in turn until the page is full. `read` offers a range's entries in order and stops when an
    /// offer is refused.
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

    /// Adds an entry to the range begun last; `false` when the page is full, which is then cut at this range.
    #[must_use]
    pub fn offer(&mut self, key: &[u8], value: &[u8]) -> bool {
        if self.bytes.len() >= PAGE_BYTES {
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

/// The record at `key` must have this version; 0: there must be none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Which record.
    pub key: Vec<u8>,
    /// Its expected version.
    pub version: Version,
}

/// One change of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Stores the value.
    Put(Vec<u8>, Vec<u8>),
    /// Stores the value if there is none or a smaller one, compared as bytes.
    Raise(Vec<u8>, Vec<u8>),
    /// Removes the record, if there is one.
    Delete(Vec<u8>),
}

impl Write {
    /// The record that it changes.
    pub fn key(&self) -> &[u8] {
        match self {
            Write::Put(key, _) | Write::Raise(key, _) | Write::Delete(key) => key,
        }
    }

    /// The bytes that it stores; none for a deletion.
    pub fn value(&self) -> &[u8] {
        match self {
            Write::Put(_, value) | Write::Raise(_, value) => value,
            Write::Delete(_) => &[],
        }
    }
}

/// The checks and changes that happen together or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// All must hold.
    pub checks: Vec<Check>,
    /// Applied in this order.
    pub writes: Vec<Write>,
}

impl Commit {
    /// The limits of a commit and of its keys and values.
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

    /// The bytes of its keys and values together.
    pub fn bytes(&self) -> usize {
        let checked: usize = self.checks.iter().map(|check| check.key.len()).sum();
        let written: usize = self
            .writes
            .iter()
            .map(|write| write.key().len() + write.value().len())
            .sum();
        checked + written
    }
}

/// The limits of a key.
pub fn validate_key(key: &[u8]) -> Result<(), StorageError> {
    if key.is_empty() {
        return Err(StorageError::TooLarge("a key has at least 1 byte".into()));
    }
    at_most("bytes of a key", key.len(), KEY_BYTES_MAX)
}

/// The limit on how many keys or ranges one read names.
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

/// An ordered space of byte records for each project (`wit/records.wit` states the contract).
#[async_trait]
pub trait Records: Send + Sync + 'static {
    /// Reads these keys, all at one moment.
    async fn get(&self, project: ProjectId, keys: &[Vec<u8>]) -> Result<Values, StorageError>;

    /// Reads these ranges, all at one moment; an empty or inverted range holds nothing. The page is cut once it is
    /// full, never before its first entry.
    async fn scan(&self, project: ProjectId, ranges: &[Range]) -> Result<Page, StorageError>;

    /// Makes all writes if every check holds, or none; durable when it answers `Ok`. A commit whose caller stopped
    /// waiting still happens whole or not at all.
    async fn commit(&self, project: ProjectId, commit: Commit) -> Result<(), CommitError>;
}
