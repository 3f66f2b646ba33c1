//! Baseline servers in this process, to compare lines of the table with. Each does one of three minimal
//! tasks. It gives a small answer, writes and reads files in the plainest way, or logs metrics by native
//! code.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, server::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter};
use tokio::net::TcpListener;
use tokio::sync::{mpsc as pieces, oneshot};

use crate::native::NativeStore;

/// The answer of `Task::Small`.
const SMALL_JSON: &[u8] = br#"{"error_code":"NOT_FOUND","message":"nothing here"}"#;
/// Number of threads of a baseline server: as many as mlforge has on two cores.
const THREADS: usize = 2;
/// Number of bytes of a file that are read or written at once.
const PIECE_BYTES: usize = 256 << 10;
/// Number of pieces that are buffered for a slow client.
const PIECES_AHEAD: usize = 2;

/// The task of a baseline server.
#[derive(Clone, Debug)]
enum Task {
    /// Answers everything with a small JSON.
    Small,
    /// Stores uploaded files in a directory, and returns them.
    Files(PathBuf),
    /// Logs metrics, in a directory.
    Metrics(PathBuf),
}

/// A task that was started.
#[derive(Clone)]
enum Handler {
    Small,
    Files(PathBuf),
    Metrics(Arc<NativeStore>),
}

impl Task {
    async fn begin(self) -> Result<Handler> {
        Ok(match self {
            Self::Small => Handler::Small,
            Self::Files(dir) => Handler::Files(dir),
            Self::Metrics(dir) => Handler::Metrics(Arc::new(NativeStore::make(&dir).await?)),
        })
    }
}

/// A hyper server in this process. It ends when dropped.
pub(crate) struct BaselineServer {
    /// The base URL, as in `MLFLOW_TRACKING_URI`.
    pub(crate) url: String,
    _stop: oneshot::Sender<()>,
}

impl BaselineServer {
    /// A server that answers everything with a small JSON.
    pub(crate) fn small() -> Result<Self> {
        Self::start(Task::Small)
    }

    /// A server that stores files. It writes, flushes and renames each before it answers, since an
    /// acknowledged file must be durable.
    pub(crate) fn files(dir: &Path) -> Result<Self> {
        Self::start(Task::Files(dir.to_owned()))
    }

    /// A server that logs metrics to the runs of a `NativeStore`.
    pub(crate) fn metrics(dir: &Path) -> Result<Self> {
        Self::start(Task::Metrics(dir.to_owned()))
    }

    /// Starts the server on threads of its own, as a server in another process would have.
    fn start(task: Task) -> Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            if let Err(error) = serve(task, &tell, stopped) {
                // Nobody listens after the address is sent.
                _ = tell.send(Err(error));
            }
        });
        let address: SocketAddr = told.recv().map_err(|_| anyhow!("the bare server ended"))??;
        Ok(Self {
            url: format!("http://{address}"),
            _stop: stop,
        })
    }
}

fn serve(task: Task, tell: &mpsc::Sender<Result<SocketAddr>>, stopped: oneshot::Receiver<()>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        let handler = task.begin().await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        _ = tell.send(Ok(listener.local_addr()?));
        tokio::select! {
            accepted = accept(handler, listener) => accepted,
            _ = stopped => Ok(()),
        }
    });
    runtime.shutdown_background();
    served
}

async fn accept(handler: Handler, listener: TcpListener) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let handler = handler.clone();
        let service = service_fn(move |request| {
            let handler = handler.clone();
            async move { Ok::<_, Infallible>(answer(&handler, request).await) }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move { _ = connection.await });
    }
}

type Answer = Response<Either<Full<Bytes>, Pieces>>;

async fn answer(handler: &Handler, request: Request<Incoming>) -> Answer {
    let done = match handler {
        Handler::Small => Ok(small(StatusCode::OK, Bytes::from_static(SMALL_JSON))),
        Handler::Files(dir) => {
            let name = request.uri().path().replace('/', "-");
            match *request.method() {
                Method::PUT => keep(dir, &name, request.into_body()).await,
                _ => give(dir, &name).await,
            }
        }
        Handler::Metrics(store) => log(store, request.into_body()).await,
    };
    done.unwrap_or_else(|error| small(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}").into()))
}

fn small(status: StatusCode, body: Bytes) -> Answer {
    let mut response = Response::new(Either::Left(Full::new(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn log(store: &NativeStore, body: Incoming) -> Result<Answer> {
    store.log_metric(&body.collect().await?.to_bytes()).await?;
    Ok(small(StatusCode::OK, Bytes::from_static(b"{}")))
}

async fn keep(dir: &Path, name: &str, mut body: Incoming) -> Result<Answer> {
    let (place, received) = (dir.join(name), dir.join(format!("{name}.part")));
    let mut file = BufWriter::with_capacity(PIECE_BYTES, File::create(&received).await?);
    while let Some(frame) = body.frame().await {
        if let Ok(piece) = frame?.into_data() {
            file.write_all(&piece).await?;
        }
    }
    file.flush().await?;
    file.get_ref().sync_all().await?;
    tokio::fs::rename(&received, &place).await?;
    let dir = File::open(dir).await.context("the directory")?;
    dir.sync_all().await?;
    Ok(small(StatusCode::OK, Bytes::from_static(SMALL_JSON)))
}

async fn give(dir: &Path, name: &str) -> Result<Answer> {
    let mut file = File::open(dir.join(name)).await?;
    file.set_max_buf_size(PIECE_BYTES);
    let (sender, receiver) = pieces::channel(PIECES_AHEAD);
    tokio::spawn(async move {
        loop {
            let mut piece = Vec::with_capacity(PIECE_BYTES);
            match file.read_buf(&mut piece).await {
                Ok(count) if count > 0 && sender.send(Bytes::from(piece)).await.is_ok() => {}
                // The client sees a file that ends too early, and counts a wrong answer.
                _ => return,
            }
        }
    });
    Ok(Response::new(Either::Right(Pieces(receiver))))
}

/// A body that is read while it is sent.
struct Pieces(pieces::Receiver<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(cx)
            .map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}
