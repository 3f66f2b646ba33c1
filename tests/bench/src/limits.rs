//! What this machine allows, measured in the same run: a bare hyper server, the disk, JSON.

use std::convert::Infallible;
use std::fs::File;
use std::io::{Seek, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Response, server::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::numbers::{float, nanos, percentile, whole};

/// What the bare server answers.
const SMALL_JSON: &[u8] = br#"{"error_code":"NOT_FOUND","message":"nothing here"}"#;
/// Threads of the bare server: as many as mlforge has on two cores.
const THREADS: usize = 2;
/// What is written before each flush.
const FLUSH_BYTES: usize = 4096;
/// How long JSON is written over and over.
const JSON_TIME: Duration = Duration::from_millis(200);

/// A hyper server in this process that answers everything with a small JSON; ends when dropped.
pub(crate) struct BareServer {
    /// As in `MLFLOW_TRACKING_URI`.
    pub(crate) url: String,
    _stop: oneshot::Sender<()>,
}

impl BareServer {
    /// Starts it on threads of its own, as a server in another process would have.
    pub(crate) fn start() -> Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            if let Err(error) = serve(&tell, stopped) {
                // Nobody listens once the address is told.
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

fn serve(tell: &mpsc::Sender<Result<SocketAddr>>, stopped: oneshot::Receiver<()>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        _ = tell.send(Ok(listener.local_addr()?));
        tokio::select! {
            accepted = accept(listener) => accepted,
            _ = stopped => Ok(()),
        }
    });
    runtime.shutdown_background();
    served
}

async fn accept(listener: TcpListener) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service_fn(|_| async { Ok::<_, Infallible>(small_json()) });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move { _ = connection.await });
    }
}

fn small_json() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(SMALL_JSON)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// How long single flushes (`fdatasync`) of 4 KiB take, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flush {
    /// Appended to a file: its length has to be flushed too.
    pub(crate) appended: Vec<u64>,
    /// Written over what was there, as a log that goes round does.
    pub(crate) in_place: Vec<u64>,
}

impl Flush {
    /// Takes so many more samples of each kind, in turns, with files in a directory. The disk of a shared machine
    /// changes from second to second, so samples belong beside what they are compared with.
    pub(crate) fn sample(&mut self, dir: &Path, samples: usize) -> Result<()> {
        let (long_path, short_path) = (dir.join("appended"), dir.join("in-place"));
        let (mut long, mut short) = (File::create(&long_path)?, File::create(&short_path)?);
        flush(&mut short)?;
        for _ in 0..samples {
            self.appended.push(flush(&mut long)?);
            short.rewind()?;
            self.in_place.push(flush(&mut short)?);
        }
        std::fs::remove_file(&long_path)?;
        std::fs::remove_file(&short_path)?;
        self.appended.sort_unstable();
        self.in_place.sort_unstable();
        Ok(())
    }
}

/// Writes 4 KiB and flushes them; returns the nanoseconds that took.
fn flush(file: &mut File) -> Result<u64> {
    let started = Instant::now();
    file.write_all(&[0x5a; FLUSH_BYTES])?;
    file.sync_data()?;
    Ok(nanos(started.elapsed()))
}

/// Requests a second when so many wait at any time and share each flush of median length.
pub(crate) fn shared_rate(flushes: &[u64], connections: usize) -> Option<f64> {
    let median = percentile(flushes, 50)?;
    Some(float(whole(connections)) * 1e9 / float(median.max(1)))
}

/// How often a second `serde_json` writes an answer on one core; `None` when it is no JSON.
pub(crate) fn json_rate(answer: &[u8]) -> Option<f64> {
    let value: Value = serde_json::from_slice(answer).ok()?;
    let started = Instant::now();
    let mut written = 0_u64;
    while started.elapsed() < JSON_TIME {
        std::hint::black_box(serde_json::to_vec(&value).ok()?);
        written += 1;
    }
    Some(float(written) / started.elapsed().as_secs_f64())
}
