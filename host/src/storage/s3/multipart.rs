//! A multipart upload: an object that is sent in parts, and exists once it is completed.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use object_store::multipart::PartId;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

use super::bucket::Bucket;
use super::extent::Extent;
use super::object_id::ObjectId;
use crate::convert::to_u64;
use crate::storage::{ProjectId, StorageError};

/// Maximum number of parts of an object in S3.
pub(super) const PARTS_MAX: usize = 10_000;

/// A multipart upload. If it is dropped before it is completed, its parts are removed.
pub(super) struct Upload {
    bucket: Arc<Bucket>,
    project: ProjectId,
    object: ObjectId,
    id: Arc<String>,
    /// Number of parts begun, and their bytes.
    begun: usize,
    bytes: u64,
    sending: JoinSet<Result<(usize, PartId), StorageError>>,
    sent: BTreeMap<usize, PartId>,
    is_complete: bool,
}

impl Upload {
    pub(super) async fn begin(bucket: &Arc<Bucket>, project: ProjectId) -> Result<Self, StorageError> {
        let object = ObjectId::fresh()?;
        let id = bucket.begin(project, object).await?;
        Ok(Self {
            bucket: Arc::clone(bucket),
            project,
            object,
            id: Arc::new(id),
            begun: 0,
            bytes: 0,
            sending: JoinSet::new(),
            sent: BTreeMap::new(),
            is_complete: false,
        })
    }

    /// True if the object can have no further part.
    pub(super) fn is_full(&self) -> bool {
        self.begun >= PARTS_MAX
    }

    /// Sends the next part, after the former one is sent. With `room` it only begins to, and returns the room when the part is
    /// sent.
    pub(super) async fn send(
        &mut self,
        contents: Bytes,
        room: Option<OwnedSemaphorePermit>,
    ) -> Result<(), StorageError> {
        self.until_sent().await?;
        let (bucket, id) = (Arc::clone(&self.bucket), Arc::clone(&self.id));
        let (project, object, index) = (self.project, self.object, self.begun);
        self.begun += 1;
        self.bytes = self.bytes.saturating_add(to_u64(contents.len()));
        let is_awaited = room.is_none();
        self.sending.spawn(async move {
            let _room = room;
            Ok((index, bucket.put_part((project, object, &id), index, contents).await?))
        });
        if is_awaited {
            self.until_sent().await?;
        }
        Ok(())
    }

    async fn until_sent(&mut self) -> Result<(), StorageError> {
        while let Some(sent) = self.sending.join_next().await {
            let (index, part) =
                sent.unwrap_or_else(|_| Err(StorageError::Unavailable("the sending of a part was given up".into())))?;
            self.sent.insert(index, part);
        }
        Ok(())
    }

    /// Completes the upload: the object appears, atomically.
    pub(super) async fn complete(mut self) -> Result<Extent, StorageError> {
        self.until_sent().await?;
        let parts = std::mem::take(&mut self.sent).into_values().collect();
        let upload = (self.project, self.object, &*self.id);
        if !self.bucket.complete(upload, parts, self.bytes).await? {
            return Err(StorageError::Unavailable("an object was given up".to_owned()));
        }
        self.is_complete = true;
        Ok(Extent {
            object: self.object,
            size: self.bytes,
        })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.is_complete {
            self.sending.abort_all();
            let (bucket, id) = (Arc::clone(&self.bucket), Arc::clone(&self.id));
            let (project, object) = (self.project, self.object);
            afterwards(async move { bucket.abort(project, object, &id).await });
        }
    }
}

/// Runs cleanup in the background. If it fails, or the process ends before, the collection of objects removes the rest.
pub(super) fn afterwards(work: impl Future<Output = Result<(), StorageError>> + Send + 'static) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(async move {
            if let Err(error) = work.await {
                tracing::warn!(?error, "cannot clean up after an upload; it is removed later");
            }
        });
    }
}
