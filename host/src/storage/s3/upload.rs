//! Uploads. A small file is kept in memory until it has its name. A large one is sent in parts to a key of
//! its own, where S3 shows it to nobody before it is completed. From there it is copied within S3 to its
//! name.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use sha2::{Digest, Sha256};

use super::bucket::{Bucket, ObjectVersion};
use super::join;
use super::multipart::Upload;
use crate::convert::to_u64;
use crate::storage::permits::{Permits, ProjectPermits};
use crate::storage::{BlobStream, ProjectId, Staged, StorageError};

/// Sizes of parts, `PARTS_OF_A_SIZE` of each size. S3 takes no part below 5 MiB, and some stores want all
/// parts alike. The first 20 GB go in the smallest parts.
const PART_BYTES: [usize; 4] = [8 << 20, 64 << 20, 256 << 20, 256 << 20];
const PARTS_OF_A_SIZE: usize = 2_500;
/// Size up to which a file waits in memory without a permit. There are at most as many such files as
/// requests.
const SMALL_BYTES: usize = 1 << 20;

/// Memory for the parts of one upload.
pub(super) struct Memory<'a> {
    permits: &'a ProjectPermits,
    project: ProjectId,
}

impl<'a> Memory<'a> {
    pub(super) fn new(permits: &'a ProjectPermits, project: ProjectId) -> Self {
        Self { permits, project }
    }

    /// Waits for room for a part. A waiting upload holds at most the part that is being sent, which ends by
    /// itself.
    async fn for_part(&self, index: usize) -> Result<Permits, StorageError> {
        let units = part_bytes(index)?.div_ceil(part_bytes(0)?);
        self.permits
            .take(self.project, u32::try_from(units).unwrap_or(u32::MAX))
            .await
    }
}

/// Receives a stream to its end.
pub(super) async fn receive(
    bucket: &Arc<Bucket>,
    memory: Memory<'_>,
    contents: BlobStream,
    bytes_max: u64,
) -> Result<S3Staged, StorageError> {
    let mut source = Source::new(contents, bytes_max);
    let mut part = Part::default();
    source.fill(&mut part, SMALL_BYTES).await?;
    if part.bytes < SMALL_BYTES {
        return Ok(source.staged(Contents::Held(Arc::clone(bucket), part.pieces, None)));
    }
    let mut room = memory.for_part(0).await?;
    let smallest = part_bytes(0)?;
    source.fill(&mut part, smallest).await?;
    if part.bytes < smallest {
        return Ok(source.staged(Contents::Held(Arc::clone(bucket), part.pieces, Some(room))));
    }
    let mut upload = Upload::begin(bucket, bucket.fresh_key()?).await?;
    while part.bytes > 0 {
        upload.send(part.pieces, Some(room)).await?;
        room = memory.for_part(upload.begun).await?;
        part = Part::default();
        source.fill(&mut part, part_bytes(upload.begun)?).await?;
    }
    upload.until_sent(0).await?;
    Ok(source.staged(Contents::Sent(upload)))
}

/// Size of the part with this index.
fn part_bytes(index: usize) -> Result<usize, StorageError> {
    let size = PART_BYTES.get(index / PARTS_OF_A_SIZE).copied();
    size.ok_or_else(|| StorageError::TooLarge(format!("a blob of more than {index} parts")))
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

#[derive(Default)]
struct Part {
    pieces: Vec<Bytes>,
    bytes: usize,
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

    /// Fills a part up to `bytes` bytes. It has fewer only at the end of the stream.
    async fn fill(&mut self, part: &mut Part, bytes: usize) -> Result<(), StorageError> {
        while part.bytes < bytes {
            if self.rest.is_empty() {
                let Some(piece) = self.contents.recv().await else { break };
                self.rest = piece?;
                self.count()?;
            }
            let piece = self.rest.split_to(self.rest.len().min(bytes - part.bytes));
            if !piece.is_empty() {
                part.bytes += piece.len();
                part.pieces.push(piece);
            }
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

    fn staged(self, contents: Contents) -> S3Staged {
        S3Staged {
            size: self.size,
            digest: self.hash.finalize().into(),
            contents,
        }
    }
}

/// A received file without a name. Its bytes are discarded when dropped.
pub(super) struct S3Staged {
    size: u64,
    digest: [u8; 32],
    contents: Contents,
}

enum Contents {
    /// In memory, with the permit for it unless the file is small.
    Held(Arc<Bucket>, Vec<Bytes>, Option<Permits>),
    /// All parts are in the store.
    Sent(Upload),
}

impl S3Staged {
    /// Makes it the object of this key, atomically.
    pub(super) async fn name(self, key: Path) -> Result<(), StorageError> {
        let upload = match self.contents {
            Contents::Held(bucket, pieces, _room) => return bucket.put(&key, pieces).await,
            Contents::Sent(upload) => upload,
        };
        let passing = upload.into_object().await?;
        let source = ObjectVersion {
            key: passing.key.clone(),
            // No tag is needed, because nobody else knows the key.
            tag: None,
            size: self.size,
        };
        join::join(&passing.bucket, vec![source], key).await
    }
}

impl Staged for S3Staged {
    fn size(&self) -> u64 {
        self.size
    }

    fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::s3::multipart::PARTS_MAX;

    #[test]
    fn parts_are_many_and_large_enough_for_a_terabyte() {
        let all: usize = (0..PARTS_MAX).map(|index| part_bytes(index).unwrap()).sum();
        assert!(all > 1 << 40 && part_bytes(PARTS_MAX).is_err());
        // The parts of equal size hold the largest file that a server takes by default.
        assert!(PARTS_OF_A_SIZE * PART_BYTES[0] > 16 << 30);
    }
}
