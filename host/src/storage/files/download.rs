//! Bytes on their way out: pieces of an open file, each read in a thread that may block.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{blocking, unavailable};
use crate::storage::StorageError;

/// The most bytes of the first piece, which is read when the file is opened: all of a small file.
const FIRST_BYTES: u64 = 16 << 10;
/// The most bytes of any other piece.
const PIECE_BYTES: u64 = 128 << 10;

/// What of a file is still to be read, from where it stands.
pub(super) struct Download {
    file: File,
    /// In bytes. The file has as many: it never changes.
    left: u64,
}

impl Download {
    /// At most `length` bytes from `offset`, of a file of so many bytes: the first piece, empty when there is none, and what
    /// follows it.
    pub(super) fn begin(mut file: File, size: u64, offset: u64, length: u64) -> Result<(Bytes, Self), StorageError> {
        let offset = offset.min(size);
        let sought = file.seek(SeekFrom::Start(offset));
        sought.map_err(unavailable("cannot read a file"))?;
        let left = length.min(size - offset);
        Self { file, left }.read(space(left.min(FIRST_BYTES)))
    }

    /// Nothing is left.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Sends what is left, until the reader goes. It takes a thread for a piece at a time only.
    pub(super) async fn deliver(mut self, pieces: mpsc::Sender<Result<Bytes, StorageError>>) {
        while !self.is_done() {
            // Taken here and not in that thread: an allocator may keep what is freed for the thread that asked for it.
            let space = space(self.left.min(PIECE_BYTES));
            match blocking(move || self.read(space)).await {
                Ok((piece, rest)) => {
                    self = rest;
                    if pieces.send(Ok(piece)).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    // The reader may have gone.
                    _ = pieces.send(Err(error)).await;
                    return;
                }
            }
        }
    }

    /// A piece that fills the space, or all that is left.
    fn read(mut self, mut space: Vec<u8>) -> Result<(Bytes, Self), StorageError> {
        let wanted = self.left.min(u64::try_from(space.capacity()).unwrap_or(u64::MAX));
        let read = (&self.file).take(wanted).read_to_end(&mut space);
        let read = u64::try_from(read.map_err(unavailable("cannot read a file"))?).unwrap_or(0);
        if read < wanted {
            return Err(StorageError::Unavailable("a file is shorter than it was".into()));
        }
        self.left -= read;
        Ok((space.into(), self))
    }
}

/// Room for so many bytes.
fn space(bytes: u64) -> Vec<u8> {
    Vec::with_capacity(usize::try_from(bytes).unwrap_or(0))
}
