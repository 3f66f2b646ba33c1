//! Blobs in memory with direct transfers: tests send parts as clients send them to a store.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mlforge::storage::memory::MemoryBlobs;
use mlforge::storage::{
    Blobs as _, Completion, DirectDownload, DirectTransfers, DirectUpload, ProjectId, StorageError,
};
use tokio::sync::mpsc;

use crate::intercepted_blobs::{BlobCall, InterceptBlobs};

/// The address before all others of the store.
const ADDRESS: &str = "https://store.test/";

/// The store.
#[derive(Default)]
pub struct DirectStore {
    blobs: MemoryBlobs,
    uploads: Mutex<BTreeMap<String, Upload>>,
}

/// An upload with the parts that have come, by number.
struct Upload {
    project: ProjectId,
    valid_for: Duration,
    parts: BTreeMap<u32, Bytes>,
}

impl DirectStore {
    /// Takes a part at its address, and returns its `ETag`. `None`: the address is dead.
    pub fn put(&self, url: &str, contents: &'static str) -> Option<String> {
        let (id, number) = url.strip_prefix(ADDRESS)?.split_once('/')?;
        let mut uploads = self.uploads();
        let parts = &mut uploads.get_mut(id)?.parts;
        parts.insert(number.parse().ok()?, Bytes::from_static(contents.as_bytes()));
        Some(format!("\"{}\"", etag(contents.as_bytes())))
    }

    /// Number of uploads that are neither completed nor aborted.
    pub fn unfinished(&self) -> usize {
        self.uploads().len()
    }

    /// The times for which the addresses of unfinished uploads are good.
    pub fn times(&self) -> Vec<Duration> {
        self.uploads().values().map(|upload| upload.valid_for).collect()
    }

    /// Loses all uploads, as a store does that removes old ones.
    pub fn forget(&self) {
        self.uploads().clear();
    }

    fn uploads(&self) -> MutexGuard<'_, BTreeMap<String, Upload>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The whole contents of an upload whose parts have these ETags, or the refusal.
    fn contents(&self, project: ProjectId, id: &str, etags: &[String]) -> Result<Bytes, Completion> {
        let uploads = self.uploads();
        let upload = uploads.get(id).filter(|upload| upload.project == project);
        let upload = upload.ok_or(Completion::Absent)?;
        let mut contents = Vec::new();
        for (number, expected) in (1..).zip(etags) {
            let part = upload.parts.get(&number).filter(|part| etag(part) == *expected);
            contents.extend_from_slice(part.ok_or(Completion::MissingPart(number))?);
        }
        Ok(contents.into())
    }
}

/// Not the digest by which the component names parts that it has itself.
fn etag(contents: &[u8]) -> String {
    format!("of-{}", String::from_utf8_lossy(contents))
}

#[async_trait]
impl InterceptBlobs for DirectStore {
    fn blobs(&self) -> &MemoryBlobs {
        &self.blobs
    }

    async fn before(&self, _: ProjectId, _: BlobCall<'_>) {}

    fn direct_transfers(&self) -> Option<&dyn DirectTransfers> {
        Some(self)
    }
}

#[async_trait]
impl DirectTransfers for DirectStore {
    async fn begin(&self, project: ProjectId, parts: u32, valid_for: Duration) -> Result<DirectUpload, StorageError> {
        let mut uploads = self.uploads();
        let id = format!("upload-{}", uploads.len());
        let upload = Upload {
            project,
            valid_for,
            parts: BTreeMap::new(),
        };
        uploads.insert(id.clone(), upload);
        Ok(DirectUpload {
            parts: (1..=parts).map(|number| format!("{ADDRESS}{id}/{number}")).collect(),
            id,
        })
    }

    async fn complete(
        &self,
        project: ProjectId,
        id: &str,
        etags: &[String],
        name: &str,
        bytes_max: u64,
    ) -> Result<Completion, StorageError> {
        let contents = match self.contents(project, id, etags) {
            Ok(contents) => contents,
            Err(refused) => return Ok(refused),
        };
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move { sender.send(Ok(contents)).await });
        let staged = self.blobs.stage(project, receiver, bytes_max).await?;
        self.blobs.commit(project, staged, name).await?;
        self.uploads().remove(id);
        Ok(Completion::Done)
    }

    async fn abort(&self, project: ProjectId, id: &str) -> Result<(), StorageError> {
        self.uploads()
            .retain(|other, upload| other != id || upload.project != project);
        Ok(())
    }

    async fn sign_download(
        &self,
        project: ProjectId,
        name: &str,
        _: Duration,
    ) -> Result<Option<DirectDownload>, StorageError> {
        let found = self.blobs.stat(project, name).await?;
        // A file without bytes is no object.
        let found = found.filter(|info| info.size > 0);
        Ok(found.map(|info| DirectDownload {
            url: format!("{ADDRESS}{}/{name}", project.0),
            size: info.size,
        }))
    }
}
