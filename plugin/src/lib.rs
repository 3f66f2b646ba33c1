//! The mlforge component: MLflow tracking for one project of a code forge, over storage that the host provides.
//!
//! `http` finds the route of a request, `api` answers it for clients and `pages` for people, and `request` holds the types that all use. `maintenance` is the
//! work between requests. `store` reads and writes records and files, `host` wraps the imports, `search` holds the language of
//! searches, and `domain` the rules. Each uses only those after it in this list. The component keeps no state but caches, so an
//! instance can serve any number of requests.

pub mod api;
mod bindings;
mod convert;
pub mod domain;
pub mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod host;
pub mod http;
mod maintenance;
pub mod pages;
pub mod request;
pub mod search;
pub mod store;

use crate::http::wasi::Incoming;
use bindings::exports::mlforge::plugin::{direct, maintenance as maintenance_export};
use bindings::exports::wasi::http::handler::Guest;
use bindings::wasi::http::types::{ErrorCode, Request, Response};

struct Plugin;

impl Guest for Plugin {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        report_panics();
        http::wasi::send(http::answer::answer(Incoming::new(request)).await)
    }
}

impl direct::Guest for Plugin {
    async fn ask(request: direct::Request) -> direct::Answer {
        report_panics();
        http::wasi::into_direct(http::answer::answer(request.into()).await).await
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

/// A component has no standard error: without this a panic's message is lost.
fn report_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            bindings::mlforge::plugin::report::fault(&panic.to_string())
        }));
    });
}
