//! Downloads: the objects of a file, one after the other. A broken connection is resumed where it broke off, since an object
//! never changes. A connection that a slow client keeps waiting may break.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::sync::mpsc;

use super::bucket::Bucket;
use super::extent::Slice;
use crate::convert::to_u64;
use crate::storage::{BlobStream, ProjectId, StorageError};

/// Number of chunks that may wait for a slow reader.
const CHUNKS_BUFFERED_MAX: usize = 2;
/// Maximum number of resumptions in a row without a byte received.
const RESUMES_MAX: u32 = 3;

type Incoming = BoxStream<'static, Result<Bytes, object_store::Error>>;

/// Opens slices of a project's objects as one stream. It fails at once if the first cannot be read.
pub(super) async fn open(
    bucket: &Arc<Bucket>,
    project: ProjectId,
    slices: Vec<Slice>,
) -> Result<BlobStream, StorageError> {
    let (pieces, contents) = mpsc::channel(CHUNKS_BUFFERED_MAX);
    let mut slices = slices.into_iter();
    if let Some(slice) = slices.next() {
        let bucket = Arc::clone(bucket);
        let bytes = open_slice(&bucket, project, &slice).await?;
        let mut download = Download {
            bucket,
            project,
            slice,
            bytes,
        };
        tokio::spawn(async move {
            while download.deliver(&pieces).await {
                let Some(slice) = slices.next() else { return };
                if let Err(error) = download.go_on(slice).await {
                    _ = pieces.send(Err(error)).await;
                    return;
                }
            }
        });
    }
    Ok(contents)
}

async fn open_slice(bucket: &Bucket, project: ProjectId, slice: &Slice) -> Result<Incoming, StorageError> {
    let opened = bucket.get(project, slice.object, slice.range.clone()).await?;
    let missing = || StorageError::Unavailable(format!("the object {} is missing", slice.object.text()));
    Ok(opened.ok_or_else(missing)?.into_stream())
}

/// A slice on its way.
struct Download {
    bucket: Arc<Bucket>,
    project: ProjectId,
    /// The rest that is still to come.
    slice: Slice,
    bytes: Incoming,
}

impl Download {
    async fn go_on(&mut self, slice: Slice) -> Result<(), StorageError> {
        self.bytes = open_slice(&self.bucket, self.project, &slice).await?;
        self.slice = slice;
        Ok(())
    }

    /// Sends the bytes of the slice. Returns `false` if it could not, or if the reader went away.
    async fn deliver(&mut self, pieces: &mpsc::Sender<Result<Bytes, StorageError>>) -> bool {
        let mut resumes = 0;
        while !self.slice.range.is_empty() {
            let next = tokio::select! {
                next = self.bytes.next() => next,
                () = pieces.closed() => return false,
            };
            let piece = match next {
                Some(Ok(piece)) if piece.is_empty() => continue,
                Some(Ok(piece)) => {
                    resumes = 0;
                    self.slice.range.start += to_u64(piece.len());
                    Ok(piece)
                }
                _ if resumes < RESUMES_MAX => {
                    resumes += 1;
                    match open_slice(&self.bucket, self.project, &self.slice).await {
                        Ok(bytes) => {
                            self.bytes = bytes;
                            continue;
                        }
                        Err(error) => Err(error),
                    }
                }
                broken => Err(broken_off(broken)),
            };
            let failed = piece.is_err();
            if pieces.send(piece).await.is_err() || failed {
                return false;
            }
        }
        true
    }
}

fn broken_off(broken: Option<Result<Bytes, object_store::Error>>) -> StorageError {
    let why = match broken {
        Some(Err(error)) => error.to_string(),
        _ => "it ended early".to_owned(),
    };
    StorageError::Unavailable(format!("the reading of a file broke off: {why}"))
}
