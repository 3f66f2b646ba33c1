//! An object that is sent or copied in parts, and is there once all of them are put together.

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

/// The most that S3 makes an object of.
pub(super) const PARTS_MAX: usize = 10_000;
/// One part is sent while the next one is received.
const SENT_AT_ONCE: usize = 1;
/// S3 copies at most 5 GiB in one part.
pub(super) const COPY_BYTES: u64 = 256 << 20;
const COPIES_AT_ONCE: usize = 8;

/// An object that is made of parts. What was sent is removed when it is dropped before it is complete.
pub(super) struct Upload {
    bucket: Arc<Bucket>,
    key: Path,
    id: Arc<String>,
    /// How many parts were begun.
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

    /// Begins to send the next part, once the former one is sent. `room` is given back when it is.
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

    /// Waits until at most so many parts are under way.
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

    /// Puts the parts together: the object is there, or an old one is replaced, at once.
    pub(super) async fn complete(mut self) -> Result<(), StorageError> {
        self.until_sent(0).await?;
        let parts = std::mem::take(&mut self.sent).into_values().collect();
        self.bucket.complete(&self.key, &self.id, parts).await?;
        self.is_complete = true;
        Ok(())
    }

    /// The same, for an object that is needed for a moment.
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

/// An object that is deleted when dropped.
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

/// Does what nobody waits for. What fails, or is cut short by the end of the process, is swept later.
fn afterwards(work: impl Future<Output = Result<(), StorageError>> + Send + 'static) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(async move {
            if let Err(error) = work.await {
                tracing::warn!(?error, "something unfinished stays in the store until it is swept");
            }
        });
    }
}
