//! The host behind sockets: HTTP/1 with bounds on connections, heads, slow clients, and on its own end.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::address::OwnPort;
use crate::host::Host;
use crate::limits::Limits;
use crate::patience::Patient;

/// How long to wait when the system has no socket for the next connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The most bytes that a connection reads ahead or keeps to be written, beside one piece of a body: many connections may carry
/// files at the same time.
const BUFFER_BYTES_MAX: usize = 128 << 10;
/// The most headers of a request.
const HEADERS_MAX: usize = 100;

impl Host {
    /// Serves until `shutdown` is ready, then takes no new connection, lets running requests finish
    /// (`Limits::drain_time` at most) and returns.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
        let http = http(self.limits());
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(self.limits().connections_max));
        let mut connections = JoinSet::new();
        let own_port = listener.local_addr().ok().map(|address| OwnPort(address.port()));
        let mut shutdown = pin!(shutdown);
        loop {
            let (stream, place) = tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(_) = connections.join_next() => continue,
                accepted = accept(&listener, &places) => accepted?,
            };
            let host = self.clone();
            let service = service_fn(move |mut request: Request<Incoming>| {
                let host = host.clone();
                if let Some(port) = own_port {
                    request.extensions_mut().insert(port);
                }
                async move { Ok::<_, Infallible>(host.handle(request).await) }
            });
            let stream = TokioIo::new(Patient::new(stream, self.limits().write_pause));
            let connection = graceful.watch(http.serve_connection(stream, service));
            connections.spawn(async move {
                // A client that breaks off or is cut for being slow is its own fault, and not worth a line.
                _ = connection.await;
                drop(place);
            });
        }
        drop(listener);
        if timeout(self.limits().drain_time, graceful.shutdown()).await.is_err() {
            tracing::warn!(target: "mlforge::server", "stopped with requests still running");
        }
        connections.shutdown().await;
        Ok(())
    }
}

fn http(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER_BYTES_MAX)
        .max_header_size(limits.head_bytes_max);
    http
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Result<(TcpStream, OwnedSemaphorePermit), tokio::sync::AcquireError> {
    let place = Arc::clone(places).acquire_owned().await?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are written whole; waiting for more would only delay them.
                _ = stream.set_nodelay(true);
                return Ok((stream, place));
            }
            Err(error) => pause_after(&error).await,
        }
    }
}

/// A connection that ended before it was accepted is nothing; a lack of sockets passes.
async fn pause_after(error: &io::Error) {
    if error.kind() != io::ErrorKind::ConnectionAborted && error.kind() != io::ErrorKind::ConnectionReset {
        tracing::warn!(target: "mlforge::server", %error, "cannot accept a connection");
        sleep(ACCEPT_PAUSE).await;
    }
}
