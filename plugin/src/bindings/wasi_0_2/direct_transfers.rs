//! `mlforge:plugin/direct-transfers`, over its synchronous functions.

pub(crate) use super::generated::mlforge::plugin::direct_transfers::*;
use super::generated::mlforge::plugin_sync::direct_transfers as sync;

pub(crate) async fn begin(parts: u32, expires_ms: u64) -> Result<Option<Upload>, Error> {
    sync::begin(parts, expires_ms)
}

pub(crate) async fn complete(id: String, etags: Vec<String>, name: String) -> Result<Completion, Error> {
    sync::complete(&id, &etags, &name)
}

pub(crate) async fn abort(id: String) -> Result<(), Error> {
    sync::abort(&id)
}

pub(crate) async fn sign_download(name: String) -> Result<Option<Download>, Error> {
    sync::sign_download(&name)
}
