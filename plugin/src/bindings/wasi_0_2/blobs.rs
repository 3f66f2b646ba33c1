//! `mlforge:plugin/blobs`, over its synchronous functions. `host/streams` makes streams of the resources.

pub use super::generated::mlforge::plugin::blobs::Staged;
pub(crate) use super::generated::mlforge::plugin::blobs::{Error, Info, Item, file_bytes_max};
use super::generated::mlforge::plugin_sync::blobs as sync;
pub(crate) use sync::{Contents, Staging, read, stage};

pub(crate) async fn commit(staged: Staged, name: String) -> Result<(), Error> {
    sync::commit(staged, &name)
}

pub(crate) async fn stat(name: String) -> Result<Option<Info>, Error> {
    sync::stat(&name)
}

pub(crate) async fn list(directory: String, after: Option<String>, limit: u32) -> Result<Vec<Item>, Error> {
    sync::list(&directory, after.as_deref(), limit)
}

pub(crate) async fn delete(name: String) -> Result<bool, Error> {
    sync::delete(&name)
}

pub(crate) async fn join(parts: Vec<String>, name: String, bytes_max: u64) -> Result<bool, Error> {
    sync::join(&parts, &name, bytes_max)
}

pub(crate) async fn delete_below(directory: String) -> Result<bool, Error> {
    sync::delete_below(&directory)
}
