//! Blobs in an S3-compatible store: the file `name` of project 7 is the object `<prefix>/7/<name>`.
//!
//! S3 has no rename and no directories. A small upload waits in memory for its name. A large one is sent in
//! parts to `<prefix>/staging/…`, invisible until it is complete, and copied within S3 to its name. So a
//! reader sees the old file or the new one. A crash leaves parts that no listing shows, or an object in
//! `staging`; a later start removes both. `name_locks` keeps a file and a directory from sharing a name, for
//! one server process.
//!
//! A request that gets no answer in time may still be carried out. Its name is then locked for a while
//! (`LATE_TIME`), so that the late request undoes nothing that was acknowledged. A store that takes longer
//! than that can still do so.
//!
//! The memory of all uploads is bounded (`PARTS_IN_MEMORY`). An upload that needs more waits, and its client
//! with it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use async_trait::async_trait;
use object_store::list::PaginatedListOptions;

use self::bucket::Bucket;
use self::name_locks::NameLocks;
pub use self::place::{S3Keys, S3Location};
use self::upload::S3Staged;
use super::permits::ProjectPermits;
use super::{
    BlobInfo, BlobItem, BlobStream, Blobs, ByteRange, ListRequest, OpenBlob, ProjectId, Staged, StorageError,
    validate_blob_name, validate_join, validate_list,
};
use crate::convert::to_usize;

mod answer;
mod bucket;
mod download;
#[cfg(test)]
mod fake;
mod join;
mod listing;
mod multipart;
mod name_locks;
mod owner;
mod place;
#[cfg(all(test, feature = "s3-tests"))]
mod tests;
mod upload;

/// Age after which an object or upload in `staging` counts as left by a crash. A complete upload gets its
/// name at once.
const LEFT_BEHIND: Duration = Duration::from_hours(24);
/// Time for which a name stays locked after a change of it that got no answer.
const LATE_TIME: Duration = Duration::from_secs(60);
/// Number of parts of 8 MiB that all uploads together hold in memory: 512 MiB. An upload holds the part that
/// is being received and the one that is being sent.
const PARTS_IN_MEMORY: usize = 64;
/// Number of those parts that one project may hold.
const PARTS_OF_A_PROJECT: usize = PARTS_IN_MEMORY / 2;
/// Number of those parts that a join of small files takes.
const PARTS_TO_JOIN: u32 = 2;

/// Blobs in a part of a bucket, for one server process. Cheap to clone; all clones share one state.
#[derive(Clone)]
pub struct S3Blobs {
    bucket: Arc<Bucket>,
    name_locks: Arc<NameLocks>,
    memory: Arc<ProjectPermits>,
    place: S3Location,
}

impl S3Blobs {
    /// Connects to the store, tries the operations that the server needs, and removes what a crash left a day
    /// ago or longer. Fails when the store cannot be used; the error is one sentence without a secret.
    pub async fn open(place: &S3Location) -> anyhow::Result<Self> {
        let place = place.clone().completed()?;
        let bucket = Bucket::connect(&place).with_context(|| format!("cannot use {place}"))?;
        bucket.check().await.with_context(|| format!("cannot use {place}"))?;
        if let Err(error) = sweep(&bucket, LEFT_BEHIND).await {
            let error = format!("{error:#}");
            tracing::warn!(error, "cannot remove the remains of interrupted uploads");
        }
        Ok(Self::new(bucket, place))
    }

    fn new(bucket: Bucket, place: S3Location) -> Self {
        Self {
            bucket: Arc::new(bucket),
            name_locks: Arc::default(),
            memory: Arc::new(ProjectPermits::new(PARTS_IN_MEMORY, PARTS_OF_A_PROJECT)),
            place,
        }
    }

    /// Marks the files as belonging to the records with this short, unique identity. The first caller sets
    /// the mark. Fails, in one sentence, when they carry another mark: two servers on one prefix would take
    /// each other's files for their own.
    pub async fn belong_to(&self, owner: &str) -> anyhow::Result<()> {
        owner::mark(&self.bucket, &self.place, owner).await
    }

    /// The prefix of all keys below a directory; empty: the root.
    fn directory(&self, project: ProjectId, directory: &str) -> Result<String, StorageError> {
        let root = self.bucket.root(project);
        if directory.is_empty() {
            return Ok(root);
        }
        validate_blob_name(directory)?;
        Ok(format!("{root}{directory}/"))
    }

    /// Changes a named file under the lock of its name, if `check` returns `true`. `None`: `check` returned
    /// `false`, and nothing changed. The change continues if the caller stops waiting. The lock is held until
    /// S3 answers, or for `LATE_TIME` after a change without an answer.
    async fn change<T: Send + 'static>(
        &self,
        project: ProjectId,
        name: &str,
        check: impl Future<Output = Result<bool, StorageError>> + Send + 'static,
        change: impl Future<Output = Result<T, StorageError>> + Send + 'static,
    ) -> Result<Option<T>, StorageError> {
        let (name_locks, name) = (Arc::clone(&self.name_locks), name.to_owned());
        let changed = tokio::spawn(async move {
            let claim = name_locks.take(project, &name).await;
            if !check.await? {
                return Ok(None);
            }
            let changed = change.await;
            if matches!(changed, Err(StorageError::Unavailable(_))) {
                claim.keep_for(LATE_TIME);
            }
            changed.map(Some)
        });
        changed
            .await
            .unwrap_or_else(|_| Err(StorageError::Unavailable("the change of a file was given up".into())))
    }

    /// Makes a file of this name, if no directory has that name and no file the name of one of its
    /// directories.
    async fn make(
        &self,
        project: ProjectId,
        name: &str,
        make: impl Future<Output = Result<(), StorageError>> + Send + 'static,
    ) -> Result<(), StorageError> {
        let (store, free) = (self.clone(), name.to_owned());
        let check = async move { store.refuse_shared_name(project, &free).await.map(|()| true) };
        self.change(project, name, check, make).await.map(drop)
    }

    /// Refuses a name that would make a file and a directory share it, as in a file system. The caller holds
    /// its lock.
    async fn refuse_shared_name(&self, project: ProjectId, name: &str) -> Result<(), StorageError> {
        let root = self.bucket.root(project);
        let below = |directory: &str| format!("{root}{directory}/");
        if self.bucket.holds_any(&below(name)).await? {
            return Err(StorageError::InvalidName("a directory has this name".into()));
        }
        let mut rest = name;
        while let Some((parent, _)) = rest.rsplit_once('/') {
            // This directory exists, so none of those above it is a file.
            if self.bucket.holds_any(&below(parent)).await? {
                return Ok(());
            }
            if self.bucket.look_at(&self.bucket.key(project, parent)?).await?.is_some() {
                return Err(StorageError::InvalidName(
                    "a file has the name of one of its directories".into(),
                ));
            }
            rest = parent;
        }
        Ok(())
    }
}

#[async_trait]
impl Blobs for S3Blobs {
    async fn stage(
        &self,
        project: ProjectId,
        contents: BlobStream,
        bytes_max: u64,
    ) -> Result<Box<dyn Staged>, StorageError> {
        let memory = upload::Memory::new(&self.memory, project);
        Ok(Box::new(
            upload::receive(&self.bucket, memory, contents, bytes_max).await?,
        ))
    }

    async fn commit(&self, project: ProjectId, staged: Box<dyn Staged>, name: &str) -> Result<(), StorageError> {
        validate_blob_name(name)?;
        let Ok(staged) = staged.into_any().downcast::<S3Staged>() else {
            return Err(StorageError::Unavailable(
                "the bytes were staged by another storage".into(),
            ));
        };
        let key = self.bucket.key(project, name)?;
        self.make(project, name, staged.name(key)).await
    }

    async fn stat(&self, project: ProjectId, name: &str) -> Result<Option<BlobInfo>, StorageError> {
        validate_blob_name(name)?;
        self.bucket.look_at(&self.bucket.key(project, name)?).await
    }

    async fn read(&self, project: ProjectId, name: &str, range: ByteRange) -> Result<Option<OpenBlob>, StorageError> {
        validate_blob_name(name)?;
        download::open(&self.bucket, self.bucket.key(project, name)?, range).await
    }

    async fn list(&self, project: ProjectId, page: ListRequest<'_>) -> Result<Vec<BlobItem>, StorageError> {
        validate_list(page.directory, page.limit)?;
        let root = self.directory(project, page.directory)?;
        listing::list(&self.bucket, &root, page.after, to_usize(page.limit)).await
    }

    async fn delete(&self, project: ProjectId, name: &str) -> Result<bool, StorageError> {
        validate_blob_name(name)?;
        let key = self.bucket.key(project, name)?;
        let (bucket, looked_at) = (Arc::clone(&self.bucket), key.clone());
        // S3 does not tell whether there was an object.
        let check = async move { Ok(bucket.look_at(&looked_at).await?.is_some()) };
        let bucket = Arc::clone(&self.bucket);
        let delete = async move { bucket.delete(&key).await };
        let deleted = self.change(project, name, check, delete).await?;
        Ok(deleted.is_some())
    }

    async fn join(
        &self,
        project: ProjectId,
        parts: &[String],
        name: &str,
        bytes_max: u64,
    ) -> Result<bool, StorageError> {
        validate_join(parts, name)?;
        let (bucket, key) = (Arc::clone(&self.bucket), self.bucket.key(project, name)?);
        let parts = parts.iter().map(|part| bucket.key(project, part));
        let parts = parts.collect::<Result<_, _>>()?;
        let Some(sources) = join::versions(&bucket, parts).await? else {
            return Ok(false);
        };
        let bytes: u64 = sources.iter().map(|source| source.size).sum();
        if bytes > bytes_max {
            return Err(StorageError::TooLarge(format!("a blob of more than {bytes_max} bytes")));
        }
        let permits = self.memory.take(project, PARTS_TO_JOIN).await?;
        let joined = async move {
            let _permits = permits;
            join::join(&bucket, sources, key).await
        };
        self.make(project, name, joined).await.map(|()| true)
    }

    async fn delete_below(&self, project: ProjectId, directory: &str) -> Result<bool, StorageError> {
        let root = self.directory(project, directory)?;
        let deleted = listing::delete_below(&self.bucket, &root).await;
        if deleted.is_err() && !directory.is_empty() {
            self.name_locks.hold(project, directory, LATE_TIME);
        }
        deleted
    }
}

/// Removes what a crash left: incomplete multipart uploads, and objects that were not yet copied. It handles
/// a thousand of each; the next start goes on.
async fn sweep(bucket: &Bucket, older: Duration) -> anyhow::Result<()> {
    let now = SystemTime::now();
    let is_left = |begun: SystemTime| now.duration_since(begun).unwrap_or_default() >= older;
    let staging = bucket.staging();
    for (key, id, begun) in bucket.unfinished(&staging).await? {
        if is_left(begun.into()) {
            bucket.abort(&key, &id).await.map_err(told)?;
        }
    }
    let staged = bucket.page(&staging, PaginatedListOptions::default()).await;
    for object in staged.map_err(told)?.result.objects {
        if is_left(object.last_modified.into()) {
            bucket.delete(&object.location).await.map_err(told)?;
        }
    }
    Ok(())
}

fn told(error: StorageError) -> anyhow::Error {
    anyhow::anyhow!("{error:?}")
}
