//! Direct transfers. Clients send and fetch bytes at signed addresses of the store, and no byte passes the host.

use super::blobs::{failed, name};
use crate::bindings::mlforge::plugin::direct_transfers as host;
use crate::domain::artifact::ArtifactPath;
use crate::error::Result;

/// A request that a client sends to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest {
    /// The absolute address.
    pub url: String,
    /// Names and values of the headers that it must carry.
    pub headers: Vec<(String, String)>,
}

/// An upload that has begun.
pub struct DirectUpload {
    /// The host's name of it.
    pub id: String,
    /// A PUT for each part, in their order.
    pub parts: Vec<SignedRequest>,
}

/// A request that fetches a file, or a range of it.
pub struct SignedDownload {
    /// The request.
    pub request: SignedRequest,
    /// Number of bytes of the whole file.
    pub size: u64,
}

/// The outcome of completing an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The file has its name.
    Done,
    /// There is no such upload, or no longer.
    Absent,
    /// The store has no part of this number with this `ETag`.
    MissingPart(u32),
    /// A part other than the last is smaller than the store takes.
    SmallPart {
        /// Number of the part, from 1.
        number: u32,
        /// The least number of bytes.
        bytes_min: u64,
    },
}

/// True if the host offers direct transfers.
pub fn is_offered() -> bool {
    host::offered()
}

/// Begins an upload whose addresses are good until `expires_ms`, in milliseconds since the Unix epoch. `None`: the host offers none.
pub async fn begin(parts: u32, expires_ms: u64) -> Result<Option<DirectUpload>> {
    let begun = host::begin(parts, expires_ms).await.map_err(failed)?;
    Ok(begun.map(|upload| DirectUpload {
        id: upload.id,
        parts: upload.parts.into_iter().map(request).collect(),
    }))
}

/// Completes an upload of the parts with these ETags, and gives the file its path. A repeated call changes nothing.
pub async fn complete(id: &str, etags: Vec<String>, path: &ArtifactPath) -> Result<Completion> {
    let completed = host::complete(id.to_owned(), etags, name(path)).await.map_err(failed)?;
    Ok(match completed {
        host::Completion::Done => Completion::Done,
        host::Completion::Absent => Completion::Absent,
        host::Completion::MissingPart(number) => Completion::MissingPart(number),
        host::Completion::SmallPart((number, bytes_min)) => Completion::SmallPart { number, bytes_min },
    })
}

/// Aborts an upload. One that does not exist, or is completed, stays as it is.
pub async fn abort(id: &str) -> Result<()> {
    host::abort(id.to_owned()).await.map_err(failed)
}

/// Signs the GET of a file. `None`: there is no such file, or only the host can send it.
pub async fn sign_download(path: &ArtifactPath) -> Result<Option<SignedDownload>> {
    let signed = host::sign_download(name(path)).await.map_err(failed)?;
    Ok(signed.map(|download| SignedDownload {
        request: request(download.request),
        size: download.size,
    }))
}

fn request(signed: host::SignedRequest) -> SignedRequest {
    SignedRequest {
        url: signed.url,
        headers: signed.headers,
    }
}
