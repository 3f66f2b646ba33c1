//! The sockets on which a running server is watched: one in the data directory, and one that the operator names.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use mlforge::{Host, MonitoringListener};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::storage::OpenRecords;

/// Time from the start to the first measurement of the projects' files, which is not to delay the first requests.
const MEASURE_DELAY: std::time::Duration = std::time::Duration::from_secs(60);
/// Time between two measurements.
const MEASURE_PAUSE: std::time::Duration = std::time::Duration::from_secs(6 * 3_600);

/// Options for metrics.
#[derive(Debug, Args)]
pub(super) struct MonitoringArgs {
    /// Serve /-/metrics, /-/ready and /-/health on this address, without signing in; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT")]
    metrics_listen: Option<SocketAddr>,

    /// Serve /-/metrics on the public address too, to everybody
    #[arg(long)]
    metrics_public: bool,
}

impl MonitoringArgs {
    pub(super) fn metrics_public(&self) -> bool {
        self.metrics_public
    }

    /// Opens the socket that the operator names, if any.
    pub(super) async fn bind(&self) -> anyhow::Result<Option<TcpListener>> {
        let Some(address) = self.metrics_listen else {
            return Ok(None);
        };
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address} for metrics"))?;
        Ok(Some(listener))
    }
}

/// The watchers' sockets while they are served. Dropping it closes them.
pub(super) struct Monitoring {
    _tasks: JoinSet<()>,
    /// `None`: there is none, or it is another server's.
    socket: Option<PathBuf>,
}

impl Monitoring {
    /// Serves both sockets, and measures the projects' files now and then.
    pub(super) fn start(host: &Host, data: &Path, named: Option<TcpListener>, records: &OpenRecords) -> Self {
        let mut tasks = JoinSet::new();
        let mut bound = None;
        if let Some(listener) = named {
            match listener.local_addr() {
                Ok(address) => tracing::info!(%address, "metrics"),
                Err(error) => tracing::warn!(%error, "the address of the metrics is not known"),
            }
            serve(&mut tasks, host, MonitoringListener::Tcp(listener));
        }
        #[cfg(unix)]
        match bind_unix(&socket(data)) {
            Ok(listener) => {
                bound = Some(socket(data));
                serve(&mut tasks, host, MonitoringListener::Unix(listener));
            }
            // Some file systems have no sockets, and the path of one must be short.
            Err(error) => {
                tracing::warn!(%error, "no socket in the data directory, so `mlforge status` needs --address")
            }
        }
        tasks.spawn(measure_regularly(host.clone(), records.clone()));
        Self {
            _tasks: tasks,
            socket: bound,
        }
    }
}

impl Drop for Monitoring {
    fn drop(&mut self) {
        if let Some(socket) = &self.socket {
            // A socket that is left is replaced at the next start.
            _ = std::fs::remove_file(socket);
        }
    }
}

/// The socket in a data directory.
pub(super) fn socket(data: &Path) -> PathBuf {
    data.join("mlforge.sock")
}

fn serve(tasks: &mut JoinSet<()>, host: &Host, listener: MonitoringListener) {
    let host = host.clone();
    tasks.spawn(async move { host.serve_monitoring(listener, std::future::pending()).await });
}

/// Binds the socket, in place of one that a killed server left. That of a running server stays: servers of one database may have
/// the same data directory.
#[cfg(unix)]
fn bind_unix(socket: &Path) -> std::io::Result<tokio::net::UnixListener> {
    if std::os::unix::net::UnixStream::connect(socket).is_ok() {
        return Err(std::io::ErrorKind::AddrInUse.into());
    }
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    tokio::net::UnixListener::bind(socket)
}

async fn measure_regularly(host: Host, records: OpenRecords) {
    tokio::time::sleep(MEASURE_DELAY).await;
    loop {
        let measured = async {
            let projects = super::purge::projects(&records).await?;
            host.measure_storage(&projects)
                .await
                .map_err(|error| anyhow::anyhow!("{error}"))
        };
        if let Err(error) = measured.await {
            tracing::warn!(error = format!("{error:#}"), "cannot measure the projects' files");
        }
        tokio::time::sleep(MEASURE_PAUSE).await;
    }
}
