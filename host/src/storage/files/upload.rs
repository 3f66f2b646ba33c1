//! Uploads: a file without a name in the project, hashed while it is written.

use std::fs::File;
use std::io::{self, Write};
#[cfg(target_os = "linux")]
use std::num::NonZeroU64;
use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};

use super::checksum::Checksum;
use super::{blocking, unavailable};
use crate::convert::to_u64;
use crate::storage::{BlobInfo, BlobStream, Staged, StorageError};

/// Number of bytes that are collected for one write. A write takes a thread for its time, so a slow client
/// takes no thread while it waits.
const BATCH_BYTES: usize = 256 << 10;

/// Number of bytes after which writing them to disk begins, while more are received. So the final sync finds
/// little to do, and a large upload does not fill the system's memory with dirty pages.
const WRITE_BACK_BYTES: u64 = 8 << 20;

/// A file that is being received. It is removed when dropped.
struct Upload {
    file: NamedTempFile,
    hash: Sha256,
    size: u64,
    /// Number of bytes whose writing to disk has begun.
    sent_on: u64,
}

/// Receives a stream to its end.
pub(super) async fn receive(
    staging: &Path,
    mut contents: BlobStream,
    bytes_max: u64,
) -> Result<FileStaged, StorageError> {
    let staging = staging.to_owned();
    let mut upload = blocking(move || Upload::begin(&staging)).await?;
    let mut bytes_left = bytes_max;
    loop {
        let batch = next_batch(&mut contents, &mut bytes_left, bytes_max).await?;
        if batch.is_empty() {
            return blocking(move || upload.finish()).await;
        }
        upload = blocking(move || upload.write(&batch)).await?;
    }
}

/// Receives the chunks of about one batch. The batch is empty at the end of the stream.
async fn next_batch(
    contents: &mut BlobStream,
    bytes_left: &mut u64,
    bytes_max: u64,
) -> Result<Vec<Bytes>, StorageError> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH_BYTES
        && let Some(piece) = contents.recv().await
    {
        let piece = piece?;
        let left = u64::try_from(piece.len())
            .ok()
            .and_then(|size| bytes_left.checked_sub(size));
        *bytes_left = left.ok_or_else(|| StorageError::TooLarge(format!("a blob of more than {bytes_max} bytes")))?;
        bytes += piece.len();
        if !piece.is_empty() {
            batch.push(piece);
        }
    }
    Ok(batch)
}

impl Upload {
    fn begin(staging: &Path) -> Result<Self, StorageError> {
        // The file is made with mode 0600.
        let file = NamedTempFile::new_in(staging).map_err(unavailable("cannot make a file"))?;
        Ok(Self {
            file,
            hash: Sha256::new(),
            size: 0,
            sent_on: 0,
        })
    }

    fn write(mut self, batch: &[Bytes]) -> Result<Self, StorageError> {
        for piece in batch {
            self.file.write_all(piece).map_err(unavailable("cannot write a file"))?;
            self.hash.update(piece);
            self.size += to_u64(piece.len());
        }
        self.send_on();
        Ok(self)
    }

    /// Begins to write the received bytes to disk, once there are enough.
    fn send_on(&mut self) {
        let length = self.size - self.sent_on;
        if length >= WRITE_BACK_BYTES {
            write_back(self.file.as_file(), self.sent_on, length);
            self.sent_on = self.size;
        }
    }

    fn finish(self) -> Result<FileStaged, StorageError> {
        let digest = self.hash.finalize().into();
        let checksum = Checksum {
            size: self.size,
            digest: Some(digest),
        };
        make_durable(self.file.as_file(), checksum)?;
        Ok(FileStaged {
            file: self.file,
            size: self.size,
            digest,
        })
    }
}

/// Makes a file durable, with its checksum where the file system keeps one.
fn make_durable(file: &File, checksum: Checksum) -> Result<(), StorageError> {
    checksum.record(file);
    file.sync_all().map_err(unavailable("cannot make a file durable"))
}

/// Returns a file's path, after setting its modification time to now.
fn into_dated_path(file: NamedTempFile) -> Result<TempPath, StorageError> {
    file.as_file()
        .set_modified(SystemTime::now())
        .map_err(unavailable("cannot date a file"))?;
    Ok(file.into_temp_path())
}

/// Asks the system to begin writing a range of a file to disk, without waiting. If it does not, only time is
/// lost.
#[cfg(target_os = "linux")]
fn write_back(file: &File, offset: u64, length: u64) {
    // Linux begins to write dirty pages, and drops only pages that are on disk already.
    _ = rustix::fs::fadvise(file, offset, NonZeroU64::new(length), rustix::fs::Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn write_back(_file: &File, _offset: u64, _length: u64) {}

/// Copies files, one after the other, into a new one. `None`: one of them is absent. The copy is made by the
/// system, which shares the bytes instead where the file system can.
pub(super) fn join(
    staging: &Path,
    parts: impl Iterator<Item = Result<Option<(File, BlobInfo)>, StorageError>>,
    bytes_max: u64,
) -> Result<Option<TempPath>, StorageError> {
    let mut joined = Upload::begin(staging)?;
    for part in parts {
        let Some((mut part, info)) = part? else { return Ok(None) };
        joined.size = joined.size.saturating_add(info.size);
        if joined.size > bytes_max {
            return Err(StorageError::TooLarge(format!("a blob of more than {bytes_max} bytes")));
        }
        io::copy(&mut part, joined.file.as_file_mut()).map_err(unavailable("cannot copy a file"))?;
        joined.send_on();
    }
    let checksum = Checksum {
        size: joined.size,
        digest: None,
    };
    make_durable(joined.file.as_file(), checksum)?;
    into_dated_path(joined.file).map(Some)
}

/// A received file. It is removed when dropped.
pub(super) struct FileStaged {
    file: NamedTempFile,
    size: u64,
    digest: [u8; 32],
}

impl FileStaged {
    /// Returns the file's path, after setting its modification time to now.
    pub(super) fn into_path(self) -> Result<TempPath, StorageError> {
        into_dated_path(self.file)
    }
}

impl Staged for FileStaged {
    fn size(&self) -> u64 {
        self.size
    }

    fn digest(&self) -> [u8; 32] {
        self.digest
    }
}
