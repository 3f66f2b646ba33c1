//! Maxima for the items of a project: a storage of records that wraps another one, and counts and bounds them.
//!
//! A project is counted once, at its first change after a start, by reading the records of the bounded kinds. Later changes adjust
//! the sums, so a change costs nothing that grows with the project. Changes of one project wait only while a page is read.
//!
//! An item that is stored again counts again, and some deletions do not tell how much they remove. So a project at its bound
//! is counted anew before it is full for long.
//!
//! Hosts that share the records do not see each other's changes. So each of them counts a project that it changes anew every few
//! minutes, in the background and for a small part of its time. In between, a project may exceed its bound by what the other hosts add.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use self::account::{Account, Exceeded};
use self::items::{Changes, Kinds};
use super::{Commit, CommitError, Measured, Page, ProjectId, Range, Records, RecordsCounts, StorageError, Values};

mod account;
mod items;
#[cfg(test)]
mod tests;

pub(crate) use self::items::ItemKind;

/// Number of records that one read counts.
const RECORDS_AT_ONCE: u32 = 5_000;
/// Maximum number of such reads of one range. What is beyond is not counted.
const READS_MAX: u32 = 1_000_000;
/// The time that a change waits for the first count. After it the change is made uncounted.
const COUNT_WAIT: Duration = Duration::from_secs(1);

/// Records whose items are counted. Cheap to clone; all clones share one state.
#[derive(Clone)]
pub(crate) struct ItemQuota {
    inner: Arc<Inner>,
}

struct Inner {
    records: Arc<dyn Records>,
    kinds: Kinds,
    /// True if other hosts change the records too.
    is_shared: bool,
    accounts: Mutex<HashMap<ProjectId, Arc<Account>>>,
}

impl ItemQuota {
    /// `is_shared`: other hosts change the records too.
    pub(crate) fn new(records: Arc<dyn Records>, kinds: Vec<ItemKind>, is_shared: bool) -> Self {
        let inner = Inner {
            records,
            kinds: Kinds::new(kinds),
            is_shared,
            accounts: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }
}

impl Inner {
    fn account(&self, project: ProjectId) -> Arc<Account> {
        // No code that may panic runs under the lock.
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let account = accounts.entry(project);
        Arc::clone(account.or_insert_with(|| Arc::new(Account::new(self.kinds.maxima_of(project)))))
    }

    /// Starts a count in the background, unless one is running or was there a moment ago. Returns the end of the running one.
    fn begin_count(self: &Arc<Self>, project: ProjectId, account: &Arc<Account>) -> Option<watch::Receiver<bool>> {
        let (ended, end) = account.begin()?;
        if let Some(ended) = ended {
            let (inner, account) = (Arc::clone(self), Arc::clone(account));
            tokio::spawn(async move {
                let counted = inner.count(project, &account).await;
                if let Err(error) = &counted {
                    tracing::warn!(target: "mlforge::storage", %error, project = project.0, "cannot count a project's items");
                }
                account.end(counted.is_ok());
                // Nobody may wait any more.
                _ = ended.send(true);
            });
        }
        Some(end)
    }

    async fn count(&self, project: ProjectId, account: &Account) -> Result<(), StorageError> {
        for (start, end) in self.kinds.ranges() {
            let mut after = start.to_vec();
            for _ in 0..READS_MAX {
                let range = Range {
                    start: after.clone(),
                    end: end.to_vec(),
                    limit: RECORDS_AT_ONCE,
                    reverse: false,
                };
                let began = tokio::time::Instant::now();
                let alone = account.alone().await;
                let page = self.records.scan(project, &[range]).await?;
                let (found, last) = self.kinds.of_page(&page);
                // The first key that is not counted yet.
                let next = last
                    .as_deref()
                    .map_or_else(|| end.to_vec(), |last| [last, &[0]].concat());
                account.add_counted(&found, &next);
                drop(alone);
                if last.is_none() {
                    break;
                }
                after = next;
                // Requests go first.
                sleep(began.elapsed()).await;
            }
        }
        Ok(())
    }

    /// Waits until a project is counted, at most for `COUNT_WAIT`.
    async fn counted(self: &Arc<Self>, project: ProjectId) -> Arc<Account> {
        let account = self.account(project);
        if !account.is_counted()
            && let Some(mut end) = self.begin_count(project, &account)
        {
            let ended = async { end.wait_for(|is_over| *is_over).await.is_ok() };
            _ = timeout(COUNT_WAIT, ended).await;
        }
        account
    }

    /// Makes a change that adds or removes items.
    async fn commit(
        self: &Arc<Self>,
        project: ProjectId,
        account: &Arc<Account>,
        commit: Commit,
        changes: &Changes,
    ) -> Result<(), CommitError> {
        let _changing = account.changing().await;
        if self.is_shared && account.is_old() {
            self.begin_count(project, account);
        }
        if let Some(Exceeded { kind, count, max }) = account.exceeded(changes) {
            if self.is_shared || account.may_have_less() {
                self.begin_count(project, account);
            }
            return Err(StorageError::Full(format!(
                "The project has {count} {}, and at most {max} are allowed. Delete some for good to make room.",
                self.kinds.name(kind)
            ))
            .into());
        }
        let done = self.records.commit(project, commit).await;
        match &done {
            Ok(()) => account.add(changes),
            Err(CommitError::Conflict(_)) => {}
            // It may have been made.
            Err(CommitError::Failed(_)) => account.forget(),
        }
        done
    }
}

#[async_trait]
impl Records for ItemQuota {
    async fn get(&self, project: ProjectId, keys: &[Vec<u8>]) -> Result<Values, StorageError> {
        self.inner.records.get(project, keys).await
    }

    async fn scan(&self, project: ProjectId, ranges: &[Range]) -> Result<Page, StorageError> {
        self.inner.records.scan(project, ranges).await
    }

    async fn measure(&self, project: ProjectId, after: &[u8], count: u32) -> Result<Measured, StorageError> {
        self.inner.records.measure(project, after, count).await
    }

    async fn commit(&self, project: ProjectId, commit: Commit) -> Result<(), CommitError> {
        let changes = self.inner.kinds.changes(&commit);
        if changes.is_empty() {
            return self.inner.records.commit(project, commit).await;
        }
        // A task of its own: it is counted even if the caller stops waiting.
        let inner = Arc::clone(&self.inner);
        let done = tokio::spawn(async move {
            let account = inner.counted(project).await;
            inner.commit(project, &account, commit, &changes).await
        });
        let done = done.await;
        done.unwrap_or_else(|_| Err(StorageError::Unavailable("a commit was given up".into()).into()))
    }

    async fn ping(&self) -> Result<(), StorageError> {
        self.inner.records.ping().await
    }

    fn counts(&self) -> Option<RecordsCounts> {
        self.inner.records.counts()
    }
}
