//! The stored parts of multipart uploads. They lie below a directory of their own, outside the paths of
//! artifacts. A part's digest is in its blob's name. So the part that a client names is the one it sent,
//! whatever is uploaded later.

use super::blobs;
use super::blobs::{failed, or_none};
use crate::bindings::mlforge::plugin::blobs as host;
use crate::domain::artifact::ArtifactPath;
use crate::domain::upload::{NamedPart, PartNumber, UploadId};
use crate::error::Result;

/// The directory of all parts.
const DIRECTORY: &str = "p";

/// A stored part.
pub struct Part {
    /// The number and digest by which clients name it.
    pub named: NamedPart,
    /// The size in bytes.
    pub size: u64,
}

fn directory(upload: UploadId) -> String {
    format!("{DIRECTORY}/{upload}")
}

fn name(upload: UploadId, part: &NamedPart) -> String {
    format!("{DIRECTORY}/{upload}/{:05}-{}", part.number, part.digest)
}

/// All stored parts of an upload. Several of them may have the same number.
pub async fn list(upload: UploadId) -> Result<Vec<Part>> {
    let items = blobs::list_names(directory(upload)).await?;
    let part = |item: blobs::Item| {
        let (number, digest) = item.name.split_once('-')?;
        let named = NamedPart::parse(number.parse().ok()?, digest).ok()?;
        Some(Part {
            named,
            size: item.size?,
        })
    };
    Ok(items.into_iter().filter_map(part).collect())
}

/// Stores received bytes as a part.
pub async fn commit(staged: blobs::Staged, upload: UploadId, number: PartNumber) -> Result<NamedPart> {
    let digest = staged.digest().iter().map(|byte| format!("{byte:02x}")).collect();
    let part = NamedPart { number, digest };
    host::commit(staged, name(upload, &part)).await.map_err(failed)?;
    Ok(part)
}

/// Deletes a part, if it exists.
pub async fn delete(upload: UploadId, part: &NamedPart) -> Result<()> {
    or_none(host::delete(name(upload, part)).await).map(drop)
}

/// Joins parts to a file. `false`: a part does not exist.
pub async fn join(upload: UploadId, parts: &[NamedPart], path: &ArtifactPath) -> Result<bool> {
    let parts = parts.iter().map(|part| name(upload, part)).collect();
    host::join(parts, blobs::name(path), u64::MAX).await.map_err(failed)
}

/// Deletes all parts of an upload.
pub async fn delete_all(upload: UploadId) -> Result<()> {
    or_none(host::delete_below(directory(upload)).await).map(drop)
}

/// A page of uploads that have parts.
pub struct UploadsWithParts {
    /// The ids in ascending order.
    pub ids: Vec<UploadId>,
    /// The last id of the page.
    pub last: Option<UploadId>,
    /// True if no uploads follow.
    pub is_last: bool,
}

/// The uploads with parts after an id, from one listing of at most `limit` names.
pub async fn uploads(after: Option<UploadId>, limit: usize) -> Result<UploadsWithParts> {
    let page = blobs::page(DIRECTORY.to_owned(), after.map(|id| id.to_string()), limit).await?;
    // Other names in this directory are ignored.
    let ids = page.items.iter().filter_map(|item| UploadId::parse(&item.name).ok());
    let ids: Vec<UploadId> = ids.collect();
    Ok(UploadsWithParts {
        last: ids.last().copied(),
        is_last: page.is_last,
        ids,
    })
}
