//! The export of WASI 0.2: `wasi:http/incoming-handler`.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::report_panics;
use crate::Plugin;
use crate::bindings::exports::wasi::http::incoming_handler::Guest;
use crate::bindings::wasi::http::types::{IncomingRequest, ResponseOutparam};
use crate::host::report;
use crate::http::answer::answer;
use crate::http::wasi;

impl Guest for Plugin {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        report_panics();
        let Some(answer) = ready(answer(wasi::received(&request))) else {
            return wasi::refuse(out, PENDING);
        };
        // A body without its end breaks off.
        if ready(wasi::send(answer, out)).is_none() {
            report::fault(PENDING);
        }
    }
}

/// The fault of a future that waits, which nothing would wake.
const PENDING: &str = "a request waits for something other than an import";

/// The result of a future. Imports are synchronous, so every future is ready at its first poll. `None`: it is not.
fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}
