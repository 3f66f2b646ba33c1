//! Import `mlforge:plugin-sync/blobs`. Bytes are passed in pieces, and the slower side sets the pace.

use bytes::Bytes;
use tokio::sync::mpsc;
use wasmtime::component::Resource;
use wasmtime_wasi::runtime::spawn;

use crate::convert::to_usize;
use crate::runtime::bindings::blobs::{Error, Info, Item};
use crate::runtime::bindings::wasi_0_2::blobs as wit;
use crate::runtime::imports::blobs;
use crate::runtime::imports::blobs::{CHUNKS_BUFFERED_MAX, mark};
use crate::runtime::resources::{Contents, Received, Staging};
use crate::runtime::store_data::StoreData;
use crate::storage::ByteRange;

/// Maximum size of a piece that a component writes, in bytes (`wit/sync/blobs.wit`).
const PIECE_BYTES_MAX: usize = 1 << 20;

/// A result for the component, or a trap.
type Outcome<T> = wasmtime::Result<Result<T, Error>>;

impl wit::Host for &mut StoreData {
    async fn stage(&mut self, bytes_max: u64) -> Outcome<Resource<Staging>> {
        let Some((services, project)) = self.writable() else {
            return Ok(Err(Error::Denied));
        };
        let (chunks, received) = mpsc::channel(CHUNKS_BUFFERED_MAX);
        let (bytes_max, reserved) = (bytes_max.min(services.file_bytes_max), self.reservation());
        let staged = spawn(async move { services.stage(project, received, bytes_max, reserved).await });
        let staging = Staging {
            chunks,
            staged: Some(staged),
        };
        Ok(Ok(self.table.push(staging)?))
    }

    async fn commit(&mut self, staged: Resource<Received>, name: String) -> Outcome<()> {
        let staged = self.table.delete(staged)?;
        Ok(blobs::commit(self.writable(), staged, name).await)
    }

    async fn stat(&mut self, name: String) -> Outcome<Option<Info>> {
        Ok(blobs::stat(self.readable(), name).await)
    }

    async fn read(&mut self, name: String, offset: u64, length: u64) -> Outcome<Option<Resource<Contents>>> {
        let Some((services, project)) = self.readable() else {
            return Ok(Err(Error::Denied));
        };
        match services.blobs.read(project, &name, ByteRange { offset, length }).await {
            Ok(Some(open)) => {
                let contents = Contents {
                    chunks: open.contents,
                    rest: Bytes::new(),
                };
                Ok(Ok(Some(self.table.push(contents)?)))
            }
            Ok(None) => Ok(Ok(None)),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn list(&mut self, directory: String, after: Option<String>, limit: u32) -> Outcome<Vec<Item>> {
        Ok(blobs::list(self.readable(), directory, after, limit).await)
    }

    async fn delete(&mut self, name: String) -> Outcome<bool> {
        Ok(blobs::delete(self.writable(), name).await)
    }

    async fn join(&mut self, parts: Vec<String>, name: String, bytes_max: u64) -> Outcome<bool> {
        Ok(blobs::join(self.writable(), parts, name, bytes_max).await)
    }

    async fn delete_below(&mut self, directory: String) -> Outcome<bool> {
        Ok(blobs::delete_below(self.writable(), directory).await)
    }
}

impl wit::HostStaging for &mut StoreData {
    async fn write(&mut self, staging: Resource<Staging>, bytes: Vec<u8>) -> Outcome<()> {
        if bytes.len() > PIECE_BYTES_MAX {
            return Ok(Err(Error::Other(format!(
                "more than {PIECE_BYTES_MAX} bytes in one piece"
            ))));
        }
        let progress = self.progress();
        let staging = self.table.get_mut(&staging)?;
        if staging.chunks.send(Ok(bytes.into())).await.is_ok() {
            mark(progress.as_ref());
            return Ok(Ok(()));
        }
        // The storage takes no more: it has failed, and says so once.
        match staging.staged.take() {
            Some(staged) => Ok(Err(staged.await.err().map_or_else(ended, Error::from))),
            None => Ok(Err(ended())),
        }
    }

    async fn finish(&mut self, staging: Resource<Staging>) -> Outcome<Resource<Received>> {
        let Staging { chunks, staged } = self.table.delete(staging)?;
        drop(chunks);
        let Some(staged) = staged else {
            return Ok(Err(ended()));
        };
        match staged.await {
            Ok(staged) => Ok(Ok(self.table.push(Received(staged))?)),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn drop(&mut self, staging: Resource<Staging>) -> wasmtime::Result<()> {
        self.table.delete(staging)?;
        Ok(())
    }
}

fn ended() -> Error {
    Error::Other("the storage takes no more of this file".into())
}

impl wit::HostContents for &mut StoreData {
    async fn read(&mut self, contents: Resource<Contents>, bytes_max: u32) -> Outcome<Option<Vec<u8>>> {
        let progress = self.progress();
        let contents = self.table.get_mut(&contents)?;
        while contents.rest.is_empty() {
            match contents.chunks.recv().await {
                Some(Ok(chunk)) => contents.rest = chunk,
                Some(Err(error)) => return Ok(Err(error.into())),
                None => return Ok(Ok(None)),
            }
        }
        mark(progress.as_ref());
        let count = to_usize(bytes_max).max(1).min(contents.rest.len());
        Ok(Ok(Some(contents.rest.split_to(count).to_vec())))
    }

    async fn drop(&mut self, contents: Resource<Contents>) -> wasmtime::Result<()> {
        self.table.delete(contents)?;
        Ok(())
    }
}
