//! Uploads in parts. A record shows that an upload is in progress, and its parts are among the host's blobs.
//! The record exists before the first part and is removed before the last one. So parts without a record
//! belong to no upload.

use crate::domain::artifact::ArtifactPath;
use crate::domain::upload::{NamedPart, PartNumber, Upload, UploadId};
use crate::error::{Error, Result};
use crate::host::blobs::Staged;
use crate::host::records::{ABSENT, get, transact};
use crate::host::{blobs, parts};
use crate::store::codec::upload::{read_upload, write_upload};
use crate::store::{artifacts, keys};

/// A part that may be sent.
pub struct Slot {
    upload: UploadId,
    number: PartNumber,
    /// Largest number of bytes of the part, so that the file is not too large.
    pub bytes_max: u64,
    /// Parts that were stored for the same number before.
    earlier: Vec<NamedPart>,
}

/// Begins an upload.
pub async fn create(id: UploadId, upload: &Upload) -> Result<()> {
    transact(async |change| {
        artifacts::owner_of(&upload.path).await?.require_unchanged(change);
        change.require_version(keys::upload(id), ABSENT);
        change.put(keys::upload(id), write_upload(upload));
        Ok(())
    })
    .await
}

/// Reads an upload that has not expired.
async fn load(id: UploadId, now_ms: i64) -> Result<Upload> {
    let [record] = get([keys::upload(id)]).await?;
    let upload = record.decode(read_upload)?;
    upload
        .filter(|upload| upload.is_alive(now_ms))
        .ok_or_else(|| id.not_found())
}

/// Reads an upload that still takes parts.
async fn load_open(id: UploadId, now_ms: i64) -> Result<Upload> {
    match load(id, now_ms).await? {
        upload if upload.is_done => Err(id.not_found()),
        upload => Ok(upload),
    }
}

/// Prepares to receive a part. Parts that arrive at the same time may exceed the limit of a file together.
/// The check here only saves their transfer; the check when the file is joined decides.
pub async fn slot(upload: UploadId, number: PartNumber, now_ms: i64) -> Result<Slot> {
    load_open(upload, now_ms).await?.must_have_part(number)?;
    let (earlier, others): (Vec<_>, Vec<_>) = parts::list(upload)
        .await?
        .into_iter()
        .partition(|part| part.named.number == number);
    let taken = others.iter().fold(0, |sum: u64, part| sum.saturating_add(part.size));
    Ok(Slot {
        upload,
        number,
        bytes_max: blobs::bytes_max().saturating_sub(taken),
        earlier: earlier.into_iter().map(|part| part.named).collect(),
    })
}

/// Stores a part and removes earlier ones of its number. If the upload ended meanwhile, it removes the part
/// and returns an error.
pub async fn put_part(slot: Slot, staged: Staged, now_ms: i64) -> Result<NamedPart> {
    let stored = parts::commit(staged, slot.upload, slot.number).await?;
    for earlier in slot.earlier.iter().filter(|earlier| **earlier != stored) {
        parts::delete(slot.upload, earlier).await?;
    }
    if let Err(error) = load_open(slot.upload, now_ms).await {
        parts::delete(slot.upload, &stored).await?;
        return Err(error);
    }
    Ok(stored)
}

/// Joins the parts into the file. A second call finds the upload completed and does nothing.
pub async fn complete(id: UploadId, path: &ArtifactPath, named: &[NamedPart], now_ms: i64) -> Result<()> {
    let upload = load(id, now_ms).await?;
    must_lead_to(&upload, path)?;
    if upload.is_done {
        return Ok(());
    }
    upload.must_be_all(named)?;
    if !artifacts::join(path, id, named).await? {
        // Another request may have completed the upload a moment before.
        return match load(id, now_ms).await?.is_done {
            true => Ok(()),
            false => Err(missing(id, named).await?),
        };
    }
    let done = Upload {
        is_done: true,
        ..upload
    };
    transact(async |change| {
        // The record is also written if the upload was aborted at the same time: it was completed before
        // that.
        change.put(keys::upload(id), write_upload(&done));
        Ok(())
    })
    .await?;
    parts::delete_all(id).await
}

/// Aborts an upload. One that does not exist, or is completed, stays as it is.
pub async fn abort(id: UploadId, path: &ArtifactPath, now_ms: i64) -> Result<()> {
    let is_given_up = transact(async |change| {
        let [record] = get([keys::upload(id)]).await?;
        let upload = record.decode(read_upload)?;
        let Some(upload) = upload.filter(|upload| !upload.is_done && now_ms < upload.expires_ms()) else {
            return Ok(false);
        };
        must_lead_to(&upload, path)?;
        change.require_version(keys::upload(id), record.version);
        change.delete(keys::upload(id));
        Ok(true)
    })
    .await?;
    if is_given_up {
        parts::delete_all(id).await?;
    }
    Ok(())
}

fn must_lead_to(upload: &Upload, path: &ArtifactPath) -> Result<()> {
    // An upload that began under an earlier version of this server may have its file's name in the form of
    // that version.
    if upload.path.as_str() == path.as_str() || path.earlier().is_some_and(|earlier| upload.path == earlier) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "This upload is one of another file than '{path}'."
    )))
}

async fn missing(id: UploadId, named: &[NamedPart]) -> Result<Error> {
    let stored = parts::list(id).await?;
    let absent = named
        .iter()
        .find(|part| !stored.iter().any(|other| other.named == **part));
    Ok(match absent {
        Some(part) => Error::Invalid(format!(
            "No part {} with the etag \"{}\" was received: send it first.",
            part.number, part.digest
        )),
        None => Error::Contended,
    })
}
