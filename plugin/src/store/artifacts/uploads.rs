//! Uploads in parts. A record shows that an upload is in progress, and its parts are among the host's blobs.
//! The record exists before the first part and is removed before the last one. So parts without a record
//! belong to no upload.
//!
//! The parts of a direct upload go to the store of files, and its record has the host's name of it.

use crate::domain::artifact::ArtifactPath;
use crate::domain::upload::{NamedPart, PartNumber, SentPart, Upload, UploadId};
use crate::error::{Error, Result};
use crate::host::blobs::Staged;
use crate::host::direct_transfers::{self, Completion};
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

/// Begins an upload, and removes a direct one from the store if that fails.
pub async fn create(id: UploadId, upload: &Upload) -> Result<()> {
    let created = record(id, upload).await;
    if let (Err(_), Some(direct)) = (&created, &upload.direct) {
        // The first error counts. The store removes the rest after a day.
        _ = direct_transfers::abort(direct).await;
    }
    created
}

async fn record(id: UploadId, upload: &Upload) -> Result<()> {
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

/// Reads an upload that still takes parts here.
async fn load_open(id: UploadId, now_ms: i64) -> Result<Upload> {
    match load(id, now_ms).await? {
        upload if upload.is_done || upload.direct.is_some() => Err(id.not_found()),
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

/// Makes the file of the parts. A second call finds the upload completed and does nothing.
pub async fn complete(id: UploadId, path: &ArtifactPath, sent: &[SentPart], now_ms: i64) -> Result<()> {
    let upload = load(id, now_ms).await?;
    must_lead_to(&upload, path)?;
    if upload.is_done {
        return Ok(());
    }
    upload.must_be_all(sent)?;
    let is_made = match &upload.direct {
        Some(direct) => complete_direct(direct, path, sent).await?,
        None => join(id, path, sent).await?,
    };
    if !is_made {
        // Another request may have completed the upload a moment before.
        return match load(id, now_ms).await? {
            upload if upload.is_done => Ok(()),
            upload if upload.direct.is_some() => Err(id.not_found()),
            _ => Err(missing(id, sent).await?),
        };
    }
    let is_direct = upload.direct.is_some();
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
    if is_direct {
        return Ok(());
    }
    parts::delete_all(id).await
}

/// Joins the stored parts. Returns false if one does not exist.
async fn join(id: UploadId, path: &ArtifactPath, sent: &[SentPart]) -> Result<bool> {
    let named = sent.iter().map(SentPart::named).collect::<Result<Vec<_>>>()?;
    artifacts::join(path, id, &named).await
}

/// Lets the host complete a direct upload. Returns false if it does not exist any more.
async fn complete_direct(direct: &str, path: &ArtifactPath, sent: &[SentPart]) -> Result<bool> {
    let etags = sent.iter().map(|part| part.etag.clone()).collect();
    match artifacts::complete_direct(path, direct, etags).await? {
        Completion::Done => Ok(true),
        Completion::Absent => Ok(false),
        Completion::MissingPart(number) => Err(Error::Invalid(format!(
            "The store has no part {number} with the etag that was given for it: send the part first."
        ))),
        Completion::SmallPart { number, bytes_min } => Err(Error::Invalid(format!(
            "Part {number} is too small: each part but the last has at least {bytes_min} bytes."
        ))),
    }
}

/// Aborts an upload. One that does not exist, or is completed, stays as it is.
pub async fn abort(id: UploadId, path: &ArtifactPath, now_ms: i64) -> Result<()> {
    let given_up = transact(async |change| {
        let [record] = get([keys::upload(id)]).await?;
        let upload = record.decode(read_upload)?;
        let Some(upload) = upload.filter(|upload| !upload.is_done && now_ms < upload.expires_ms()) else {
            return Ok(None);
        };
        must_lead_to(&upload, path)?;
        change.require_version(keys::upload(id), record.version);
        change.delete(keys::upload(id));
        Ok(Some(upload))
    })
    .await?;
    match given_up {
        Some(upload) => remove_parts(id, upload.direct.as_deref()).await,
        None => Ok(()),
    }
}

/// Removes all parts of an upload whose record is gone.
pub(super) async fn remove_parts(id: UploadId, direct: Option<&str>) -> Result<()> {
    match direct {
        Some(direct) => direct_transfers::abort(direct).await,
        None => parts::delete_all(id).await,
    }
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

async fn missing(id: UploadId, sent: &[SentPart]) -> Result<Error> {
    let stored = parts::list(id).await?;
    let is_stored = |part: &SentPart| {
        let is_it = |other: &parts::Part| other.named.number == part.number && other.named.digest == part.etag;
        stored.iter().any(is_it)
    };
    Ok(match sent.iter().find(|part| !is_stored(part)) {
        Some(part) => Error::Invalid(format!(
            "No part {} with the etag \"{}\" was received: send it first.",
            part.number, part.etag
        )),
        None => Error::Contended,
    })
}
