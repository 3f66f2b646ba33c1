//! A component that stands in for the imports that a host need not lend: files, the forge, upload tokens, direct transfers and reports. Each
//! function answers as a host that does not have it. A component has no optional imports, so it is composed with this one.

mod bindings;

use bindings::exports::mlforge::plugin::{blobs, direct_transfers, forge, report, upload_tokens};
use wit_bindgen::StreamReader;

struct Absent;

/// Received bytes. There are none, since nothing is received.
enum NoBytes {}

impl blobs::GuestStaged for NoBytes {
    fn size(&self) -> u64 {
        match *self {}
    }

    fn digest(&self) -> Vec<u8> {
        match *self {}
    }
}

impl blobs::Guest for Absent {
    type Staged = NoBytes;

    fn stage(_: StreamReader<u8>, _: u64) -> Result<blobs::Staged, blobs::Error> {
        Err(blobs::Error::Absent)
    }

    fn commit(_: blobs::Staged, _: String) -> Result<(), blobs::Error> {
        Err(blobs::Error::Absent)
    }

    fn stat(_: String) -> Result<Option<blobs::Info>, blobs::Error> {
        Err(blobs::Error::Absent)
    }

    fn read(_: String, _: u64, _: u64) -> Result<Option<StreamReader<u8>>, blobs::Error> {
        Err(blobs::Error::Absent)
    }

    fn list(_: String, _: Option<String>, _: u32) -> Result<Vec<blobs::Item>, blobs::Error> {
        Err(blobs::Error::Absent)
    }

    fn delete(_: String) -> Result<bool, blobs::Error> {
        Err(blobs::Error::Absent)
    }

    fn file_bytes_max() -> u64 {
        0
    }

    fn join(_: Vec<String>, _: String, _: u64) -> Result<bool, blobs::Error> {
        Err(blobs::Error::Absent)
    }

    fn delete_below(_: String) -> Result<bool, blobs::Error> {
        Err(blobs::Error::Absent)
    }
}

impl forge::Guest for Absent {
    fn get_job(_: forge::JobRef) -> Result<Option<forge::Job>, forge::Error> {
        Ok(None)
    }

    fn caller_job() -> Option<forge::Job> {
        None
    }

    fn announce_ended_run() -> bool {
        false
    }

    fn set_commit_status(_: forge::EndedRun) -> Result<bool, forge::Error> {
        Ok(false)
    }

    fn get_link(_: forge::Target) -> Result<Option<String>, forge::Error> {
        Ok(None)
    }
}

impl upload_tokens::Guest for Absent {
    fn issue(_: Vec<String>, _: u64) -> Option<Vec<upload_tokens::UploadToken>> {
        None
    }
}

impl direct_transfers::Guest for Absent {
    fn offered() -> bool {
        false
    }

    fn begin(_: u32, _: u64) -> Result<Option<direct_transfers::Upload>, direct_transfers::Error> {
        Ok(None)
    }

    fn complete(_: String, _: Vec<String>, _: String) -> Result<direct_transfers::Completion, direct_transfers::Error> {
        Ok(direct_transfers::Completion::Absent)
    }

    fn abort(_: String) -> Result<(), direct_transfers::Error> {
        Ok(())
    }

    fn sign_download(_: String) -> Result<Option<direct_transfers::Download>, direct_transfers::Error> {
        Ok(None)
    }
}

impl report::Guest for Absent {
    fn fault(_: String) {}
}
