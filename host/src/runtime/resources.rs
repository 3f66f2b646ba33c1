//! The resources of `wit/` that the host defines. The generated bindings name them, and `imports/` implements
//! them.

use bytes::Bytes;
use tokio::sync::mpsc;
use wasmtime_wasi::runtime::AbortOnDropJoinHandle;

use crate::storage::{BlobStream, Staged, StorageError};

/// A `staged` resource.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Received(pub(super) Box<dyn Staged>);

/// A `staging` resource. The storage receives the bytes in a task of its own.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Staging {
    pub(super) chunks: mpsc::Sender<Result<Bytes, StorageError>>,
    /// `None`: the storage failed, and the component knows.
    pub(super) staged: Option<AbortOnDropJoinHandle<Result<Box<dyn Staged>, StorageError>>>,
}

/// A `contents` resource.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Contents {
    pub(super) chunks: BlobStream,
    /// Bytes of the last chunk that are still to be read.
    pub(super) rest: Bytes,
}
