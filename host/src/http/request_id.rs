//! Request ids. The id of a request is in each of its log lines, in the header `x-request-id` of its response, and in the
//! message of a 5xx, so that a user's report leads to the lines of the log.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde_json::Value;

use super::response_body::Body;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that a proxy or client may choose, in bytes.
const ID_BYTES_MAX: usize = 64;

tokio::task_local! {
    /// The id of the request for which the current task works. It costs less than a span of `tracing`.
    static CURRENT: RequestId;
}

/// The id of the request for which the current task works, for programs that write their own log. `None`: it works for none.
pub fn current_request_id() -> Option<String> {
    CURRENT.try_with(ToString::to_string).ok()
}

/// Does `work`, which another task runs for the current request.
pub(crate) fn for_current_request<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let id = CURRENT.try_with(Clone::clone).ok();
    async move {
        match id {
            Some(id) => CURRENT.scope(id, work).await,
            None => work.await,
        }
    }
}

/// The id of a request: letters, digits, `-`, `_` and `.` only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(Arc<str>);

impl RequestId {
    /// Takes the id that a proxy or client sent in `x-request-id`, if it is well-formed. Otherwise makes one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        match sent.filter(|id| is_well_formed(id)) {
            Some(id) => Self(id.into()),
            None => Self::next(),
        }
    }

    /// Random digits of this process, then a counter: short, unique, and in order.
    fn next() -> Self {
        static PROCESS: OnceLock<u32> = OnceLock::new();
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let process = PROCESS.get_or_init(|| getrandom::u32().unwrap_or_else(|_| std::process::id()));
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(format!("{process:08x}-{count:06x}").into())
    }

    /// Does `work` for the request of this id.
    pub(crate) async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// Tells the client the id: in the header, and in the message of a 5xx.
    pub(crate) fn attach_to(&self, response: &mut Response<Body>) {
        if let Ok(value) = HeaderValue::from_str(&self.0) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        let is_json = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
        if is_fault(response.status()) && is_json {
            response
                .body_mut()
                .map_bytes(|bytes| self.named_in(&bytes).unwrap_or(bytes));
        }
    }

    /// The JSON of an error with the id at the end of its message. `None`: it is none.
    fn named_in(&self, body: &Bytes) -> Option<Bytes> {
        let mut error: Value = serde_json::from_slice(body).ok()?;
        let message = error.get_mut("message")?;
        *message = Value::String(format!("{} (request {self})", message.as_str()?));
        serde_json::to_vec(&error).ok().map(Bytes::from)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// True for a status that is the server's fault. 501 is none: the server never does what was asked for.
fn is_fault(status: StatusCode) -> bool {
    status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
}

fn is_well_formed(id: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(id: &str) -> RequestId {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).unwrap());
        RequestId::of(&headers)
    }

    #[test]
    fn a_well_formed_id_of_a_proxy_is_kept_and_any_other_is_replaced() {
        for kept in ["01HZX-3_k.9", &"x".repeat(64)] {
            assert_eq!(sent(kept).to_string(), kept);
        }
        for replaced in ["", "a b", "a\"b", "é", "id;x", &"x".repeat(65)] {
            assert!(is_well_formed(&sent(replaced).0) && &*sent(replaced).0 != replaced);
        }
        assert_ne!(RequestId::of(&HeaderMap::new()), RequestId::of(&HeaderMap::new()));
    }
}
