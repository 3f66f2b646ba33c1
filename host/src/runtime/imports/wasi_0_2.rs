//! The imports of a component of WASI 0.2. Each function calls the one of WASI 0.3, and the component waits for it.

mod blobs;

use super::{direct_transfers, forge, records, wasi};
use crate::runtime::bindings::blobs::Error as BlobError;
use crate::runtime::bindings::direct_transfers::{Completion, Download, Upload};
use crate::runtime::bindings::forge::{EndedRun, Error as ForgeError, Job, JobRef, Target};
use crate::runtime::bindings::records::{Check, CommitError, Error as RecordError, Page, Range, Values, Write};
use crate::runtime::bindings::wasi_0_2 as wit;
use crate::runtime::bindings::wasi_0_2::wall_clock::Datetime;
use crate::runtime::store_data::StoreData;

impl wit::records::Host for &mut StoreData {
    async fn get(&mut self, keys: Vec<Vec<u8>>) -> Result<Values, RecordError> {
        records::get(self.readable(), keys).await
    }

    async fn scan(&mut self, ranges: Vec<Range>) -> Result<Page, RecordError> {
        records::scan(self.readable(), ranges).await
    }

    async fn commit(&mut self, checks: Vec<Check>, writes: Vec<Write>) -> Result<(), CommitError> {
        let turn = self.turn.take();
        let (turn, outcome) = records::commit(self.writable(), turn, checks, writes).await;
        self.turn = turn;
        outcome
    }
}

impl wit::forge::Host for &mut StoreData {
    async fn get_job(&mut self, reference: JobRef) -> Result<Option<Job>, ForgeError> {
        forge::get_job(forge::Asker::of(self), reference).await
    }

    async fn set_commit_status(&mut self, ended: EndedRun) -> Result<bool, ForgeError> {
        forge::set_commit_status(self.maintained(), ended).await
    }

    async fn get_link(&mut self, target: Target) -> Result<Option<String>, ForgeError> {
        forge::get_link(self.readable(), target).await
    }
}

impl wit::direct_transfers::Host for &mut StoreData {
    async fn begin(&mut self, parts: u32, expires_ms: u64) -> Result<Option<Upload>, BlobError> {
        direct_transfers::begin(self.writable(), parts, expires_ms).await
    }

    async fn complete(&mut self, id: String, etags: Vec<String>, name: String) -> Result<Completion, BlobError> {
        direct_transfers::complete(self.writable(), id, etags, name).await
    }

    async fn abort(&mut self, id: String) -> Result<(), BlobError> {
        direct_transfers::abort(self.writable(), id).await
    }

    async fn sign_download(&mut self, name: String) -> Result<Option<Download>, BlobError> {
        direct_transfers::sign_download(self.readable(), name).await
    }
}

impl wit::wall_clock::Host for &mut StoreData {
    fn now(&mut self) -> Datetime {
        let since = wasi::since_epoch(self);
        Datetime {
            seconds: since.as_secs(),
            nanoseconds: since.subsec_nanos(),
        }
    }

    fn resolution(&mut self) -> Datetime {
        Datetime {
            seconds: 0,
            nanoseconds: 1,
        }
    }
}

impl wit::random::Host for &mut StoreData {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        // Unlike WASI 0.3, this version promises as many bytes as were asked for.
        let bytes = wasi::random_bytes(self, len)?;
        if u64::try_from(bytes.len()).is_ok_and(|count| count == len) {
            Ok(bytes)
        } else {
            Err(wasmtime::format_err!("{len} random bytes are too many for one call"))
        }
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        wasi::random_u64(self)
    }
}
