//! Downloads: chunks of an open file, each read in a blocking thread.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{blocking, unavailable};
use crate::convert::to_u64;
use crate::storage::{ByteRange, StorageError};

/// Maximum number of bytes of the first chunk, which is read when the file is opened. It holds all of a small
/// file.
const FIRST_BYTES: u64 = 16 << 10;
/// Maximum number of bytes of any other chunk.
const PIECE_BYTES: u64 = 128 << 10;

/// The unread part of a file, from the file's current position.
pub(super) struct Download {
    file: File,
    /// Number of unread bytes. The file has them, because files never change.
    left: u64,
}

impl Download {
    /// Begins to read a part of a file of `size` bytes. Returns the first
    /// chunk, which is empty when there are no bytes, and the rest.
    pub(super) fn begin(mut file: File, size: u64, range: ByteRange) -> Result<(Bytes, Self), StorageError> {
        let offset = range.offset.min(size);
        let sought = file.seek(SeekFrom::Start(offset));
        sought.map_err(unavailable("cannot read a file"))?;
        let left = range.length.min(size - offset);
        Self { file, left }.read(space(left.min(FIRST_BYTES)))
    }

    /// True if no bytes are left.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Sends the rest until the reader goes away. Each chunk takes a thread only while it is read.
    pub(super) async fn deliver(mut self, pieces: mpsc::Sender<Result<Bytes, StorageError>>) {
        while !self.is_done() {
            // Allocated here and not in the blocking thread, because an allocator may keep freed memory for
            // the thread that allocated it.
            let space = space(self.left.min(PIECE_BYTES));
            match blocking(move || self.read(space)).await {
                Ok((piece, rest)) => {
                    self = rest;
                    if pieces.send(Ok(piece)).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    // The reader may be gone.
                    _ = pieces.send(Err(error)).await;
                    return;
                }
            }
        }
    }

    /// Reads a chunk that fills the buffer, or all that is left.
    fn read(mut self, mut space: Vec<u8>) -> Result<(Bytes, Self), StorageError> {
        let wanted = self.left.min(to_u64(space.capacity()));
        let read = (&self.file).take(wanted).read_to_end(&mut space);
        let read = u64::try_from(read.map_err(unavailable("cannot read a file"))?).unwrap_or(0);
        if read < wanted {
            return Err(StorageError::Unavailable("a file is shorter than it was".into()));
        }
        self.left -= read;
        Ok((space.into(), self))
    }
}

/// An empty buffer with this capacity.
fn space(bytes: u64) -> Vec<u8> {
    Vec::with_capacity(usize::try_from(bytes).unwrap_or(0))
}
