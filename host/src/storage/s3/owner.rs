//! The owner mark of a prefix: an object that names the records to which the objects belong, and the layout of the keys. Servers
//! with separate records on one prefix would take each other's objects for unused ones.

use anyhow::bail;
use bytes::Bytes;

use super::bucket::Bucket;
use super::place::S3Location;
use crate::storage::StorageError;

/// Key of the mark after the prefix. No project has this number.
const KEY: &str = "owner";
/// The layout of keys. The first one named objects after files, and its mark had the owner only.
const LAYOUT: &str = "objects";

/// Marks the objects as this owner's. Fails when they carry another owner's mark, or have another layout.
pub(super) async fn mark(bucket: &Bucket, place: &S3Location, owner: &str) -> anyhow::Result<()> {
    let key = bucket.key_of(KEY).map_err(told)?;
    let mark = Bytes::from(format!("{owner} {LAYOUT}"));
    let mut found = bucket.read(&key).await.map_err(told)?;
    if found.is_none() {
        bucket.put_if_absent(&key, mark.clone()).await.map_err(told)?;
        // Another server may have stored its mark first.
        found = bucket.read(&key).await.map_err(told)?;
    }
    match found {
        Some(found) if found == mark => Ok(()),
        Some(found) if *found == *owner.as_bytes() => bail!(
            "the files at {place} were stored by an earlier mlforge, which named objects after files: export the projects with \
             that one, and import them here with another prefix"
        ),
        _ => bail!(
            "the files at {place} belong to the records of another server: give each server a prefix of its own, or delete the \
             object {key} if that server is gone for good"
        ),
    }
}

fn told(error: StorageError) -> anyhow::Error {
    anyhow::anyhow!("{error}")
}
