//! A forge on a port of this machine that answers as a test says, and remembers what it was asked.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// A forge that runs until it is dropped.
pub(in crate::forge) struct StandIn {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    server: JoinHandle<()>,
}

/// A request that the forge got.
#[derive(Clone, Debug)]
pub(in crate::forge) struct Seen {
    /// The path and the query, percent-encoded as they came.
    pub(in crate::forge) target: String,
    pub(in crate::forge) headers: HeaderMap,
    pub(in crate::forge) body: Bytes,
}

/// An answer of the forge.
pub(in crate::forge) enum Answer {
    /// A whole answer: status, headers and body.
    Whole(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// No answer at all.
    Silence,
    /// The beginning of an answer, and then nothing.
    Stalled,
}

impl Answer {
    pub(in crate::forge) fn json(status: u16, body: &Value) -> Self {
        Self::Whole(status, Vec::new(), body.to_string().into_bytes())
    }
}

impl StandIn {
    pub(in crate::forge) async fn start(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let server = tokio::spawn(serve(listener, Arc::new(answer), Arc::clone(&seen)));
        Self { url, seen, server }
    }

    pub(in crate::forge) fn url(&self) -> &str {
        &self.url
    }

    /// The requests since the last call.
    pub(in crate::forge) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(
    listener: TcpListener,
    answer: Arc<impl Fn(&Seen) -> Answer + Send + Sync + 'static>,
    seen: Arc<Mutex<Vec<Seen>>>,
) {
    // It ends the connections when the server is stopped.
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
        let service = service_fn(move |request: Request<Incoming>| {
            let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
            async move {
                let (head, body) = request.into_parts();
                let request = Seen {
                    target: head.uri.to_string(),
                    headers: head.headers,
                    body: body.collect().await.unwrap().to_bytes(),
                };
                let answer = answer(&request);
                seen.lock().unwrap().push(request);
                respond(answer).await
            }
        });
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        connections.spawn(async move { _ = connection.await });
    }
}

async fn respond(answer: Answer) -> Result<Response<Part>, Infallible> {
    let (status, headers, rest, stalls) = match answer {
        Answer::Silence => std::future::pending().await,
        Answer::Stalled => (200, Vec::new(), b"{".to_vec(), true),
        Answer::Whole(status, headers, body) => (status, headers, body, false),
    };
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    let rest = Some(Bytes::from(rest));
    Ok(response.body(Part { rest, stalls }).unwrap())
}

/// A body of one part, which may never end.
struct Part {
    rest: Option<Bytes>,
    stalls: bool,
}

impl Body for Part {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.rest.take() {
            Some(part) => Poll::Ready(Some(Ok(Frame::data(part)))),
            None if self.stalls => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}
