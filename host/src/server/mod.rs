//! The HTTP/1 server of the host. It bounds connections, heads, slow clients, and the time of its own
//! shutdown.

pub(crate) mod monitoring;
pub(crate) mod write_timeout;

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::host::Host;
use crate::http::base_url::OwnAddress;
use crate::http::client_address::PeerAddress;
use crate::http::response_body::Body;
use crate::limits::Limits;
use crate::limits::connections::{ActiveRequest, Connection, Connections, Peer, Place};
use crate::limits::pace::Pace;
use crate::server::write_timeout::WriteTimeout;

/// Pause before the next accept when the system has no socket for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Maximum number of bytes that a connection reads ahead or keeps to be written, beside one chunk of a body.
/// It is small, because many connections may carry files at the same time.
const BUFFER_BYTES_MAX: usize = 128 << 10;
/// Maximum number of headers of a request.
const HEADERS_MAX: usize = 100;

impl Host {
    /// Serves until `shutdown` is ready. Then it accepts no new connection, lets running requests finish (for
    /// at most `Limits::shutdown_timeout`) and returns.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
        self.state().readiness.set_draining(false);
        let http = http(self.limits());
        let graceful = GracefulShutdown::new();
        let mut tasks = JoinSet::new();
        let mut arrivals = Arrivals {
            listener,
            connections: self.state().connections.clone(),
            pace: self.limits().answer_pace(false),
            arrived: None,
        };
        let mut shutdown = pin!(shutdown);
        loop {
            let (stream, place) = tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(_) = tasks.join_next() => continue,
                next = arrivals.next() => next,
            };
            let own_address = stream.local_addr().ok().map(OwnAddress);
            let peer = stream.peer_addr().ok().map(|peer| PeerAddress(peer.ip()));
            let service = self.service(&place.connection, own_address, peer);
            let stream = TokioIo::new(WriteTimeout::new(stream, Arc::clone(&place.connection)));
            let connection = graceful.watch(http.serve_connection(stream, service));
            let first_header_read_timeout = self.limits().first_header_read_timeout;
            tasks.spawn(async move {
                tokio::select! {
                    // A client that disconnects, or is cut off because it is slow, is not worth a log line.
                    _ = connection => {}
                    () = place.connection.closed() => {}
                    () = never_asked(&place.connection, first_header_read_timeout) => {}
                }
            });
        }
        self.state().readiness.set_draining(true);
        drop(arrivals);
        if timeout(self.limits().shutdown_timeout, graceful.shutdown())
            .await
            .is_err()
        {
            tracing::warn!(target: "mlforge::server", "stopped before all requests had ended");
        }
        tasks.shutdown().await;
        Ok(())
    }

    /// The service that answers the requests of a connection.
    fn service(
        &self,
        connection: &Arc<Connection>,
        own_address: Option<OwnAddress>,
        peer: Option<PeerAddress>,
    ) -> impl Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send> + use<> {
        let (host, connection) = (self.clone(), Arc::clone(connection));
        service_fn(move |mut request: Request<Incoming>| {
            let (host, connection) = (host.clone(), Arc::clone(&connection));
            let active = ActiveRequest::begin(&host.state().connections, &connection);
            request.extensions_mut().insert(Arc::clone(&connection));
            if let Some(own_address) = own_address {
                request.extensions_mut().insert(own_address);
            }
            if let Some(peer) = peer {
                request.extensions_mut().insert(peer);
            }
            async move {
                let mut response = host.handle(request).await;
                connection.set_pace(host.limits().answer_pace(response.body().is_streamed()));
                response.body_mut().hold(active);
                Ok(response)
            }
        })
    }
}

/// Waits until a connection's first request is late. Never ends if its head has come in time.
async fn never_asked(connection: &Connection, time: Duration) {
    sleep(time).await;
    if connection.was_asked() {
        pending().await
    }
}

/// The listener, and the connection that waits for admission.
struct Arrivals {
    listener: TcpListener,
    connections: Connections,
    /// The pace of answers until there is one.
    pace: Pace,
    /// An accepted connection that waits for admission.
    arrived: Option<(TcpStream, Peer)>,
}

impl Arrivals {
    /// Returns the next connection. Cancelling this loses none.
    async fn next(&mut self) -> (TcpStream, Place) {
        loop {
            let peer = match &self.arrived {
                Some((_, peer)) => *peer,
                None => {
                    self.arrived = Some(self.accept().await);
                    continue;
                }
            };
            let place = self.connections.place(peer, self.pace).await;
            if let Some((stream, _)) = self.arrived.take() {
                return (stream, place);
            }
        }
    }

    async fn accept(&self) -> (TcpStream, Peer) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    // Answers are written whole, so waiting for more bytes would only delay them.
                    _ = stream.set_nodelay(true);
                    return (stream, peer.ip().into());
                }
                Err(error) => pause_after(&error).await,
            }
        }
    }
}

fn http(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_read_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER_BYTES_MAX)
        .max_header_size(limits.head_bytes_max);
    http
}

/// Pauses after an error of `accept`. A connection that ended before it was accepted needs no pause, and a
/// lack of sockets passes.
async fn pause_after(error: &io::Error) {
    if error.kind() != io::ErrorKind::ConnectionAborted && error.kind() != io::ErrorKind::ConnectionReset {
        tracing::warn!(target: "mlforge::server", %error, "cannot accept a connection");
        sleep(ACCEPT_PAUSE).await;
    }
}
