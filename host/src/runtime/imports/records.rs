//! Import `mlforge:plugin/records`, implemented with the trait `Records`.

use wasmtime::component::Accessor;

use super::{Granted, storage_unavailable};
use crate::runtime::bindings::records as wit;
use crate::runtime::retry_locks::RetryLock;
use crate::runtime::store_data::{Imports, StoreData};
use crate::storage::{Check, Commit, CommitError, Range, StorageError, Write};

impl wit::Host for &mut StoreData {}

impl<T: Send> wit::HostWithStore<T> for Imports {
    async fn get(accessor: &Accessor<T, Self>, keys: Vec<Vec<u8>>) -> Result<wit::Values, wit::Error> {
        get(accessor.with(|mut call| call.get().readable()), keys).await
    }

    async fn scan(accessor: &Accessor<T, Self>, ranges: Vec<wit::Range>) -> Result<wit::Page, wit::Error> {
        scan(accessor.with(|mut call| call.get().readable()), ranges).await
    }

    async fn commit(
        accessor: &Accessor<T, Self>,
        checks: Vec<wit::Check>,
        writes: Vec<wit::Write>,
    ) -> Result<(), wit::CommitError> {
        let (granted, turn) = accessor.with(|mut call| (call.get().writable(), call.get().turn.take()));
        let (turn, outcome) = commit(granted, turn, checks, writes).await;
        accessor.with(|mut call| call.get().turn = turn);
        outcome
    }
}

pub(super) async fn get(granted: Granted, keys: Vec<Vec<u8>>) -> Result<wit::Values, wit::Error> {
    let (services, project) = granted.ok_or(wit::Error::Denied)?;
    let values = services.records.get(project, &keys).await?;
    Ok(wit::Values {
        versions: values.versions,
        ends: values.ends,
        bytes: values.bytes,
    })
}

pub(super) async fn scan(granted: Granted, ranges: Vec<wit::Range>) -> Result<wit::Page, wit::Error> {
    let (services, project) = granted.ok_or(wit::Error::Denied)?;
    let ranges: Vec<Range> = ranges.into_iter().map(Range::from).collect();
    let page = services.records.scan(project, &ranges).await?;
    Ok(wit::Page {
        counts: page.counts,
        ends: page.ends,
        bytes: page.bytes,
        cut: page.cut,
    })
}

/// Commits while the request holds its turn, if it has one. After a conflict, returns the turn that it waited for.
pub(super) async fn commit(
    granted: Granted,
    turn: Option<RetryLock>,
    checks: Vec<wit::Check>,
    writes: Vec<wit::Write>,
) -> (Option<RetryLock>, Result<(), wit::CommitError>) {
    let Some((services, project)) = granted else {
        return (turn, Err(wit::CommitError::Failed(wit::Error::Denied)));
    };
    let check = |check: wit::Check| Check {
        key: check.key,
        version: check.version,
    };
    let commit = Commit {
        checks: checks.into_iter().map(check).collect(),
        writes: writes.into_iter().map(Write::from).collect(),
    };
    match services.records.commit(project, commit).await {
        Ok(()) => (None, Ok(())),
        Err(CommitError::Conflict(key)) => {
            let turn = services.turns.wait(turn, project, &key).await;
            (turn, Err(wit::CommitError::Conflict(key)))
        }
        Err(error) => (None, Err(error.into())),
    }
}

impl From<wit::Range> for Range {
    fn from(range: wit::Range) -> Self {
        Self {
            start: range.start,
            end: range.end,
            limit: range.limit,
            reverse: range.reverse,
        }
    }
}

impl From<wit::Write> for Write {
    fn from(write: wit::Write) -> Self {
        match write {
            wit::Write::Put((key, value)) => Self::Put(key, value),
            wit::Write::PutMax((key, value)) => Self::PutMax(key, value),
            wit::Write::Delete(key) => Self::Delete(key),
        }
    }
}

impl From<StorageError> for wit::Error {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::TooLarge(which) => Self::TooLarge(which),
            StorageError::Full(why) => Self::Full(why),
            StorageError::InvalidName(why) => Self::Other(why),
            StorageError::Unavailable(reason) => Self::Unavailable(storage_unavailable(&reason)),
        }
    }
}

impl From<CommitError> for wit::CommitError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(key) => Self::Conflict(key),
            CommitError::Failed(error) => Self::Failed(error.into()),
        }
    }
}
