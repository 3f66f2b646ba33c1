//! The blobs with large batches of spans. They lie below a directory of their own, outside the paths of
//! artifacts, in a directory for each trace.

use super::blobs::{failed, or_none};
use super::streams;
use super::streams::stream_of;
use crate::bindings::mlforge::plugin::blobs as host;
use crate::domain::trace::id::TraceId;
use crate::error::Result;

/// The directory of all batches.
const DIRECTORY: &str = "s";

/// Largest number of bytes of a blob that are read.
const BYTES_MAX: u64 = 64 << 20;

/// True if the host keeps files.
pub fn are_kept() -> bool {
    host::file_bytes_max() > 0
}

/// Stores a batch of a trace's spans. Returns the blob's name.
pub async fn store(trace: &TraceId, unique: &str, bytes: Vec<u8>) -> Result<String> {
    let name = format!("{DIRECTORY}/{trace}/{unique}");
    let staged = streams::stage(stream_of(bytes), BYTES_MAX).await.map_err(failed)?;
    host::commit(staged, name.clone()).await.map_err(failed)?;
    Ok(name)
}

/// Reads a batch. `None`: there is no such blob.
pub async fn read(name: &str) -> Result<Option<Vec<u8>>> {
    let contents = streams::read(name.to_owned(), 0, BYTES_MAX).await.map_err(failed)?;
    Ok(match contents {
        Some(contents) => Some(contents.collect().await?),
        None => None,
    })
}

/// Removes all batches of a trace.
pub async fn delete(trace: &TraceId) -> Result<()> {
    or_none(host::delete_below(format!("{DIRECTORY}/{trace}")).await).map(drop)
}
