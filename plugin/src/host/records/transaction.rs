//! Transactions with optimistic checks: decide on records that were read, then commit if they are unchanged.

use super::commit_failed;
use super::read_set::ReadSet;
use crate::bindings::mlforge::plugin::records as host;
use crate::error::{Error, Result};

/// The maximum number of attempts of a transaction. Each conflict means that another commit succeeded. So
/// this many requests may change one record at once.
const ATTEMPTS_MAX: usize = 2_000;

/// The maximum number of attempts of background work, which is repeated later anyway.
const IDLE_ATTEMPTS_MAX: usize = 64;

/// The maximum number of checks that the host accepts in one commit.
const CHECKS_MAX: usize = 10_000;

/// Checks and writes of one atomic commit.
#[derive(Default)]
pub struct Change {
    checks: Vec<host::Check>,
    writes: Vec<host::Write>,
}

impl Change {
    /// The commit fails unless the record still has this version.
    pub fn require_version(&mut self, key: Vec<u8>, version: u64) {
        self.checks.push(host::Check { key, version });
    }

    /// Stores a value.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.writes.push(host::Write::Put((key, value)));
    }

    /// Stores a value unless the stored one is greater, compared as bytes.
    pub fn put_max(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.writes.push(host::Write::PutMax((key, value)));
    }

    /// Deletes a record.
    pub fn delete(&mut self, key: Vec<u8>) {
        self.writes.push(host::Write::Delete(key));
    }
}

/// Calls `decide`, then commits its change. After a conflict it repeats both, so that of many requests that
/// change one record none is refused. A decision without writes and a refusal change nothing. Their read set
/// is still checked if it may be of different moments. So no request is refused for a state that never
/// existed.
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

/// A transaction for background maintenance. It gives up early in favour of requests that a caller waits for.
/// It does not check refusals.
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

/// The checks of a read set. Empty if all was read at one moment, or if there are too many records to check.
fn checks(read: ReadSet) -> Vec<host::Check> {
    if read.calls < 2 || read.records.len() > CHECKS_MAX {
        return Vec::new();
    }
    let check = |(key, version)| host::Check { key, version };
    read.records.into_iter().map(check).collect()
}

/// True if the checks held and the writes were made.
async fn commit(checks: Vec<host::Check>, writes: Vec<host::Write>) -> Result<bool> {
    match host::commit(checks, writes).await {
        Ok(()) => Ok(true),
        Err(host::CommitError::Conflict(_)) => Ok(false),
        Err(host::CommitError::Failed(error)) => Err(commit_failed(error)),
    }
}
