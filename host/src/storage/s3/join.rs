//! Joins several objects into one. S3 itself copies ranges of at least 5 MiB. Smaller files are downloaded,
//! collected into parts, and sent back.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;

use super::bucket::{Bucket, ObjectVersion};
use super::download;
use super::multipart::{COPY_BYTES, Upload};
use crate::convert::to_u64;
use crate::storage::StorageError;

/// Minimum size of a part in S3, except for the last one.
const PART_BYTES_MIN: u64 = 5 << 20;
/// Number of bytes of small files that are collected into one part.
const GATHERED_BYTES: u64 = 8 << 20;
const LOOKS_AT_ONCE: usize = 16;

/// Returns the current versions of these keys. `None`: one of them is absent.
pub(super) async fn versions(bucket: &Bucket, keys: Vec<Path>) -> Result<Option<Vec<ObjectVersion>>, StorageError> {
    let looked = stream::iter(keys).map(|key| bucket.version(key));
    let versions: Vec<_> = looked.buffered(LOOKS_AT_ONCE).try_collect().await?;
    Ok(versions.into_iter().collect())
}

/// Makes one object of others, atomically.
pub(super) async fn join(bucket: &Arc<Bucket>, sources: Vec<ObjectVersion>, to: Path) -> Result<(), StorageError> {
    let bytes: u64 = sources.iter().map(|source| source.size).sum();
    if bytes <= GATHERED_BYTES {
        let mut gathered = Gathered::default();
        for source in &sources {
            gathered.take(bucket, source, 0, source.size).await?;
        }
        return bucket.put(&to, gathered.pieces).await;
    }
    let mut target = Upload::begin(bucket, to).await?;
    let mut gathered = Gathered::default();
    for source in sources {
        append(bucket, &mut target, &mut gathered, source).await?;
    }
    if gathered.bytes > 0 {
        target.send(gathered.pieces, None).await?;
    }
    target.complete().await
}

/// Copies ranges that are large enough, and collects the rest.
async fn append(
    bucket: &Arc<Bucket>,
    target: &mut Upload,
    gathered: &mut Gathered,
    source: ObjectVersion,
) -> Result<(), StorageError> {
    let mut start = 0;
    while start < source.size {
        let left = source.size - start;
        if gathered.bytes == 0 && left >= PART_BYTES_MIN {
            // A rest that is too small for a part of its own is copied with the range before it.
            let count = if left < COPY_BYTES + PART_BYTES_MIN {
                left
            } else {
                COPY_BYTES
            };
            target.copy(source.clone(), start..start + count).await?;
            start += count;
            continue;
        }
        let count = left.min(GATHERED_BYTES - gathered.bytes);
        gathered.take(bucket, &source, start, count).await?;
        start += count;
        if gathered.bytes == GATHERED_BYTES {
            target.send(std::mem::take(gathered).pieces, None).await?;
        }
    }
    Ok(())
}

/// Collected bytes of small files.
#[derive(Default)]
struct Gathered {
    pieces: Vec<Bytes>,
    bytes: u64,
}

impl Gathered {
    async fn take(
        &mut self,
        bucket: &Arc<Bucket>,
        source: &ObjectVersion,
        offset: u64,
        count: u64,
    ) -> Result<(), StorageError> {
        let mut stream = download::of_version(bucket, source, offset, count).await?;
        let mut missing = count;
        while let Some(piece) = stream.recv().await {
            let piece = piece?;
            missing = missing.saturating_sub(to_u64(piece.len()));
            self.pieces.push(piece);
        }
        if missing > 0 {
            return Err(StorageError::Unavailable(
                "a file became shorter while it was joined".into(),
            ));
        }
        self.bytes += count;
        Ok(())
    }
}
