//! Errors of records and blobs.
//!
//! `TooLarge`, `Full` and `InvalidName` are the caller's fault. The component reports them in a 4xx, so their texts
//! name the offending value and the rule.
//!
//! The text of `Unavailable` may name paths and addresses, so it is written to the log only. The caller gets
//! a 503 and may try again.
//!
//! A conflict is no failure: the component reads the records and decides again.

use std::error::Error;
use std::fmt;

/// An error of a storage call. After `Unavailable` the call may still have taken effect.
#[derive(Debug)]
pub enum StorageError {
    /// A limit was exceeded, by the caller's fault. The text names the limit.
    TooLarge(String),
    /// The project has as many of some items as it may. The text is for the caller.
    Full(String),
    /// The name of a blob breaks a rule. The text says which one.
    InvalidName(String),
    /// The storage failed. The text is for the log.
    Unavailable(String),
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StorageError::TooLarge(what) => write!(f, "a limit of the storage was passed: {what}"),
            StorageError::Full(what) => f.write_str(what),
            StorageError::InvalidName(why) => write!(f, "no name of a blob: {why}"),
            StorageError::Unavailable(why) => write!(f, "the storage failed: {why}"),
        }
    }
}

impl Error for StorageError {}

/// An error of a commit, which changed nothing.
#[derive(Debug)]
pub enum CommitError {
    /// The record at this key did not have the expected version.
    Conflict(Vec<u8>),
    /// The commit was not tried, or failed as a whole.
    Failed(StorageError),
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommitError::Conflict(key) => write!(f, "the record {} has changed", key.escape_ascii()),
            CommitError::Failed(_) => f.write_str("the commit failed"),
        }
    }
}

impl Error for CommitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            CommitError::Conflict(_) => None,
            CommitError::Failed(error) => Some(error),
        }
    }
}

impl From<StorageError> for CommitError {
    fn from(error: StorageError) -> Self {
        CommitError::Failed(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_commit_names_its_cause_and_a_conflict_its_key() {
        let failed = CommitError::from(StorageError::TooLarge("65 MiB".to_owned()));
        let source = failed.source().map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("a limit of the storage was passed: 65 MiB"));
        let conflict = CommitError::Conflict(b"r\x00a".to_vec());
        assert_eq!(conflict.to_string(), "the record r\\x00a has changed");
        assert!(conflict.source().is_none());
    }
}
