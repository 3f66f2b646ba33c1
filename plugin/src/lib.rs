//! The mlforge component: MLflow tracking for one project of a code forge, over storage lent by the host.
//!
//! `http` reads a request and finds its route, `api` answers it, `domain` holds the rules, `search` how searches are asked
//! for, `store` what is kept. The component keeps nothing itself, so an instance can serve any number of requests.

pub mod api;
mod bindings;
pub mod domain;
pub mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod host;
pub mod http;
pub mod search;
pub mod store;

use bindings::exports::mlforge::plugin::direct;
use bindings::exports::wasi::http::handler::Guest;
use bindings::wasi::http::types::{ErrorCode, Request, Response};
use http::message::Incoming;

struct Plugin;

impl Guest for Plugin {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        report_panics();
        http::route::answer(Incoming::new(request)).await.send()
    }
}

impl direct::Guest for Plugin {
    async fn ask(request: direct::Request) -> direct::Answer {
        report_panics();
        http::route::answer(request.into()).await.into_direct().await
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
