//! Changes that are decided on what was read, and committed if that is still so.

use super::commit_failed;
use super::read_set::ReadSet;
use crate::bindings::mlforge::plugin::records as host;
use crate::error::{Error, Result};

/// How often a change is decided anew when others changed the same records meanwhile. Each time one of them gets through, so
/// this is how many may want to change one record at once.
const ATTEMPTS_MAX: usize = 2_000;

/// The same for what is done again later anyway.
const IDLE_ATTEMPTS_MAX: usize = 64;

/// How many checks the host takes in one commit.
const CHECKS_MAX: usize = 10_000;

/// Checks and writes that happen together or not at all.
#[derive(Default)]
pub struct Change {
    checks: Vec<host::Check>,
    writes: Vec<host::Write>,
}

impl Change {
    /// The record must still have the version that was read.
    pub fn require_version(&mut self, key: Vec<u8>, version: u64) {
        self.checks.push(host::Check { key, version });
    }

    /// Stores a value.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.writes.push(host::Write::Put((key, value)));
    }

    /// Stores a value unless a greater one, by its bytes, is there.
    pub fn put_max(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.writes.push(host::Write::PutMax((key, value)));
    }

    /// Removes a record.
    pub fn delete(&mut self, key: Vec<u8>) {
        self.writes.push(host::Write::Delete(key));
    }
}

/// Decides and commits, and decides anew when others came first: of many who change one record at once none is turned away.
/// A decision without writes, and one to refuse, change nothing; they are checked like others if what was read can be of
/// different moments, so that nobody is refused for what never was.
pub async fn transact<T>(decide: impl AsyncFn(&mut Change) -> Result<T>) -> Result<T> {
    for _ in 0..ATTEMPTS_MAX {
        let mut change = Change::default();
        ReadSet::start();
        let decided = decide(&mut change).await;
        let checks = checks(ReadSet::stop());
        let is_refused = matches!(
            decided,
            Err(Error::Invalid(_) | Error::NotFound(_) | Error::AlreadyExists(_))
        );
        if is_refused || (decided.is_ok() && change.writes.is_empty()) {
            if checks.is_empty() || commit(checks, Vec::new()).await? {
                return decided;
            }
            continue;
        }
        let answer = decided?;
        if commit(change.checks, change.writes).await? {
            return Ok(answer);
        }
    }
    Err(Error::Contended)
}

/// The same for upkeep, which gives way to those who wait for an answer, and refuses nobody.
pub async fn transact_background<T>(decide: impl AsyncFn(&mut Change) -> Result<T>) -> Result<T> {
    for _ in 0..IDLE_ATTEMPTS_MAX {
        let mut change = Change::default();
        let answer = decide(&mut change).await?;
        if change.writes.is_empty() || commit(change.checks, change.writes).await? {
            return Ok(answer);
        }
    }
    Err(Error::Contended)
}

/// The checks that all is as it was read; none if it was read at one moment, or is too much to be checked.
fn checks(read: ReadSet) -> Vec<host::Check> {
    if read.calls < 2 || read.records.len() > CHECKS_MAX {
        return Vec::new();
    }
    let check = |(key, version)| host::Check { key, version };
    read.records.into_iter().map(check).collect()
}

/// True if the checks held, and the writes were made.
async fn commit(checks: Vec<host::Check>, writes: Vec<host::Write>) -> Result<bool> {
    match host::commit(checks, writes).await {
        Ok(()) => Ok(true),
        Err(host::CommitError::Conflict(_)) => Ok(false),
        Err(host::CommitError::Failed(error)) => Err(commit_failed(error)),
    }
}
