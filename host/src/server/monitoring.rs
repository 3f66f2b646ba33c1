//! The listeners for those who watch the server: metrics, readiness and health, apart from the public listener. Nobody signs in
//! there, so an operator binds them where only watchers reach them.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::pause_after;
use crate::host::Host;
use crate::http::error;
use crate::http::error::HttpError;
use crate::http::response_body::Body;

/// Maximum number of open connections of one listener. Further ones wait.
const CONNECTIONS_MAX: usize = 32;
/// Maximum time of a connection, with all its requests.
const CONNECTION_TIME: Duration = Duration::from_secs(300);
/// Maximum time for the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// Maximum size of what is read ahead on a connection, in bytes.
const BUFFER_BYTES_MAX: usize = 16 << 10;

/// A socket on which watchers ask.
pub enum MonitoringListener {
    /// A TCP socket.
    Tcp(TcpListener),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A connection of either kind.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl MonitoringListener {
    async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(Box::new(stream))
            }
            #[cfg(unix)]
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(Box::new(stream))
            }
        }
    }
}

impl Host {
    /// Serves `/-/metrics` (also as `/metrics`), `/-/ready` and `/-/health`, and nothing else, until `shutdown` is ready. Let it
    /// run for as long as [`serve`](Self::serve), so that `/-/ready` tells that the server is stopping.
    pub async fn serve_monitoring(&self, listener: MonitoringListener, shutdown: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let next = async {
                // The semaphore is never closed.
                let place = Arc::clone(&places).acquire_owned().await.ok();
                loop {
                    match listener.accept().await {
                        Ok(stream) => return (place, stream),
                        Err(error) => pause_after(&error).await,
                    }
                }
            };
            let (place, stream) = tokio::select! {
                biased;
                () = &mut shutdown => return,
                Some(_) = connections.join_next() => continue,
                next = next => next,
            };
            let host = self.clone();
            connections.spawn(async move {
                // A watcher that leaves or takes too long asks again.
                _ = timeout(CONNECTION_TIME, host.serve_watcher(stream)).await;
                drop(place);
            });
        }
    }

    async fn serve_watcher(&self, stream: Box<dyn Stream>) -> Result<(), hyper::Error> {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(BUFFER_BYTES_MAX);
        let service = service_fn(|request: Request<Incoming>| async move {
            Ok::<_, Infallible>(self.answer_watcher(request.method(), request.uri().path()).await)
        });
        http.serve_connection(TokioIo::new(stream), service).await
    }

    async fn answer_watcher(&self, method: &Method, path: &str) -> Response<Body> {
        match path {
            _ if method != Method::GET && method != Method::HEAD => HttpError::EndpointNotFound.into(),
            "/-/metrics" | "/metrics" => self.answer_metrics(),
            "/-/ready" => self.state().readiness().await.into(),
            "/-/health" | "/health" => error::health(),
            _ => HttpError::EndpointNotFound.into(),
        }
    }
}
