//! How much each project keeps, counted, and bounded: a storage of blobs around another one.
//!
//! What a project keeps is summed up by listing all of it once, when something of it is first changed or asked about after
//! a start; from then on every change adds or takes what it changed. So the sum is right after a restart, whatever happened
//! before, and costs one look at the file that is replaced or deleted, and not one at all others.
//!
//! It counts what the one process changes that has the storage open. Changes of one name come one after the other.

use std::collections::{BTreeMap, BTreeSet, hash_map::DefaultHasher};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::RwLock;

use super::{BlobInfo, BlobItem, BlobStream, Blobs, LIST_ITEMS_MAX, OpenBlob, ProjectId, Staged, StorageError};

/// Locks of names; two names that share one only wait for each other.
const NAME_LOCKS: usize = 64;

/// Blobs that are counted. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Quota {
    inner: Arc<Inner>,
}

struct Inner {
    blobs: Arc<dyn Blobs>,
    bytes_max: u64,
    accounts: Mutex<BTreeMap<ProjectId, Arc<Account>>>,
}

/// What one project keeps.
struct Account {
    /// Whether `sums` is right. Held to read while a file changes, to write while many do, or all are counted.
    counted: RwLock<bool>,
    sums: Mutex<Sums>,
    names: [tokio::sync::Mutex<()>; NAME_LOCKS],
}

#[derive(Default)]
struct Sums {
    used: u64,
    /// For files that are on their way.
    reserved: u64,
}

/// Room for a file that is on its way; it is given back when dropped.
pub(crate) struct Reservation {
    account: Arc<Account>,
    bytes_max: u64,
    reserved: u64,
    /// How much of it has come.
    drawn: u64,
}

impl Quota {
    pub(crate) fn new(blobs: Arc<dyn Blobs>, bytes_max: u64) -> Self {
        let inner = Inner {
            blobs,
            bytes_max,
            accounts: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// How many bytes a project may keep.
    pub(crate) fn bytes_max(&self) -> u64 {
        self.inner.bytes_max
    }

    /// Room for so many bytes; none when the project has not so much left.
    pub(crate) async fn reserve(&self, project: ProjectId, bytes: u64) -> Result<Option<Reservation>, StorageError> {
        let mut reservation = Reservation {
            account: self.inner.account(project).await?,
            bytes_max: self.inner.bytes_max,
            reserved: 0,
            drawn: 0,
        };
        Ok(reservation.grow(bytes).then_some(reservation))
    }

    /// Does what changes a project in a task of its own: it is counted even when nobody waits any more.
    async fn change<T, F>(&self, change: impl FnOnce(Arc<Inner>) -> F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StorageError>> + Send + 'static,
    {
        let done = tokio::spawn(change(Arc::clone(&self.inner))).await;
        done.unwrap_or_else(|_| Err(StorageError::Unavailable("a change of a blob was given up".into())))
    }
}

impl Reservation {
    /// Takes note of bytes that came; `false` when there is no room for them.
    pub(crate) fn draw(&mut self, bytes: u64) -> bool {
        self.drawn = self.drawn.saturating_add(bytes);
        let missing = self.drawn.saturating_sub(self.reserved);
        self.grow(missing)
    }

    /// How many bytes the project may keep.
    pub(crate) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    fn grow(&mut self, bytes: u64) -> bool {
        let mut sums = self.account.sums();
        let all = sums.used.saturating_add(sums.reserved).saturating_add(bytes);
        let has_room = all <= self.bytes_max;
        if has_room {
            sums.reserved += bytes;
            self.reserved += bytes;
        }
        has_room
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut sums = self.account.sums();
        sums.reserved = sums.reserved.saturating_sub(self.reserved);
    }
}

impl Account {
    fn new() -> Self {
        Self {
            counted: RwLock::new(false),
            sums: Mutex::default(),
            names: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
        }
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        // No code that may panic runs under the lock.
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets nobody else change this name, until the answer is dropped.
    async fn hold(&self, name: &str) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let index = usize::try_from(hasher.finish()).unwrap_or_default() % NAME_LOCKS;
        Some(self.names.get(index)?.lock().await)
    }

    fn replace(&self, old: u64, new: u64) {
        let mut sums = self.sums();
        sums.used = sums.used.saturating_sub(old).saturating_add(new);
    }
}

impl Inner {
    /// A project's account, counted.
    async fn account(&self, project: ProjectId) -> Result<Arc<Account>, StorageError> {
        let account = {
            let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(accounts.entry(project).or_insert_with(|| Arc::new(Account::new())))
        };
        if !*account.counted.read().await {
            let mut counted = account.counted.write().await;
            if !*counted {
                let used = self.size_below(project, "").await?;
                account.sums().used = used;
                *counted = true;
            }
        }
        Ok(account)
    }

    /// The bytes of all files below a directory.
    async fn size_below(&self, project: ProjectId, directory: &str) -> Result<u64, StorageError> {
        let mut size: u64 = 0;
        let mut directories = BTreeSet::from([directory.to_owned()]);
        while let Some(directory) = directories.pop_last() {
            let mut after: Option<String> = None;
            loop {
                let items = self.blobs.list(project, &directory, after.as_deref(), LIST_ITEMS_MAX);
                let items = items.await?;
                let is_last = items.len() < usize::try_from(LIST_ITEMS_MAX).unwrap_or(usize::MAX);
                after = items.last().map(|item| item.name.clone());
                for item in items {
                    match item.size {
                        Some(bytes) => size = size.saturating_add(bytes),
                        None if directory.is_empty() => _ = directories.insert(item.name),
                        None => _ = directories.insert(format!("{directory}/{}", item.name)),
                    }
                }
                if is_last {
                    break;
                }
            }
        }
        Ok(size)
    }

    async fn size(&self, project: ProjectId, name: &str) -> Result<u64, StorageError> {
        Ok(self.blobs.stat(project, name).await?.map_or(0, |info| info.size))
    }

    async fn commit(&self, project: ProjectId, staged: Box<dyn Staged>, name: &str) -> Result<(), StorageError> {
        let account = self.account(project).await?;
        let _counted = account.counted.read().await;
        let _name = account.hold(name).await;
        let (old, new) = (self.size(project, name).await?, staged.size());
        let after = account.sums().used.saturating_sub(old).saturating_add(new);
        if after > self.bytes_max && new > old {
            return Err(StorageError::TooLarge(format!(
                "a project of more than {} bytes",
                self.bytes_max
            )));
        }
        self.blobs.commit(project, staged, name).await?;
        account.replace(old, new);
        Ok(())
    }

    async fn delete(&self, project: ProjectId, name: &str) -> Result<bool, StorageError> {
        let account = self.account(project).await?;
        let _counted = account.counted.read().await;
        let _name = account.hold(name).await;
        let old = self.size(project, name).await?;
        let is_gone = self.blobs.delete(project, name).await?;
        if is_gone {
            account.replace(old, 0);
        }
        Ok(is_gone)
    }

    /// What is joined was let in as parts, which go when they are joined: it is counted, and not refused.
    async fn join(
        &self,
        project: ProjectId,
        parts: &[String],
        name: &str,
        bytes_max: u64,
    ) -> Result<bool, StorageError> {
        let account = self.account(project).await?;
        let _counted = account.counted.read().await;
        let _name = account.hold(name).await;
        let old = self.size(project, name).await?;
        let is_joined = self.blobs.join(project, parts, name, bytes_max).await?;
        if is_joined {
            account.replace(old, self.size(project, name).await?);
        }
        Ok(is_joined)
    }

    async fn delete_below(&self, project: ProjectId, directory: &str) -> Result<bool, StorageError> {
        let account = self.account(project).await?;
        let mut counted = account.counted.write().await;
        let old = self.size_below(project, directory).await?;
        // Should it break off, all is counted anew.
        *counted = false;
        let is_gone = self.blobs.delete_below(project, directory).await?;
        *counted = true;
        if is_gone {
            account.replace(old, 0);
        }
        Ok(is_gone)
    }
}

#[async_trait]
impl Blobs for Quota {
    async fn stage(
        &self,
        project: ProjectId,
        contents: BlobStream,
        bytes_max: u64,
    ) -> Result<Box<dyn Staged>, StorageError> {
        self.inner.blobs.stage(project, contents, bytes_max).await
    }

    async fn commit(&self, project: ProjectId, staged: Box<dyn Staged>, name: &str) -> Result<(), StorageError> {
        let name = name.to_owned();
        let change = |inner: Arc<Inner>| async move { inner.commit(project, staged, &name).await };
        self.change(change).await
    }

    async fn stat(&self, project: ProjectId, name: &str) -> Result<Option<BlobInfo>, StorageError> {
        self.inner.blobs.stat(project, name).await
    }

    async fn read(
        &self,
        project: ProjectId,
        name: &str,
        offset: u64,
        length: u64,
    ) -> Result<Option<OpenBlob>, StorageError> {
        self.inner.blobs.read(project, name, offset, length).await
    }

    async fn list(
        &self,
        project: ProjectId,
        directory: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<BlobItem>, StorageError> {
        self.inner.blobs.list(project, directory, after, limit).await
    }

    async fn delete(&self, project: ProjectId, name: &str) -> Result<bool, StorageError> {
        let name = name.to_owned();
        self.change(|inner| async move { inner.delete(project, &name).await })
            .await
    }

    async fn join(
        &self,
        project: ProjectId,
        parts: &[String],
        name: &str,
        bytes_max: u64,
    ) -> Result<bool, StorageError> {
        let (parts, name) = (parts.to_vec(), name.to_owned());
        self.change(|inner| async move { inner.join(project, &parts, &name, bytes_max).await })
            .await
    }

    async fn delete_below(&self, project: ProjectId, directory: &str) -> Result<bool, StorageError> {
        let directory = directory.to_owned();
        self.change(|inner| async move { inner.delete_below(project, &directory).await })
            .await
    }
}

#[cfg(test)]
mod tests;
