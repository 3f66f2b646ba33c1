//! Quotas: a storage of blobs that wraps another one, and counts and bounds the bytes and files of each project.
//!
//! The sum of a project is computed by listing all its files once, at the first change or reservation after a
//! start. Later changes adjust the sum. So the sum is correct after a restart, whatever happened before. A
//! commit or deletion of a file costs one `stat` of its old version, and none of other files.
//!
//! The bytes of an upload are reserved as they come, and become the file's in the step that names it. So
//! named files and uploads never exceed the bound together, with one exception. While parts are joined, and
//! until they are removed, both the file and its parts are kept and counted.
//!
//! Such a quota sees only changes made by this process, which has the storage open. Changes of one name are
//! serialised.
//!
//! A storage that keeps sums itself, for all hosts, is asked for them at each reservation, and refuses by itself what exceeds the
//! bound. Then only the uploads of this process are counted here, so that most are refused before their bytes come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::OwnedRwLockReadGuard;
use tokio::task::JoinSet;

pub(crate) use self::account::Reservation;
use self::account::{Account, FilePlace};
use self::staged::{Counted, drawn};
use super::usage::files_below;
use super::{
    BlobInfo, BlobItem, BlobStream, Blobs, ByteRange, Collected, DirectTransfers, FileUsage, ListRequest, OpenBlob,
    PerProject, ProjectId, Staged, StorageError,
};

mod account;
mod staged;
#[cfg(test)]
mod tests;

/// Number of parts whose sizes are read at the same time.
const LOOKS_AT_ONCE: usize = 16;

/// Blobs whose bytes are counted. Cheap to clone; all clones share one state.
#[derive(Clone)]
pub(crate) struct Quota {
    inner: Arc<Inner>,
}

struct Inner {
    blobs: Arc<dyn Blobs>,
    max: PerProject<FileUsage>,
    /// True if the storage keeps the sums of named files, and refuses what exceeds the bound.
    keeps_sums: bool,
    accounts: Mutex<BTreeMap<ProjectId, Arc<Account>>>,
}

impl Quota {
    pub(crate) fn new(blobs: Arc<dyn Blobs>, max: PerProject<FileUsage>) -> Self {
        let inner = Inner {
            keeps_sums: blobs.keep_below(max.clone()),
            blobs,
            max,
            accounts: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Maximum number of bytes that a project may keep. `u64::MAX`: no bound.
    pub(crate) fn bytes_max(&self, project: ProjectId) -> u64 {
        self.inner.max.of(project).bytes
    }

    /// Bytes of a project's files.
    pub(crate) async fn used(&self, project: ProjectId) -> Result<u64, StorageError> {
        let (account, _counted) = self.inner.counted(project).await?;
        Ok(account.used().bytes)
    }

    /// Reserves bytes. `None`: the project has less than that left.
    pub(crate) async fn reserve(&self, project: ProjectId, bytes: u64) -> Result<Option<Reservation>, StorageError> {
        let (account, _counted) = self.inner.counted(project).await?;
        Ok(account.hold(bytes).map(Reservation::new))
    }

    /// Stages as [`Blobs::stage`] does. The bytes come from the request's reservation, if it has one, which
    /// has drawn them already.
    pub(crate) async fn stage_within(
        &self,
        project: ProjectId,
        contents: BlobStream,
        bytes_max: u64,
        reserved: Option<Reservation>,
    ) -> Result<Box<dyn Staged>, StorageError> {
        let (reservation, contents) = match reserved {
            Some(reservation) => (reservation, contents),
            None => {
                let reservation = self.reserve(project, 0).await?;
                let reservation = reservation.ok_or_else(|| self.inner.no_room(project))?;
                (reservation.clone(), drawn(contents, reservation))
            }
        };
        let staged = self.inner.blobs.stage(project, contents, bytes_max).await?;
        let hold = reservation.take(staged.size());
        let hold = hold.ok_or_else(|| self.inner.no_room(project))?;
        Ok(Box::new(Counted { staged, hold }))
    }

    /// Runs a change of a project in its own task, so that it is counted even if the caller stops waiting.
    async fn change<T, F>(&self, change: impl FnOnce(Arc<Inner>) -> F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StorageError>> + Send + 'static,
    {
        let done = tokio::spawn(change(Arc::clone(&self.inner))).await;
        done.unwrap_or_else(|_| Err(given_up()))
    }
}

fn given_up() -> StorageError {
    StorageError::Unavailable("a change of a blob was given up".into())
}

/// The refusal of more bytes in a project.
pub(super) fn no_room(bytes_max: u64) -> StorageError {
    StorageError::Full(format!(
        "There is no room for this file: the project keeps at most {bytes_max} bytes. Delete some files."
    ))
}

/// The refusal of one more file in a project.
pub(super) fn too_many_files(files: u64, files_max: u64) -> StorageError {
    StorageError::Full(format!(
        "The project has {files} files, and at most {files_max} are allowed. Delete some to make room."
    ))
}

impl Inner {
    fn no_room(&self, project: ProjectId) -> StorageError {
        no_room(self.max.of(project).bytes)
    }

    /// Returns a project's account after it is counted, with the lock that keeps it counted while one file
    /// changes.
    async fn counted(&self, project: ProjectId) -> Result<(Arc<Account>, OwnedRwLockReadGuard<()>), StorageError> {
        let account = {
            let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
            let account = accounts.entry(project);
            Arc::clone(account.or_insert_with(|| Arc::new(Account::new(self.max.of(project)))))
        };
        let guard = account.read().await;
        if self.keeps_sums {
            let usage = self.blobs.usage(project).await?;
            account.set_used(usage.unwrap_or_default());
            return Ok((account, guard));
        }
        if account.is_counted() {
            return Ok((account, guard));
        }
        drop(guard);
        let alone = account.write().await;
        if !account.is_counted() {
            account.set_used(self.usage_below(project, "").await?);
        }
        Ok((account, alone.downgrade()))
    }

    /// All files below a directory.
    async fn usage_below(&self, project: ProjectId, directory: &str) -> Result<FileUsage, StorageError> {
        files_below(&*self.blobs, project, directory, u64::MAX).await
    }

    /// The file of a name, if there is one.
    async fn usage_of(&self, project: ProjectId, name: &str) -> Result<FileUsage, StorageError> {
        let info = self.blobs.stat(project, name).await?;
        Ok(info.map_or(FileUsage::default(), |info| FileUsage::one(info.size)))
    }

    /// The place of a file, unless it replaces another one.
    fn place(&self, account: &Arc<Account>, old: FileUsage) -> Result<Option<FilePlace>, StorageError> {
        if old.files > 0 {
            return Ok(None);
        }
        let place = account.hold_place();
        let place = place.ok_or_else(|| too_many_files(account.used().files, account.files_max()));
        place.map(Some)
    }

    /// Returns the total size of some files, counting each as often as it is named, and the size counting
    /// each once. `None`: a file is absent.
    async fn sizes(&self, project: ProjectId, names: &[String]) -> Result<Option<(u64, u64)>, StorageError> {
        let (mut sizes, mut all) = (BTreeMap::new(), 0_u64);
        let distinct: BTreeSet<&String> = names.iter().collect();
        let distinct: Vec<&String> = distinct.into_iter().collect();
        for some in distinct.chunks(LOOKS_AT_ONCE) {
            let mut looks = JoinSet::new();
            for name in some {
                let (blobs, name) = (Arc::clone(&self.blobs), (*name).clone());
                looks.spawn(async move { (blobs.stat(project, &name).await, name) });
            }
            while let Some(looked) = looks.join_next().await {
                let (found, name) = looked.map_err(|_| given_up())?;
                let Some(info) = found? else { return Ok(None) };
                sizes.insert(name, info.size);
            }
        }
        for name in names {
            all = all.saturating_add(sizes.get(name).copied().unwrap_or(0));
        }
        let once = sizes.values().fold(0_u64, |sum, size| sum.saturating_add(*size));
        Ok(Some((all, once)))
    }

    /// Counts a file again after a failed change, whose effect is unknown. If that fails too, the next change
    /// counts all files.
    async fn look_again(&self, account: &Account, project: ProjectId, name: &str, old: FileUsage) {
        match self.usage_of(project, name).await {
            Ok(now) => account.settle(old, now, None),
            Err(_) => _ = account.forget_used(),
        }
    }

    async fn commit(&self, project: ProjectId, staged: Box<dyn Staged>, name: &str) -> Result<(), StorageError> {
        let Ok(counted) = staged.into_any().downcast::<Counted>() else {
            return Err(StorageError::Unavailable(
                "the bytes were staged by another storage".into(),
            ));
        };
        let Counted { staged, hold } = *counted;
        if self.keeps_sums {
            // The room is held until the sum has the file.
            let done = self.blobs.commit(project, staged, name).await;
            drop(hold);
            return done;
        }
        let (account, _counted) = self.counted(project).await?;
        let _name = account.lock_name(name).await;
        let (old, new) = (self.usage_of(project, name).await?, FileUsage::one(staged.size()));
        let _place = self.place(&account, old)?;
        let done = self.blobs.commit(project, staged, name).await;
        match &done {
            Ok(()) => account.settle(old, new, Some(hold)),
            Err(_) => self.look_again(&account, project, name, old).await,
        }
        done
    }

    async fn delete(&self, project: ProjectId, name: &str) -> Result<bool, StorageError> {
        if self.keeps_sums {
            return self.blobs.delete(project, name).await;
        }
        let (account, _counted) = self.counted(project).await?;
        let _name = account.lock_name(name).await;
        let old = self.usage_of(project, name).await?;
        let done = self.blobs.delete(project, name).await;
        match &done {
            Ok(true) => account.settle(old, FileUsage::default(), None),
            Ok(false) => {}
            Err(_) => self.look_again(&account, project, name, old).await,
        }
        done
    }

    /// Joins parts whose bytes are counted already and are removed after the join. It is refused only when
    /// the file is larger than its distinct parts.
    async fn join(
        &self,
        project: ProjectId,
        parts: &[String],
        name: &str,
        bytes_max: u64,
    ) -> Result<bool, StorageError> {
        if self.keeps_sums {
            return self.blobs.join(project, parts, name, bytes_max).await;
        }
        let (account, _counted) = self.counted(project).await?;
        let _name = account.lock_name(name).await;
        let Some((bytes, leaving)) = self.sizes(project, parts).await? else {
            return Ok(false);
        };
        let old = self.usage_of(project, name).await?;
        let _place = self.place(&account, old)?;
        let hold = account.hold_in_exchange(bytes, leaving.saturating_add(old.bytes));
        let hold = hold.ok_or_else(|| self.no_room(project))?;
        let done = self.blobs.join(project, parts, name, bytes_max.min(bytes)).await;
        match &done {
            Ok(true) => account.settle(old, FileUsage::one(bytes), Some(hold)),
            Ok(false) => {}
            Err(_) => self.look_again(&account, project, name, old).await,
        }
        done
    }

    async fn delete_below(&self, project: ProjectId, directory: &str) -> Result<bool, StorageError> {
        if self.keeps_sums {
            return self.blobs.delete_below(project, directory).await;
        }
        let (account, counted) = self.counted(project).await?;
        drop(counted);
        let _alone = account.write().await;
        let going = self.usage_below(project, directory).await?;
        // If the deletion fails, the next change counts all files.
        let used = account.forget_used();
        let is_gone = self.blobs.delete_below(project, directory).await?;
        if let Some(used) = used {
            account.set_used(if is_gone { used.without(going) } else { used });
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
        self.stage_within(project, contents, bytes_max, None).await
    }

    async fn commit(&self, project: ProjectId, staged: Box<dyn Staged>, name: &str) -> Result<(), StorageError> {
        let name = name.to_owned();
        let change = |inner: Arc<Inner>| async move { inner.commit(project, staged, &name).await };
        self.change(change).await
    }

    async fn stat(&self, project: ProjectId, name: &str) -> Result<Option<BlobInfo>, StorageError> {
        self.inner.blobs.stat(project, name).await
    }

    async fn read(&self, project: ProjectId, name: &str, range: ByteRange) -> Result<Option<OpenBlob>, StorageError> {
        self.inner.blobs.read(project, name, range).await
    }

    async fn list(&self, project: ProjectId, page: ListRequest<'_>) -> Result<Vec<BlobItem>, StorageError> {
        self.inner.blobs.list(project, page).await
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

    async fn usage(&self, project: ProjectId) -> Result<Option<FileUsage>, StorageError> {
        self.inner.blobs.usage(project).await
    }

    /// Only a storage that keeps sums itself may offer them, since their bytes are not counted here.
    fn direct_transfers(&self) -> Option<&dyn DirectTransfers> {
        let keeps_sums = self.inner.keeps_sums;
        self.inner.blobs.direct_transfers().filter(|_| keeps_sums)
    }

    async fn collect(&self, project: ProjectId) -> Result<Collected, StorageError> {
        self.inner.blobs.collect(project).await
    }
}
