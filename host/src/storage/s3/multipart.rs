//! A multipart upload: an object that is sent or copied in parts, and exists once it is completed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use object_store::multipart::PartId;
use object_store::path::Path;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::bucket::{Bucket, ObjectVersion};
use crate::storage::StorageError;
use crate::storage::permits::Permits;

/// Maximum number of parts of an object in S3.
pub(super) const PARTS_MAX: usize = 10_000;
/// Number of parts being sent at the same time. One is sent while the next one is received.
const SENT_AT_ONCE: usize = 1;
/// Size of a copied part. S3 copies at most 5 GiB in one part.
pub(super) const COPY_BYTES: u64 = 256 << 20;
const COPIES_AT_ONCE: usize = 8;

/// A multipart upload. If it is dropped before it is completed, its parts are removed.
pub(super) struct Upload {
    bucket: Arc<Bucket>,
    key: Path,
    id: Arc<String>,
    /// Number of parts begun.
    pub(super) begun: usize,
    sending: JoinSet<Result<(usize, PartId), StorageError>>,
    sent: BTreeMap<usize, PartId>,
    is_complete: bool,
}

impl Upload {
    pub(super) async fn begin(bucket: &Arc<Bucket>, key: Path) -> Result<Self, StorageError> {
        let id = bucket.begin(&key).await?;
        Ok(Self {
            bucket: Arc::clone(bucket),
            key,
            id: Arc::new(id),
            begun: 0,
            sending: JoinSet::new(),
            sent: BTreeMap::new(),
            is_complete: false,
        })
    }

    /// Begins to send the next part, after the former one is sent. `room` is returned when the part is sent.
    pub(super) async fn send(&mut self, pieces: Vec<Bytes>, room: Option<Permits>) -> Result<(), StorageError> {
        self.until_sent(SENT_AT_ONCE - 1).await?;
        let (bucket, key, id) = (Arc::clone(&self.bucket), self.key.clone(), Arc::clone(&self.id));
        let index = self.next_index()?;
        self.sending.spawn(async move {
            let _room = room;
            Ok((index, bucket.put_part(&key, &id, index, pieces).await?))
        });
        Ok(())
    }

    /// Begins to copy the next part from another object.
    pub(super) async fn copy(&mut self, from: ObjectVersion, range: Range<u64>) -> Result<(), StorageError> {
        self.until_sent(COPIES_AT_ONCE - 1).await?;
        let (bucket, key, id) = (Arc::clone(&self.bucket), self.key.clone(), Arc::clone(&self.id));
        let index = self.next_index()?;
        self.sending
            .spawn(async move { Ok((index, bucket.copy_part(&from, range, (&key, &id, index)).await?)) });
        Ok(())
    }

    fn next_index(&mut self) -> Result<usize, StorageError> {
        if self.begun == PARTS_MAX {
            return Err(StorageError::TooLarge(format!("a blob of more than {PARTS_MAX} parts")));
        }
        self.begun += 1;
        Ok(self.begun - 1)
    }

    /// Waits until at most `under_way` parts are being sent.
    pub(super) async fn until_sent(&mut self, under_way: usize) -> Result<(), StorageError> {
        while self.sending.len() > under_way
            && let Some(sent) = self.sending.join_next().await
        {
            let (index, part) =
                sent.unwrap_or_else(|_| Err(StorageError::Unavailable("the sending of a part was given up".into())))?;
            self.sent.insert(index, part);
        }
        Ok(())
    }

    /// Completes the upload: the object appears, or replaces an old one, atomically.
    pub(super) async fn complete(mut self) -> Result<(), StorageError> {
        self.until_sent(0).await?;
        let parts = std::mem::take(&mut self.sent).into_values().collect();
        self.bucket.complete(&self.key, &self.id, parts).await?;
        self.is_complete = true;
        Ok(())
    }

    /// Completes the upload as a temporary object.
    pub(super) async fn into_object(self) -> Result<Passing, StorageError> {
        let passing = Passing {
            bucket: Arc::clone(&self.bucket),
            key: self.key.clone(),
        };
        self.complete().await?;
        Ok(passing)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.is_complete {
            self.sending.abort_all();
            let (bucket, key, id) = (Arc::clone(&self.bucket), self.key.clone(), Arc::clone(&self.id));
            afterwards(async move { bucket.abort(&key, &id).await });
        }
    }
}

/// A temporary object. It is deleted when dropped.
pub(super) struct Passing {
    pub(super) bucket: Arc<Bucket>,
    pub(super) key: Path,
}

impl Drop for Passing {
    fn drop(&mut self) {
        let (bucket, key) = (Arc::clone(&self.bucket), self.key.clone());
        afterwards(async move { bucket.delete(&key).await });
    }
}

/// Runs cleanup in the background. If it fails, or the process ends before, a later sweep removes the rest.
fn afterwards(work: impl Future<Output = Result<(), StorageError>> + Send + 'static) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(async move {
            if let Err(error) = work.await {
                tracing::warn!(
                    ?error,
                    "cannot clean up after an upload; a later start removes the rest"
                );
            }
        });
    }
}
