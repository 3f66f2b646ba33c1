//! `mlforge:plugin/forge`, over its synchronous functions.

pub(crate) use super::generated::mlforge::plugin::forge::*;
use super::generated::mlforge::plugin_sync::forge as sync;

pub(crate) async fn get_job(reference: JobRef) -> Result<Option<Job>, Error> {
    sync::get_job(&reference)
}

pub(crate) async fn set_commit_status(ended: EndedRun) -> Result<bool, Error> {
    sync::set_commit_status(&ended)
}
