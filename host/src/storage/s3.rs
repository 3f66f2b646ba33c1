//! Blobs in an S3-compatible store, with their names in records of the host. An object is written once under a key of its own,
//! `<prefix>/7/objects/<id>` in project 7, and never renamed, copied or replaced. The index (`index`) says which name has which
//! objects. So any number of hosts may share a bucket, if they share the records.
//!
//! A crash or a lost answer leaves objects without a name. The collection (`collection`) removes them a day later, and those of
//! files that were replaced or deleted.
//!
//! The memory of all uploads is bounded (`upload`). An upload that needs more waits, and its client with it.

use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use object_store::aws::AmazonS3;

use self::bucket::Bucket;
use self::index::{Entry, Index, NewFile};
pub use self::place::{S3Keys, S3Location};
use self::upload::S3Staged;
pub use self::verification::{ComparedFile, ComparedPage};
use super::{
    BlobInfo, BlobItem, BlobStream, Blobs, ByteRange, Collected, DirectTransfers, FileUsage, ListRequest, OpenBlob,
    PerProject, ProjectId, Records, Staged, StorageError, validate_blob_name, validate_join, validate_list,
};

mod answer;
mod bucket;
mod collection;
mod direct;
mod download;
mod extent;
mod index;
mod multipart;
mod object_id;
mod owner;
mod parts;
mod place;
#[cfg(test)]
pub(super) mod tests;
mod upload;
mod verification;

/// Blobs in a part of a bucket. Cheap to clone; all clones share one state.
#[derive(Clone)]
pub struct S3Blobs {
    bucket: Arc<Bucket>,
    index: Arc<Index>,
    memory: Arc<upload::Memory>,
    place: S3Location,
    /// Signs addresses for clients. `None`: they get none.
    signer: Option<Arc<AmazonS3>>,
}

impl S3Blobs {
    /// Connects to the store and tries the operations that the server needs. The names of files are in these records, in spaces
    /// that no project has. Fails when the store cannot be used; the error is one sentence without a secret.
    pub async fn open(place: &S3Location, records: Arc<dyn Records>) -> anyhow::Result<Self> {
        let place = place.clone().completed()?;
        let bucket = Bucket::connect(&place).with_context(|| format!("cannot use {place}"))?;
        bucket.check().await.with_context(|| format!("cannot use {place}"))?;
        Ok(Self::new(bucket, place, records))
    }

    fn new(bucket: Bucket, place: S3Location, records: Arc<dyn Records>) -> Self {
        Self {
            bucket: Arc::new(bucket),
            index: Arc::new(Index::new(records)),
            memory: Arc::new(upload::Memory::new()),
            place,
            signer: None,
        }
    }

    /// Offers direct transfers: clients get addresses at which they send and fetch bytes without this host. They reach the store at
    /// `endpoint`; `None`: at the address that the host uses.
    ///
    /// # Errors
    /// Fails when the endpoint is no address.
    pub fn with_direct_transfers(self, endpoint: Option<String>) -> anyhow::Result<Self> {
        let place = S3Location {
            endpoint: endpoint.or_else(|| self.place.endpoint.clone()),
            ..self.place.clone()
        };
        let (signer, _) = place.completed()?.connect()?;
        Ok(Self {
            signer: Some(Arc::new(signer)),
            ..self
        })
    }

    /// Marks the objects as belonging to the records with this short, unique identity. The first caller sets
    /// the mark. Fails, in one sentence, when they carry another mark: servers with other records would delete each
    /// other's objects.
    pub async fn belong_to(&self, owner: &str) -> anyhow::Result<()> {
        owner::mark(&self.bucket, &self.place, owner).await
    }

    /// Fails, in one sentence, unless the objects belong to the records of one of these identities.
    ///
    /// # Errors
    /// Fails also when the store does not answer.
    pub async fn must_belong_to(&self, owners: &[&str]) -> anyhow::Result<()> {
        owner::must_be_of(&self.bucket, &self.place, owners).await
    }

    /// Passes the objects of one owner on to another one. The records must be the same on both sides.
    ///
    /// # Errors
    /// Fails when they belong to neither, or the store does not answer.
    pub async fn pass_on(&self, from: &str, to: &str) -> anyhow::Result<()> {
        owner::pass_on(&self.bucket, &self.place, from, to).await
    }

    /// Checks that each file of a project has all its objects in the store, with the sizes that the index says, and that the sums are
    /// right. Returns the sums.
    ///
    /// # Errors
    /// Names the file that is not whole. Fails also when the store or the records do not answer.
    pub async fn verify(&self, project: ProjectId) -> Result<FileUsage, StorageError> {
        verification::verify(&self.bucket, &self.index, project).await
    }

    /// Compares some files of a project with their objects, those after a key of the page before; `reads_bytes`: by their SHA-256
    /// too. A file that a server deletes meanwhile may seem not to be whole.
    ///
    /// # Errors
    /// Fails when the store or the records do not answer.
    pub async fn compare(
        &self,
        project: ProjectId,
        after: Option<&[u8]>,
        reads_bytes: bool,
    ) -> Result<ComparedPage, StorageError> {
        verification::page(&self.bucket, &self.index, project, after, reads_bytes).await
    }

    /// Runs a change in a task of its own, so that it is whole even if the caller stops waiting.
    async fn change<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, StorageError>> + Send + 'static,
    ) -> Result<T, StorageError> {
        let given_up = |_| Err(StorageError::Unavailable("the change of a file was given up".into()));
        tokio::spawn(change).await.unwrap_or_else(given_up)
    }
}

/// True if these records name files of a project in a store.
///
/// # Errors
/// Fails when the records cannot be read.
pub async fn names_files(records: Arc<dyn Records>, project: ProjectId) -> Result<bool, StorageError> {
    let usage = Index::new(records).usage(project).await?;
    Ok(usage.files > 0)
}

/// The number of the space in which the names of a project's files are. No project has such a number.
pub fn index_space(project: ProjectId) -> ProjectId {
    index::space(project)
}

#[async_trait]
impl Blobs for S3Blobs {
    async fn stage(
        &self,
        project: ProjectId,
        contents: BlobStream,
        bytes_max: u64,
    ) -> Result<Box<dyn Staged>, StorageError> {
        let staged = upload::receive(&self.bucket, &self.memory, project, contents, bytes_max);
        Ok(Box::new(staged.await?))
    }

    async fn commit(&self, project: ProjectId, staged: Box<dyn Staged>, name: &str) -> Result<(), StorageError> {
        validate_blob_name(name)?;
        let Ok(staged) = staged.into_any().downcast::<S3Staged>() else {
            return Err(StorageError::Unavailable(
                "the bytes were staged by another storage".into(),
            ));
        };
        let S3Staged { size, digest, written } = *staged;
        let new = NewFile {
            size,
            digest: Some(digest),
            extents: written.extents.clone(),
        };
        let (index, name) = (Arc::clone(&self.index), name.to_owned());
        self.change(async move {
            let named = index.name(project, &name, &new).await;
            if matches!(named, Ok(()) | Err(StorageError::Unavailable(_))) {
                // After a lost answer they may have a name. If not, they are collected.
                written.keep();
            }
            named
        })
        .await
    }

    async fn stat(&self, project: ProjectId, name: &str) -> Result<Option<BlobInfo>, StorageError> {
        validate_blob_name(name)?;
        Ok(match self.index.find(project, name).await? {
            Some(Entry::File(file)) => Some(file.info()),
            _ => None,
        })
    }

    async fn read(&self, project: ProjectId, name: &str, range: ByteRange) -> Result<Option<OpenBlob>, StorageError> {
        validate_blob_name(name)?;
        let Some(Entry::File(file)) = self.index.find(project, name).await? else {
            return Ok(None);
        };
        let extents = self.index.extents(project, file.content, file.size).await?;
        let contents = download::open(&self.bucket, project, extent::slices(&extents, range)).await?;
        Ok(Some(OpenBlob {
            info: file.info(),
            contents,
        }))
    }

    async fn list(&self, project: ProjectId, page: ListRequest<'_>) -> Result<Vec<BlobItem>, StorageError> {
        validate_list(page.directory, page.limit)?;
        self.index.list(project, page).await
    }

    async fn delete(&self, project: ProjectId, name: &str) -> Result<bool, StorageError> {
        validate_blob_name(name)?;
        let (index, name) = (Arc::clone(&self.index), name.to_owned());
        self.change(async move { index.delete(project, &name).await }).await
    }

    async fn join(
        &self,
        project: ProjectId,
        parts: &[String],
        name: &str,
        bytes_max: u64,
    ) -> Result<bool, StorageError> {
        validate_join(parts, name)?;
        let (index, parts, name) = (Arc::clone(&self.index), parts.to_vec(), name.to_owned());
        self.change(async move { index.join(project, &parts, &name, bytes_max).await })
            .await
    }

    async fn delete_below(&self, project: ProjectId, directory: &str) -> Result<bool, StorageError> {
        if !directory.is_empty() {
            validate_blob_name(directory)?;
        }
        let (index, directory) = (Arc::clone(&self.index), directory.to_owned());
        self.change(async move { index.delete_below(project, &directory).await })
            .await
    }

    async fn usage(&self, project: ProjectId) -> Result<Option<FileUsage>, StorageError> {
        self.index.usage(project).await.map(Some)
    }

    fn keep_below(&self, max: PerProject<FileUsage>) -> bool {
        self.index.keep_below(max);
        true
    }

    fn direct_transfers(&self) -> Option<&dyn DirectTransfers> {
        self.signer.is_some().then_some(self as &dyn DirectTransfers)
    }

    async fn collect(&self, project: ProjectId) -> Result<Collected, StorageError> {
        collection::pass(&self.bucket, &self.index, project).await
    }
}
