//! The parts of uploads, as the host keeps them: below a directory of their own, where the path of no artifact leads.
//! What a part holds is in its name, so that what a client names is what it sent, whatever comes meanwhile.

use super::blobs;
use super::blobs::failed;
use crate::bindings::mlforge::plugin::blobs as host;
use crate::domain::artifact::ArtifactPath;
use crate::domain::upload::{NamedPart, PartNumber, UploadId};
use crate::error::Result;

/// Where all parts lie.
const DIRECTORY: &str = "p";

/// A stored part.
pub struct Part {
    /// What a client names it by.
    pub named: NamedPart,
    /// In bytes.
    pub size: u64,
}

fn directory(upload: UploadId) -> String {
    format!("{DIRECTORY}/{upload}")
}

fn name(upload: UploadId, part: &NamedPart) -> String {
    format!("{DIRECTORY}/{upload}/{:05}-{}", part.number, part.digest)
}

/// What was stored for an upload, several parts of one number too.
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

/// Stores what was received as a part.
pub async fn commit(staged: blobs::Staged, upload: UploadId, number: PartNumber) -> Result<NamedPart> {
    let digest = staged.digest().iter().map(|byte| format!("{byte:02x}")).collect();
    let part = NamedPart { number, digest };
    host::commit(staged, name(upload, &part)).await.map_err(failed)?;
    Ok(part)
}

/// Removes a part, if it is there.
pub async fn delete(upload: UploadId, part: &NamedPart) -> Result<()> {
    host::delete(name(upload, part)).await.map(drop).map_err(failed)
}

/// Makes a file of parts; `false` when one is not there.
pub async fn join(upload: UploadId, parts: &[NamedPart], path: &ArtifactPath) -> Result<bool> {
    let parts = parts.iter().map(|part| name(upload, part)).collect();
    host::join(parts, blobs::name(path), u64::MAX).await.map_err(failed)
}

/// Removes all parts of an upload.
pub async fn delete_all(upload: UploadId) -> Result<()> {
    host::delete_below(directory(upload)).await.map(drop).map_err(failed)
}

/// Some uploads that have parts.
pub struct UploadsWithParts {
    /// In the order of their ids.
    pub ids: Vec<UploadId>,
    /// How far they reach.
    pub last: Option<UploadId>,
    /// There are none behind them.
    pub is_last: bool,
}

/// Some uploads behind one of them that have parts: as many as one listing of at most `limit` names shows.
pub async fn uploads(after: Option<UploadId>, limit: usize) -> Result<UploadsWithParts> {
    let page = blobs::page(DIRECTORY.to_owned(), after.map(|id| id.to_string()), limit).await?;
    // What else lies there is none of ours.
    let ids = page.items.iter().filter_map(|item| UploadId::parse(&item.name).ok());
    let ids: Vec<UploadId> = ids.collect();
    Ok(UploadsWithParts {
        last: ids.last().copied(),
        is_last: page.is_last,
        ids,
    })
}
