//! The owner mark of a prefix: an object that names the records to which the files belong. Two servers with
//! separate records on one prefix would take each other's files for unused ones.

use anyhow::bail;
use bytes::Bytes;
use object_store::GetOptions;
use object_store::path::Path;

use super::bucket::Bucket;
use super::place::S3Location;
use super::told;
use crate::storage::StorageError;

/// Key of the mark after the prefix. No project has this number.
const KEY: &str = "owner";
/// Number of bytes that no mark exceeds.
const BYTES_MAX: u64 = 1 << 10;

/// Marks the files as this owner's. Fails when they carry another owner's mark.
pub(super) async fn mark(bucket: &Bucket, place: &S3Location, owner: &str) -> anyhow::Result<()> {
    let key = bucket.key_of(KEY).map_err(told)?;
    let mut found = read(bucket, &key).await.map_err(told)?;
    if found.is_none() {
        let mark = Bytes::copy_from_slice(owner.as_bytes());
        bucket.put_if_absent(&key, mark).await.map_err(told)?;
        // Another server may have stored its mark first.
        found = read(bucket, &key).await.map_err(told)?;
    }
    if found.as_deref() != Some(owner.as_bytes()) {
        bail!(
            "the files at {place} belong to the records of another server: give each server a prefix of its own, or delete the \
             object {key} if that server is gone for good"
        );
    }
    Ok(())
}

async fn read(bucket: &Bucket, key: &Path) -> Result<Option<Bytes>, StorageError> {
    let Some(object) = bucket.get(key, GetOptions::default()).await? else {
        return Ok(None);
    };
    if object.meta.size > BYTES_MAX {
        return Ok(Some(Bytes::new()));
    }
    let bytes = object.bytes().await;
    bytes
        .map(Some)
        .map_err(|error| StorageError::Unavailable(format!("cannot read {key}: {error}")))
}
