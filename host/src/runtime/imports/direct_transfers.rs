//! Import `mlforge:plugin/direct-transfers`, implemented with the trait `DirectTransfers` of the blobs.

use std::time::Duration;

use wasmtime::component::Accessor;

use super::Granted;
use crate::auth::upload_token::LIFE_MS_MAX;
use crate::runtime::bindings::blobs::Error;
use crate::runtime::bindings::direct_transfers as wit;
use crate::runtime::store_data::{Imports, StoreData};
use crate::storage::{Completion, JOIN_PARTS_MAX};

/// Time for which the address of a download is good. A client that needs longer asks for another one.
const DOWNLOAD_TIME: Duration = Duration::from_secs(3_600);

impl wit::Host for &mut StoreData {
    fn offered(&mut self) -> bool {
        self.services().blobs.direct_transfers().is_some()
    }
}

impl<T: Send> wit::HostWithStore<T> for Imports {
    async fn begin(
        accessor: &Accessor<T, Self>,
        parts: u32,
        expires_ms: u64,
    ) -> Result<Option<wit::Upload>, wit::Error> {
        begin(accessor.with(|mut access| access.get().writable()), parts, expires_ms).await
    }

    async fn complete(
        accessor: &Accessor<T, Self>,
        id: String,
        etags: Vec<String>,
        name: String,
    ) -> Result<wit::Completion, wit::Error> {
        complete(accessor.with(|mut access| access.get().writable()), id, etags, name).await
    }

    async fn abort(accessor: &Accessor<T, Self>, id: String) -> Result<(), wit::Error> {
        abort(accessor.with(|mut access| access.get().writable()), id).await
    }

    async fn sign_download(accessor: &Accessor<T, Self>, name: String) -> Result<Option<wit::Download>, wit::Error> {
        sign_download(accessor.with(|mut access| access.get().readable()), name).await
    }
}

pub(super) async fn begin(granted: Granted, parts: u32, expires_ms: u64) -> Result<Option<wit::Upload>, wit::Error> {
    let (services, project) = granted.ok_or(Error::Denied)?;
    let Some(direct) = services.blobs.direct_transfers() else {
        return Ok(None);
    };
    if parts == 0 || usize::try_from(parts).is_ok_and(|parts| parts > JOIN_PARTS_MAX) {
        return Err(Error::Other(format!("{parts} parts of an upload")));
    }
    let valid_ms = expires_ms.saturating_sub(services.now_ms()).clamp(1_000, LIFE_MS_MAX);
    let begun = direct.begin(project, parts, Duration::from_millis(valid_ms)).await?;
    Ok(Some(wit::Upload {
        id: begun.id,
        parts: begun.parts.into_iter().map(request).collect(),
    }))
}

pub(super) async fn complete(
    granted: Granted,
    id: String,
    etags: Vec<String>,
    name: String,
) -> Result<wit::Completion, wit::Error> {
    let (services, project) = granted.ok_or(Error::Denied)?;
    let Some(direct) = services.blobs.direct_transfers() else {
        return Ok(wit::Completion::Absent);
    };
    let bytes_max = services.file_bytes_max;
    let completed = direct.complete(project, &id, &etags, &name, bytes_max).await?;
    Ok(match completed {
        Completion::Done => wit::Completion::Done,
        Completion::Absent => wit::Completion::Absent,
        Completion::MissingPart(number) => wit::Completion::MissingPart(number),
        Completion::SmallPart { number, bytes_min } => wit::Completion::SmallPart((number, bytes_min)),
    })
}

pub(super) async fn abort(granted: Granted, id: String) -> Result<(), wit::Error> {
    let (services, project) = granted.ok_or(Error::Denied)?;
    match services.blobs.direct_transfers() {
        Some(direct) => Ok(direct.abort(project, &id).await?),
        // The storage removes what it has of the upload after its time.
        None => Ok(()),
    }
}

pub(super) async fn sign_download(granted: Granted, name: String) -> Result<Option<wit::Download>, wit::Error> {
    let (services, project) = granted.ok_or(Error::Denied)?;
    let Some(direct) = services.blobs.direct_transfers() else {
        return Ok(None);
    };
    let signed = direct.sign_download(project, &name, DOWNLOAD_TIME).await?;
    Ok(signed.map(|signed| wit::Download {
        request: request(signed.url),
        size: signed.size,
    }))
}

/// A request that needs no header.
fn request(url: String) -> wit::SignedRequest {
    wit::SignedRequest {
        url,
        headers: Vec::new(),
    }
}
