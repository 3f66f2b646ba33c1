//! The owner mark of a prefix: an object that names the records to which the objects belong, and the layout of the keys. Servers
//! with separate records on one prefix would take each other's objects for unused ones.

use anyhow::{bail, ensure};
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

/// Fails unless the objects carry the mark of one of these owners.
pub(super) async fn must_be_of(bucket: &Bucket, place: &S3Location, owners: &[&str]) -> anyhow::Result<()> {
    let key = bucket.key_of(KEY).map_err(told)?;
    let found = bucket.read(&key).await.map_err(told)?;
    let is_known = |found: &Bytes| owners.iter().any(|owner| *found == format!("{owner} {LAYOUT}"));
    ensure!(
        found.is_some_and(|found| is_known(&found)),
        "the files at {place} are not those of the data directory: name the location that its server had"
    );
    Ok(())
}

/// Passes the objects of one owner on to another one, whose they may be already.
pub(super) async fn pass_on(bucket: &Bucket, place: &S3Location, from: &str, to: &str) -> anyhow::Result<()> {
    must_be_of(bucket, place, &[from, to]).await?;
    let key = bucket.key_of(KEY).map_err(told)?;
    let mark = Bytes::from(format!("{to} {LAYOUT}"));
    bucket.replace(&key, mark).await.map_err(told)
}

fn told(error: StorageError) -> anyhow::Error {
    anyhow::anyhow!("{error}")
}
