//! The mlforge component: MLflow tracking for one project of a code forge, over storage lent by the host.
//!
//! `http` finds the route of a request, `api` answers it, `request` is what both know of it. `store` reads and writes records
//! and files, `host` wraps the imports, `search` holds the language of searches, and `domain` the rules. Each uses only those
//! to the right of it in `http`, `api`, `request`, `store`, `host`, `search`, `domain`. The component keeps nothing itself, so
//! an instance can serve any number of requests.

pub mod api;
mod bindings;
pub mod domain;
pub mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod host;
pub mod http;
pub mod request;
pub mod search;
pub mod store;

use crate::http::wasi::Incoming;
use bindings::exports::mlforge::plugin::direct;
use bindings::exports::wasi::http::handler::Guest;
use bindings::wasi::http::types::{ErrorCode, Request, Response};

struct Plugin;

impl Guest for Plugin {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        report_panics();
        http::wasi::send(http::route::answer(Incoming::new(request)).await)
    }
}

impl direct::Guest for Plugin {
    async fn ask(request: direct::Request) -> direct::Answer {
        report_panics();
        http::wasi::into_direct(http::route::answer(request.into()).await).await
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
