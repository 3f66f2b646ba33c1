//! Uploads. A file of less than a part is one request, and a larger one is sent in parts. Its objects are complete before it gets
//! a name, so the name is a record only.
//!
//! An upload holds one part in memory, in one piece. A second one, which is sent while the next is received, is a spare one that
//! all share. So the memory of many uploads is little more than a part for each.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::bucket::Bucket;
use super::extent::Extent;
use super::multipart::{Upload, afterwards};
use super::object_id::ObjectId;
use crate::convert::to_u64;
use crate::storage::permits::{Permits, ProjectPermits};
use crate::storage::{BlobStream, ProjectId, Staged, StorageError};

/// Size of a part: the least that S3 takes. Some stores want all parts alike.
pub(super) const PART_BYTES: usize = 5 << 20;
/// Size up to which a file waits in memory without a permit. There are at most as many such files as
/// requests.
const SMALL_BYTES: usize = 1 << 20;
/// Number of uploads that hold a part at the same time: 320 MiB.
const UPLOADS_MAX: usize = 64;
/// Number of those that one project may have.
const UPLOADS_OF_A_PROJECT: usize = UPLOADS_MAX / 2;
/// Number of parts that are sent while the next one of their upload is received.
const SPARE_PARTS: usize = 1;
/// Number of buffers that are kept for later parts.
const BUFFERS_KEPT: usize = 4;

/// Memory for the parts of all uploads.
pub(super) struct Memory {
    uploads: ProjectPermits,
    spare: Arc<Semaphore>,
    buffers: Arc<Buffers>,
}

/// Buffers of parts that are not in use. Without them glibc would keep much more of what threads free.
#[derive(Default)]
struct Buffers(Mutex<Vec<Vec<u8>>>);

/// The memory of a part. It is kept for a later one when this is dropped.
struct Part {
    bytes: Vec<u8>,
    buffers: Arc<Buffers>,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        // No code that may panic runs under the lock.
        let mut kept = self.buffers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < BUFFERS_KEPT {
            kept.push(bytes);
        }
    }
}

impl Memory {
    pub(super) fn new() -> Self {
        Self::of(UPLOADS_MAX, UPLOADS_OF_A_PROJECT)
    }

    pub(super) fn of(uploads: usize, of_a_project: usize) -> Self {
        Self {
            uploads: ProjectPermits::new(uploads, of_a_project),
            spare: Arc::new(Semaphore::new(SPARE_PARTS)),
            buffers: Arc::default(),
        }
    }

    fn buffer(&self) -> Part {
        let kept = self.buffers.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Part {
            bytes: kept.unwrap_or_else(|| Vec::with_capacity(PART_BYTES)),
            buffers: Arc::clone(&self.buffers),
        }
    }

    /// Waits for room for a part.
    pub(super) async fn for_part(&self, project: ProjectId) -> Result<Permits, StorageError> {
        self.uploads.take(project, 1).await
    }

    /// Room for a part, if there is some now.
    #[cfg(test)]
    pub(super) fn for_part_now(&self, project: ProjectId) -> Option<Permits> {
        futures_util::FutureExt::now_or_never(self.for_part(project))?.ok()
    }
}

/// Receives a stream to its end.
pub(super) async fn receive(
    bucket: &Arc<Bucket>,
    memory: &Memory,
    project: ProjectId,
    contents: BlobStream,
    bytes_max: u64,
) -> Result<S3Staged, StorageError> {
    let mut source = Source::new(contents, bytes_max);
    let mut written = Written::new(bucket, project);
    let mut small = Vec::new();
    source.fill(&mut small, SMALL_BYTES).await?;
    if small.len() < SMALL_BYTES {
        written.put(small.into()).await?;
    } else {
        let _room = memory.for_part(project).await?;
        let mut part = memory.buffer();
        part.bytes.append(&mut small);
        drop(small);
        source.fill(&mut part.bytes, PART_BYTES).await?;
        if part.bytes.len() < PART_BYTES {
            written.put(Bytes::from_owner(part)).await?;
        } else {
            send_in_parts(bucket, memory, &mut source, part, &mut written).await?;
        }
    }
    Ok(S3Staged {
        size: source.size,
        digest: source.hash.finalize().into(),
        written,
    })
}

/// Sends a first part and the rest of a stream: as one object, or as several if it is very large.
async fn send_in_parts(
    bucket: &Arc<Bucket>,
    memory: &Memory,
    source: &mut Source,
    mut part: Part,
    written: &mut Written,
) -> Result<(), StorageError> {
    let mut upload = Upload::begin(bucket, written.project).await?;
    while !part.bytes.is_empty() {
        if upload.is_full() {
            written.extents.push(upload.complete().await?);
            upload = Upload::begin(bucket, written.project).await?;
        }
        let spare = Arc::clone(&memory.spare).try_acquire_owned().ok();
        upload.send(Bytes::from_owner(part), spare).await?;
        part = memory.buffer();
        source.fill(&mut part.bytes, PART_BYTES).await?;
    }
    written.extents.push(upload.complete().await?);
    Ok(())
}

/// A stream that is cut into parts, counted and hashed.
struct Source {
    contents: BlobStream,
    /// Received bytes that belong to the next part.
    rest: Bytes,
    hash: Sha256,
    size: u64,
    bytes_max: u64,
}

impl Source {
    fn new(contents: BlobStream, bytes_max: u64) -> Self {
        Self {
            contents,
            rest: Bytes::new(),
            hash: Sha256::new(),
            size: 0,
            bytes_max,
        }
    }

    /// Fills a part up to `bytes` bytes. It has fewer only at the end of the stream. The bytes are copied, since a received chunk
    /// may hold a much larger buffer.
    async fn fill(&mut self, part: &mut Vec<u8>, bytes: usize) -> Result<(), StorageError> {
        while part.len() < bytes {
            if self.rest.is_empty() {
                let Some(piece) = self.contents.recv().await else { break };
                self.rest = piece?;
                self.count()?;
            }
            let piece = self.rest.split_to(self.rest.len().min(bytes - part.len()));
            part.extend_from_slice(&piece);
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), StorageError> {
        let bytes = to_u64(self.rest.len());
        self.size = self.size.saturating_add(bytes);
        if self.size > self.bytes_max {
            let most = self.bytes_max;
            return Err(StorageError::TooLarge(format!("a blob of more than {most} bytes")));
        }
        self.hash.update(&self.rest);
        Ok(())
    }
}

/// Objects that no record names yet. They are deleted when this is dropped, unless they are kept.
pub(super) struct Written {
    bucket: Arc<Bucket>,
    project: ProjectId,
    pub(super) extents: Vec<Extent>,
}

impl Written {
    fn new(bucket: &Arc<Bucket>, project: ProjectId) -> Self {
        Self {
            bucket: Arc::clone(bucket),
            project,
            extents: Vec::new(),
        }
    }

    /// Stores bytes as one object. No bytes need none.
    async fn put(&mut self, contents: Bytes) -> Result<(), StorageError> {
        if contents.is_empty() {
            return Ok(());
        }
        let object = ObjectId::fresh()?;
        let size = to_u64(contents.len());
        // It may be stored even if there is no answer.
        self.extents.push(Extent { object, size });
        self.bucket.put(self.project, object, contents).await
    }

    /// Keeps the objects: they have a name, or may have one.
    pub(super) fn keep(mut self) {
        self.extents.clear();
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let objects: Vec<ObjectId> = self.extents.iter().map(|extent| extent.object).collect();
        if !objects.is_empty() {
            let (bucket, project) = (Arc::clone(&self.bucket), self.project);
            afterwards(async move { bucket.delete(project, &objects).await });
        }
    }
}

/// A received file without a name. Its objects are deleted when this is dropped.
pub(super) struct S3Staged {
    pub(super) size: u64,
    pub(super) digest: [u8; 32],
    pub(super) written: Written,
}

impl Staged for S3Staged {
    fn size(&self) -> u64 {
        self.size
    }

    fn digest(&self) -> [u8; 32] {
        self.digest
    }
}
