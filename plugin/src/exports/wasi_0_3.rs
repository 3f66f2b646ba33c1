//! The exports of WASI 0.3: `wasi:http/handler`, `direct` and `maintenance`.

use super::report_panics;
use crate::bindings::exports::mlforge::plugin::{direct, maintenance as maintenance_export};
use crate::bindings::exports::wasi::http::handler::Guest;
use crate::bindings::wasi::http::types::{ErrorCode, Request, Response};
use crate::http::answer::answer;
use crate::http::direct::into_direct;
use crate::http::wasi;
use crate::{Plugin, maintenance};

impl Guest for Plugin {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        report_panics();
        wasi::send(answer(wasi::received(request)).await)
    }
}

impl direct::Guest for Plugin {
    async fn ask(request: direct::Request) -> direct::Answer {
        report_panics();
        into_direct(answer(request.into()).await).await
    }
}

impl maintenance_export::Guest for Plugin {
    async fn compact(
        after: Option<Vec<u8>>,
        quiet_ms: Option<u64>,
    ) -> Result<maintenance_export::CompactionPass, String> {
        report_panics();
        maintenance::compact(after, quiet_ms).await
    }

    async fn sweep_uploads(after: Option<Vec<u8>>) -> Result<maintenance_export::UploadPass, String> {
        report_panics();
        maintenance::sweep_uploads(after).await
    }

    async fn link_jobs(after: Option<Vec<u8>>) -> Result<maintenance_export::ForgePass, String> {
        report_panics();
        maintenance::link_jobs(after).await
    }

    async fn set_commit_statuses(after: Option<Vec<u8>>) -> Result<maintenance_export::ForgePass, String> {
        report_panics();
        maintenance::set_commit_statuses(after).await
    }

    async fn purge(deleted_until_ms: u64, after: Option<Vec<u8>>) -> Result<maintenance_export::PurgePass, String> {
        report_panics();
        maintenance::purge(deleted_until_ms, after).await
    }

    async fn sweep_traces(before_ms: u64) -> Result<maintenance_export::AuditPass, String> {
        report_panics();
        maintenance::sweep_traces(before_ms).await
    }

    async fn sweep_audit(before_ms: u64) -> Result<maintenance_export::AuditPass, String> {
        report_panics();
        maintenance::sweep_audit(before_ms).await
    }
}
