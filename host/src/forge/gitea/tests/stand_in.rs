//! A server that stands in for a forge: it answers as a test says, and keeps the requests.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{AUTHORIZATION, LINK, LOCATION, RETRY_AFTER};
use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

/// A request that came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: String,
    pub(super) authorization: Option<String>,
    pub(super) body: Bytes,
}

/// An answer, or none.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Json(u16, Value),
    /// 200 with the header `Link`.
    Linked(Value, &'static str),
    Text(u16, String),
    Redirect(String),
    /// 429 with the seconds after which to ask again.
    Overload(u64),
    /// Nothing is ever sent.
    Silence,
    /// The head and the first byte, and nothing after them.
    Stall,
}

type Answer = dyn Fn(&Seen) -> Reply + Send + Sync;

/// The server. It ends with the test's runtime.
pub(super) struct StandIn {
    pub(super) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    answer: Box<Answer>,
    seen: Mutex<Vec<Seen>>,
}

/// Bytes, after which the body ends or stalls.
struct Sent {
    bytes: Option<Bytes>,
    ends: bool,
}

impl StandIn {
    pub(super) async fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            seen: Mutex::default(),
        });
        tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { url, shared }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Method and path of each request, sorted, since some are sent at once. Forgets them.
    pub(super) fn take_requests(&self) -> Vec<String> {
        let seen = std::mem::take(&mut *self.shared.seen.lock().unwrap());
        let mut lines: Vec<_> = seen
            .iter()
            .map(|seen| format!("{} {}", seen.method, seen.path))
            .collect();
        lines.sort();
        lines
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&shared)));
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
    // A client that gives up ends the connection with an error.
    _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Sent>, Infallible> {
    let (head, body) = request.into_parts();
    let seen = Seen {
        method: head.method,
        path: head.uri.to_string(),
        authorization: head
            .headers
            .get(AUTHORIZATION)
            .map(|value| value.to_str().unwrap().to_owned()),
        body: body.collect().await.unwrap().to_bytes(),
    };
    let reply = (shared.answer)(&seen);
    shared.seen.lock().unwrap().push(seen);
    let response = Response::builder();
    let (response, body, ends) = match reply {
        Reply::Json(status, json) => (response.status(status), json.to_string(), true),
        Reply::Linked(json, link) => (response.status(200).header(LINK, link), json.to_string(), true),
        Reply::Text(status, text) => (response.status(status), text, true),
        Reply::Redirect(url) => (response.status(301).header(LOCATION, url), String::new(), true),
        Reply::Overload(seconds) => (response.status(429).header(RETRY_AFTER, seconds), String::new(), true),
        Reply::Stall => (response.status(200), "{".to_owned(), false),
        Reply::Silence => std::future::pending().await,
    };
    let bytes = Some(Bytes::from(body));
    Ok(response.body(Sent { bytes, ends }).unwrap())
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.bytes.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}
