//! Import `mlforge:plugin/blobs`, implemented with the trait `Blobs`. Bytes are streamed in chunks, and the
//! slower side sets the pace.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;
use wasmtime::component::{
    Accessor, Destination, Resource, Source, StreamConsumer, StreamProducer, StreamReader, StreamResult,
};
use wasmtime::{AsContextMut, StoreContextMut};

use super::{Granted, storage_unavailable};
use crate::limits::idle_timeout::IdleTimeout;
use crate::runtime::bindings::blobs as wit;
use crate::runtime::resources::Received;
use crate::runtime::store_data::{Imports, StoreData};
use crate::storage::{BlobItem, BlobStream, ByteRange, ListRequest, StorageError};

/// Maximum size of a chunk copied out of the component, in bytes.
const PIECE_BYTES_MAX: usize = 128 << 10;
/// Number of chunks that may wait for the storage.
pub(super) const CHUNKS_BUFFERED_MAX: usize = 1;

impl wit::Host for &mut StoreData {
    fn file_bytes_max(&mut self) -> wasmtime::Result<u64> {
        Ok(self.services().file_bytes_max)
    }
}

impl<T: Send> wit::HostWithStore<T> for Imports {
    async fn stage(
        accessor: &Accessor<T, Self>,
        mut contents: StreamReader<u8>,
        bytes_max: u64,
    ) -> wasmtime::Result<Result<Resource<Received>, wit::Error>> {
        let (sender, chunks) = mpsc::channel(CHUNKS_BUFFERED_MAX);
        let (granted, reserved) = accessor.with(|mut access| {
            let (granted, progress) = (access.get().writable(), access.get().progress());
            let upload = Upload {
                chunks: PollSender::new(sender),
                progress,
            };
            match granted {
                Some(_) => contents.pipe(&mut access, upload)?,
                None => contents.close(&mut access)?,
            }
            wasmtime::error::Ok((granted, access.get().reservation()))
        })?;
        let Some((services, project)) = granted else {
            return Ok(Err(wit::Error::Denied));
        };
        let bytes_max = bytes_max.min(services.file_bytes_max);
        match services.stage(project, chunks, bytes_max, reserved).await {
            Ok(staged) => Ok(Ok(
                accessor.with(|mut access| access.get().table.push(Received(staged)))?
            )),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn commit(
        accessor: &Accessor<T, Self>,
        staged: Resource<Received>,
        name: String,
    ) -> wasmtime::Result<Result<(), wit::Error>> {
        let (staged, granted) = accessor.with(|mut access| {
            let call = access.get();
            wasmtime::error::Ok((call.table.delete(staged)?, call.writable()))
        })?;
        Ok(commit(granted, staged, name).await)
    }

    async fn stat(
        accessor: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<Option<wit::Info>, wit::Error>> {
        Ok(stat(accessor.with(|mut access| access.get().readable()), name).await)
    }

    async fn read(
        accessor: &Accessor<T, Self>,
        name: String,
        offset: u64,
        length: u64,
    ) -> wasmtime::Result<Result<Option<StreamReader<u8>>, wit::Error>> {
        let Some((services, project)) = accessor.with(|mut access| access.get().readable()) else {
            return Ok(Err(wit::Error::Denied));
        };
        match services.blobs.read(project, &name, ByteRange { offset, length }).await {
            Ok(Some(open)) => Ok(Ok(Some(accessor.with(|mut access| {
                let (chunks, progress) = (open.contents, access.get().progress());
                StreamReader::new(access.as_context_mut(), Download { chunks, progress })
            })?))),
            Ok(None) => Ok(Ok(None)),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn list(
        accessor: &Accessor<T, Self>,
        directory: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<wit::Item>, wit::Error>> {
        let granted = accessor.with(|mut access| access.get().readable());
        Ok(list(granted, directory, after, limit).await)
    }

    async fn delete(accessor: &Accessor<T, Self>, name: String) -> wasmtime::Result<Result<bool, wit::Error>> {
        Ok(delete(accessor.with(|mut access| access.get().writable()), name).await)
    }

    async fn join(
        accessor: &Accessor<T, Self>,
        parts: Vec<String>,
        name: String,
        bytes_max: u64,
    ) -> wasmtime::Result<Result<bool, wit::Error>> {
        let granted = accessor.with(|mut access| access.get().writable());
        Ok(join(granted, parts, name, bytes_max).await)
    }

    async fn delete_below(
        accessor: &Accessor<T, Self>,
        directory: String,
    ) -> wasmtime::Result<Result<bool, wit::Error>> {
        Ok(delete_below(accessor.with(|mut access| access.get().writable()), directory).await)
    }
}

pub(super) async fn commit(granted: Granted, staged: Received, name: String) -> Result<(), wit::Error> {
    let (services, project) = granted.ok_or(wit::Error::Denied)?;
    Ok(services.blobs.commit(project, staged.0, &name).await?)
}

pub(super) async fn stat(granted: Granted, name: String) -> Result<Option<wit::Info>, wit::Error> {
    let (services, project) = granted.ok_or(wit::Error::Denied)?;
    let found = services.blobs.stat(project, &name).await?;
    Ok(found.map(|info| wit::Info {
        size: info.size,
        modified_ms: info.modified_ms,
    }))
}

pub(super) async fn list(
    granted: Granted,
    directory: String,
    after: Option<String>,
    limit: u32,
) -> Result<Vec<wit::Item>, wit::Error> {
    let (services, project) = granted.ok_or(wit::Error::Denied)?;
    let page = ListRequest {
        directory: &directory,
        after: after.as_deref(),
        limit,
    };
    let items = services.blobs.list(project, page).await?;
    let item = |item: BlobItem| wit::Item {
        name: item.name,
        size: item.size,
    };
    Ok(items.into_iter().map(item).collect())
}

pub(super) async fn delete(granted: Granted, name: String) -> Result<bool, wit::Error> {
    let (services, project) = granted.ok_or(wit::Error::Denied)?;
    Ok(services.blobs.delete(project, &name).await?)
}

pub(super) async fn join(
    granted: Granted,
    parts: Vec<String>,
    name: String,
    bytes_max: u64,
) -> Result<bool, wit::Error> {
    let (services, project) = granted.ok_or(wit::Error::Denied)?;
    let bytes_max = bytes_max.min(services.file_bytes_max);
    Ok(services.blobs.join(project, &parts, &name, bytes_max).await?)
}

pub(super) async fn delete_below(granted: Granted, directory: String) -> Result<bool, wit::Error> {
    let (services, project) = granted.ok_or(wit::Error::Denied)?;
    Ok(services.blobs.delete_below(project, &directory).await?)
}

impl wit::HostStaged for &mut StoreData {
    fn size(&mut self, staged: Resource<Received>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&staged)?.0.size())
    }

    fn digest(&mut self, staged: Resource<Received>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.table.get(&staged)?.0.digest().to_vec())
    }

    fn drop(&mut self, staged: Resource<Received>) -> wasmtime::Result<()> {
        self.table.delete(staged)?;
        Ok(())
    }
}

impl From<StorageError> for wit::Error {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::TooLarge(_) => Self::TooLarge,
            StorageError::Full(why) => Self::Full(why),
            StorageError::InvalidName(why) => Self::InvalidName(why),
            StorageError::Unavailable(reason) => Self::Unavailable(storage_unavailable(&reason)),
        }
    }
}

/// A stream from the component to the storage. If the storage stops reading, the component's stream ends.
struct Upload {
    chunks: PollSender<Result<Bytes, StorageError>>,
    progress: Option<IdleTimeout>,
}

impl<D> StreamConsumer<D> for Upload {
    type Item = u8;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'_, D>,
        source: Source<'_, u8>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        match self.chunks.poll_reserve(cx) {
            Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(_)) => return Poll::Ready(Ok(StreamResult::Dropped)),
            Poll::Ready(Ok(())) => {}
        }
        let mut source = source.as_direct(store);
        let waiting = source.remaining();
        let chunk = Bytes::copy_from_slice(waiting.get(..PIECE_BYTES_MAX).unwrap_or(waiting));
        let count = chunk.len();
        if count > 0 && self.chunks.send_item(Ok(chunk)).is_err() {
            return Poll::Ready(Ok(StreamResult::Dropped));
        }
        source.mark_read(count);
        mark(self.progress.as_ref());
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

/// A stream from the storage to the component. A stream cannot report an error, so a failure stops the
/// instance: no answer is better than a cut one that looks complete.
struct Download {
    chunks: BlobStream,
    progress: Option<IdleTimeout>,
}

/// Notes that bytes moved.
pub(super) fn mark(progress: Option<&IdleTimeout>) {
    if let Some(progress) = progress {
        progress.touch();
    }
}

impl<D> StreamProducer<D> for Download {
    type Item = u8;
    type Buffer = Bytes;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, u8, Bytes>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if destination.remaining(&mut store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        loop {
            let next = self.chunks.poll_recv(cx);
            if next.is_pending() && finish {
                return Poll::Ready(Ok(StreamResult::Cancelled));
            }
            match ready!(next) {
                None => return Poll::Ready(Ok(StreamResult::Dropped)),
                Some(Err(error)) => return Poll::Ready(Err(wasmtime::format_err!("a blob broke off: {error:?}"))),
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => {
                    destination.set_buffer(chunk);
                    mark(self.progress.as_ref());
                    return Poll::Ready(Ok(StreamResult::Completed));
                }
            }
        }
    }
}
