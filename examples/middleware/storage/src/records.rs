//! The interface `records`.

use std::collections::BTreeMap;

use crate::Storage;
use crate::bindings::exports::mlforge::plugin::records::{
    Check, CommitError, Error, Guest, Page, Range, Values, Write,
};
use crate::bindings::wasi::filesystem::types::ErrorCode;
use crate::log::{self, Change, Records, catch_up, with_records};

/// Limits of the interface.
const KEY_BYTES_MAX: usize = 2_560;
const VALUE_BYTES_MAX: usize = 32 << 20;
const KEYS_MAX: usize = 50_000;
const GET_BYTES_MAX: usize = 64 << 20;
const CHECKS_MAX: usize = 10_000;
const COMMIT_BYTES_MAX: usize = 64 << 20;
const PAGE_BYTES_MAX: usize = 4 << 20;
const PAGE_ENTRIES_MAX: usize = 100_000;
/// Attempts of a commit: each fails only if another instance made a commit meanwhile.
const ATTEMPTS_MAX: usize = 1_000;
/// Bytes of all records that an instance holds in its memory, which can have 4 GiB.
const RECORDS_BYTES_MAX: usize = 1 << 30;

impl Guest for Storage {
    async fn get(keys: Vec<Vec<u8>>) -> Result<Values, Error> {
        must_fit("keys of a call", keys.len(), KEYS_MAX)?;
        catch_up().await.map_err(unavailable)?;
        let mut found = Values {
            versions: Vec::with_capacity(keys.len()),
            ends: Vec::with_capacity(keys.len()),
            bytes: Vec::new(),
        };
        with_records(|records| {
            for key in &keys {
                must_fit("bytes of a key", key.len(), KEY_BYTES_MAX)?;
                let (version, value) = records
                    .values
                    .get(key)
                    .map_or((0, [].as_slice()), |(version, value)| (*version, value));
                must_fit("bytes of a get", found.bytes.len() + value.len(), GET_BYTES_MAX)?;
                found.bytes.extend_from_slice(value);
                found.versions.push(version);
                found.ends.push(short(found.bytes.len()));
            }
            Ok(found)
        })
    }

    async fn scan(ranges: Vec<Range>) -> Result<Page, Error> {
        must_fit("ranges of a call", ranges.len(), KEYS_MAX)?;
        catch_up().await.map_err(unavailable)?;
        Ok(with_records(|records| scanned(records, &ranges)))
    }

    async fn commit(checks: Vec<Check>, writes: Vec<Write>) -> Result<(), CommitError> {
        must_be_allowed(&checks, &writes).map_err(CommitError::Failed)?;
        for _ in 0..ATTEMPTS_MAX {
            catch_up().await.map_err(failed)?;
            let (number, changes) = with_records(|records| decided(records, &checks, &writes))?;
            if changes.is_empty() || log::append(number, changes).await.map_err(failed)? {
                return Ok(());
            }
        }
        let text = "other instances made each of the next commits".to_owned();
        Err(CommitError::Failed(Error::Unavailable(text)))
    }
}

/// The number of a commit and what it changes, if every check holds.
fn decided(records: &Records, checks: &[Check], writes: &[Write]) -> Result<(u64, Vec<Change>), CommitError> {
    let is_other = |check: &&Check| version(records, &check.key) != check.version;
    if let Some(check) = checks.iter().find(is_other) {
        return Err(CommitError::Conflict(check.key.clone()));
    }
    let changes = changes(records, writes);
    if records.bytes > RECORDS_BYTES_MAX && changes.iter().any(|(_, value)| value.is_some()) {
        let text = format!("This storage holds at most {RECORDS_BYTES_MAX} bytes of records.");
        return Err(CommitError::Failed(Error::Full(text)));
    }
    Ok((records.last + 1, changes))
}

/// Makes a page of these ranges.
fn scanned(records: &Records, ranges: &[Range]) -> Page {
    let mut page = Page {
        counts: vec![0; ranges.len()],
        ends: Vec::new(),
        bytes: Vec::new(),
        cut: None,
    };
    for (index, (range, count)) in (0..).zip(ranges.iter().zip(&mut page.counts)) {
        if range.start >= range.end {
            continue;
        }
        let within = records.values.range(range.start.clone()..range.end.clone());
        let mut entries: Box<dyn Iterator<Item = _>> = if range.reverse {
            Box::new(within.rev())
        } else {
            Box::new(within)
        };
        let limit = usize::try_from(range.limit).unwrap_or(usize::MAX);
        for (key, (_, value)) in entries.by_ref().take(limit) {
            if page.bytes.len() >= PAGE_BYTES_MAX || page.ends.len() >= 2 * PAGE_ENTRIES_MAX {
                page.cut = Some(index);
                return page;
            }
            for part in [key, value] {
                page.bytes.extend_from_slice(part);
                page.ends.push(short(page.bytes.len()));
            }
            *count += 1;
        }
    }
    page
}

/// The changes of the writes, each record once. A `put-max` that loses changes nothing.
fn changes(records: &Records, writes: &[Write]) -> Vec<Change> {
    let mut changes: BTreeMap<&Vec<u8>, Option<&Vec<u8>>> = BTreeMap::new();
    for write in writes {
        match write {
            Write::Put((key, value)) => _ = changes.insert(key, Some(value)),
            Write::Delete(key) => _ = changes.insert(key, None),
            Write::PutMax((key, value)) => {
                let stored = || records.values.get(key).map(|(_, value)| value);
                let present = changes.get(key).copied().unwrap_or_else(stored);
                if present.is_none_or(|present| present < value) {
                    changes.insert(key, Some(value));
                }
            }
        }
    }
    let change = |(key, value): (&Vec<u8>, Option<&Vec<u8>>)| (key.clone(), value.cloned());
    changes.into_iter().map(change).collect()
}

fn version(records: &Records, key: &[u8]) -> u64 {
    records.values.get(key).map_or(0, |(version, _)| *version)
}

/// Holds a commit against the limits of the interface.
fn must_be_allowed(checks: &[Check], writes: &[Write]) -> Result<(), Error> {
    must_fit("checks of a commit", checks.len(), CHECKS_MAX)?;
    must_fit("writes of a commit", writes.len(), CHECKS_MAX)?;
    let mut bytes = 0;
    for write in writes {
        let (key, value) = match write {
            Write::Put((key, value)) | Write::PutMax((key, value)) => (key, value.len()),
            Write::Delete(key) => (key, 0),
        };
        must_fit("bytes of a key", key.len(), KEY_BYTES_MAX)?;
        must_fit("bytes of a value", value, VALUE_BYTES_MAX)?;
        bytes += key.len() + value;
    }
    must_fit("bytes of a commit", bytes, COMMIT_BYTES_MAX)
}

fn must_fit(what: &str, number: usize, max: usize) -> Result<(), Error> {
    match number <= max {
        true => Ok(()),
        false => Err(Error::TooLarge(format!("{number} {what}, of at most {max}"))),
    }
}

/// A number of bytes within a page or the values of a get, which have less than 4 GiB.
fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn unavailable(error: ErrorCode) -> Error {
    Error::Unavailable(format!("{error:?}"))
}

fn failed(error: ErrorCode) -> CommitError {
    CommitError::Failed(unavailable(error))
}
