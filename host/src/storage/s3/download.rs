//! Downloads: one version of an object, whatever happens to its key meanwhile. A broken connection is resumed
//! where it broke off. A connection that a slow client keeps waiting may break.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResult};
use tokio::sync::mpsc;

use super::bucket::{Bucket, ObjectVersion, info};
use crate::convert::to_u64;
use crate::storage::{BlobStream, ByteRange, OpenBlob, StorageError};

/// Number of chunks that may wait for a slow reader.
const CHUNKS_BUFFERED_MAX: usize = 2;
/// Maximum number of resumptions in a row without a byte received.
const RESUMES_MAX: u32 = 3;

/// Opens a range of an object. `None`: there is no object.
pub(super) async fn open(
    bucket: &Arc<Bucket>,
    key: Path,
    ByteRange { offset, length }: ByteRange,
) -> Result<Option<OpenBlob>, StorageError> {
    let (pieces, contents) = mpsc::channel(CHUNKS_BUFFERED_MAX);
    // S3 knows no range of no bytes, and none after the end. For these, only the metadata of the object is
    // read.
    let opened = match length {
        0 => Err(StorageError::Unavailable("a range of no bytes".into())),
        _ => bucket.get(&key, part(offset, length, None)).await,
    };
    match opened {
        Ok(None) => Ok(None),
        Ok(Some(opened)) => {
            let info = info(&opened);
            tokio::spawn(Download::new(bucket, key, opened).deliver(pieces));
            Ok(Some(OpenBlob { info, contents }))
        }
        Err(error) => match bucket.look_at(&key).await? {
            Some(info) if length > 0 && offset < info.size => Err(error),
            found => Ok(found.map(|info| OpenBlob { info, contents })),
        },
    }
}

/// Opens a range of this version of an object. Fails when the object is absent or has another version.
pub(super) async fn of_version(
    bucket: &Arc<Bucket>,
    version: &ObjectVersion,
    offset: u64,
    length: u64,
) -> Result<BlobStream, StorageError> {
    let (pieces, stream) = mpsc::channel(CHUNKS_BUFFERED_MAX);
    if length > 0 {
        let options = part(offset, length, version.tag.clone());
        let opened = bucket.get(&version.key, options).await?;
        let opened = opened.ok_or_else(|| StorageError::Unavailable("a file went away while it was read".into()))?;
        tokio::spawn(Download::new(bucket, version.key.clone(), opened).deliver(pieces));
    }
    Ok(stream)
}

/// Options for one version of an object, or a range of it.
fn part(offset: u64, length: u64, tag: Option<String>) -> GetOptions {
    let end = offset.saturating_add(length);
    let range = match (offset, end) {
        (0, u64::MAX) => None,
        (_, u64::MAX) => Some(GetRange::Offset(offset)),
        _ => Some(GetRange::Bounded(offset..end)),
    };
    GetOptions {
        range,
        if_match: tag,
        ..GetOptions::default()
    }
}

type Incoming = BoxStream<'static, Result<Bytes, object_store::Error>>;

struct Download {
    bucket: Arc<Bucket>,
    key: Path,
    /// The version; without it no download can be resumed.
    tag: Option<String>,
    /// The range that is still to come.
    range: Range<u64>,
    bytes: Incoming,
}

impl Download {
    fn new(bucket: &Arc<Bucket>, key: Path, opened: GetResult) -> Self {
        Self {
            bucket: Arc::clone(bucket),
            key,
            tag: opened.meta.e_tag.clone(),
            range: opened.range.clone(),
            bytes: opened.into_stream(),
        }
    }

    /// Sends all bytes until the reader goes away.
    async fn deliver(mut self, pieces: mpsc::Sender<Result<Bytes, StorageError>>) {
        let mut resumes = 0;
        while !self.range.is_empty() {
            let next = tokio::select! {
                next = self.bytes.next() => next,
                () = pieces.closed() => return,
            };
            let piece = match next {
                Some(Ok(piece)) if piece.is_empty() => continue,
                Some(Ok(piece)) => {
                    resumes = 0;
                    self.range.start += to_u64(piece.len());
                    Ok(piece)
                }
                broken if resumes < RESUMES_MAX => {
                    resumes += 1;
                    match self.resume(broken).await {
                        Ok(()) => continue,
                        Err(error) => Err(error),
                    }
                }
                broken => Err(broken_off(broken)),
            };
            let failed = piece.is_err();
            if pieces.send(piece).await.is_err() || failed {
                return;
            }
        }
    }

    async fn resume(&mut self, broken: Option<Result<Bytes, object_store::Error>>) -> Result<(), StorageError> {
        let Some(tag) = self.tag.clone() else {
            return Err(broken_off(broken));
        };
        let length = self.range.end - self.range.start;
        let options = part(self.range.start, length, Some(tag));
        match self.bucket.get(&self.key, options).await? {
            Some(opened) => self.bytes = opened.into_stream(),
            None => return Err(broken_off(broken)),
        }
        Ok(())
    }
}

fn broken_off(broken: Option<Result<Bytes, object_store::Error>>) -> StorageError {
    let why = match broken {
        Some(Err(error)) => error.to_string(),
        _ => "it ended early".to_owned(),
    };
    StorageError::Unavailable(format!("the reading of a file broke off: {why}"))
}
