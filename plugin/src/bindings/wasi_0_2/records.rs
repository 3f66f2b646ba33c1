//! `mlforge:plugin/records`, over its synchronous functions.

pub(crate) use super::generated::mlforge::plugin::records::*;
use super::generated::mlforge::plugin_sync::records as sync;

pub(crate) async fn get(keys: Vec<Vec<u8>>) -> Result<Values, Error> {
    sync::get(&keys)
}

pub(crate) async fn scan(ranges: Vec<Range>) -> Result<Page, Error> {
    sync::scan(&ranges)
}

pub(crate) async fn commit(checks: Vec<Check>, writes: Vec<Write>) -> Result<(), CommitError> {
    sync::commit(&checks, &writes)
}
