//! `mlforge serve`: builds the host, tells the user how to reach it, and stops it on a signal.

use std::io::{IsTerminal as _, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use mlforge::forge::Forge;
use mlforge::storage::ProjectId;
use mlforge::{Host, Limits, SOURCE_SCHEMES};
use tokio::net::TcpListener;

use super::Serve;
use super::forge::OpenForge;
use super::log::Log;
use super::monitoring::Monitoring;
use super::place::Place;
use super::storage::OpenRecords;

/// With one worker, a single slow step would delay all requests.
const WORKERS_MIN: usize = 2;
/// Seconds of a day.
const DAY_S: u64 = 24 * 3_600;

pub(super) fn serve(place: &Place, options: &Serve) -> anyhow::Result<()> {
    let _log = Log::start(options.log.format())?;
    let cores = std::thread::available_parallelism().map_or(WORKERS_MIN, usize::from);
    tokio::runtime::Builder::new_multi_thread()
        // Beside those that compute, one puts requests into the queue in which projects take turns.
        .worker_threads((cores + 1).max(WORKERS_MIN))
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(run(place, options))
}

async fn run(place: &Place, options: &Serve) -> anyhow::Result<()> {
    let data = place.data();
    let raised = raise_descriptor_limit();
    let records = OpenRecords::open(place).await?;
    let external_url = options.external_url.as_deref();
    let forge = options.forge.open(place, &records, external_url).await?;
    let host = build(place, options, &records, &forge).await?;
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("cannot listen on {}", options.listen))?;
    let watchers = options.monitoring.bind().await?;
    let shutdown = shutdown_signal()?;
    let base = options
        .external_url
        .clone()
        .map_or_else(|| listener.local_addr().map(base_url), Ok)?;
    // This is the last step that can fail: a token created before a failed start would never be shown.
    let mut lines = announcement(&forge, &base, place)?;
    if std::io::stdout().is_terminal() {
        lines.push_str(&options.sign_in.link(&forge, &host, &base)?);
    }
    announce(lines);
    match raised {
        Ok(None) => {}
        Ok(Some((from, to))) => tracing::info!(from, to, "raised the limit of open files"),
        Err(error) => tracing::warn!(%error, "cannot raise the limit of open files"),
    }
    if let OpenForge::Remote(remote) = forge {
        tracing::info!(forge = %options.forge.forge, "asking the forge");
        tokio::spawn(probe(remote));
    }
    tracing::info!(address = %listener.local_addr()?, data = %data.display(), "listening");
    let _monitoring = Monitoring::start(&host, data, watchers, &records);
    let purging = options
        .purge_after
        .map(|days| tokio::spawn(super::purge::purge_regularly(host.clone(), records, days)));
    host.serve(listener, shutdown).await?;
    if let Some(purging) = purging {
        purging.abort();
    }
    tracing::info!("stopped");
    Ok(())
}

/// Warns if the forge does not answer. The server starts anyway: the forge may start later.
async fn probe(forge: Arc<dyn Forge>) {
    if let Err(error) = forge.probe().await {
        tracing::warn!(
            reason = error.reason,
            "the forge does not answer; until it does, every request is refused"
        );
    }
}

async fn build(place: &Place, options: &Serve, records: &OpenRecords, forge: &OpenForge) -> anyhow::Result<Host> {
    let builder = super::storage::builder(place, (&options.files, &options.direct), records, forge.forge()).await?;
    let builder = options.sign_in.lend(builder, &options.forge, forge)?;
    let component = super::compile::component(options.plugin.as_deref())?;
    super::compile::ahead(place.data(), options.plugin.as_deref(), &component);
    let builder = match &options.external_url {
        Some(url) => builder.external_url(url),
        None => builder,
    };
    let builder = match &options.mlflow_ui {
        Some(directory) => builder.mlflow_ui(directory),
        None => builder,
    };
    let builder = match options.audit_days {
        0 => builder,
        days => builder.audit_log(Duration::from_secs(days * DAY_S)),
    };
    let builder = match options.trace_retention {
        Some(days) => builder.trace_retention(Duration::from_secs(days * DAY_S)),
        None => builder,
    };
    builder
        .trusted_proxies(options.trusted_proxy.iter().copied())
        .component(component)
        .limits(Limits {
            file_bytes_max: options.max_file_size << 20,
            project_maxima: options.maxima.maxima()?,
            token_rate: options.max_token_rate,
            project_rate: options.max_project_rate,
            ..Limits::default()
        })
        .isolate(options.isolate)
        .public_metrics(options.monitoring.metrics_public())
        .commit_statuses(options.forge.commit_statuses)
        .source_schemes(source_schemes(&options.allow_source, &options.deny_source)?)
        .build()
}

/// The accepted schemes of sources: the default and allowed ones, without the denied ones.
fn source_schemes(allowed: &[String], denied: &[String]) -> anyhow::Result<Vec<String>> {
    let mut schemes = SOURCE_SCHEMES.map(str::to_owned).to_vec();
    schemes.extend(allowed.iter().cloned());
    for scheme in denied {
        ensure!(
            schemes.contains(scheme),
            "--deny-source {scheme}: sources with this scheme are refused anyway"
        );
    }
    schemes.retain(|scheme| !denied.contains(scheme));
    Ok(schemes)
}

/// The two lines that a user pastes into a shell. The first start of a local forge makes a project and a token.
fn announcement(forge: &OpenForge, base: &str, place: &Place) -> anyhow::Result<String> {
    let Some(forge) = forge.local() else {
        let token = "# token: one of the forge";
        return Ok(format!(
            "export MLFLOW_TRACKING_URI={base}/api/v4/projects/PROJECT/ml/mlflow\n{token}\n"
        ));
    };
    let first = forge.first_start()?;
    let project = forge
        .list_projects(ProjectId(0))?
        .first()
        .map_or(ProjectId(1), |project| project.id);
    let token = match first {
        Some(first) => format!("export MLFLOW_TRACKING_TOKEN={}", first.token),
        None => {
            let user = forge
                .list_users(0)?
                .into_iter()
                .next()
                .map_or_else(|| "NAME".to_owned(), |user| user.login);
            // Formatted as `{:?}`, which escapes line breaks, because a shell may evaluate the lines.
            let flag = match &place.database {
                Some(address) => format!("--database {:?}", address.to_string()),
                None => format!("--data {:?}", place.data()),
            };
            format!("# token shown at the first start only; make another: mlforge token create --user {user} {flag}")
        }
    };
    let uri = format!("{base}/api/v4/projects/{}/ml/mlflow", project.0);
    Ok(format!("export MLFLOW_TRACKING_URI={uri}\n{token}\n"))
}

/// Prints the lines on a separate thread, so that the server runs even when nobody reads them.
fn announce(lines: String) {
    let print = move || {
        let mut stdout = std::io::stdout().lock();
        if let Err(error) = stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush()) {
            tracing::warn!(%error, "cannot write to stdout; a token can be made with: mlforge token create");
        }
    };
    if let Err(error) = thread::Builder::new().name("mlforge-stdout".into()).spawn(print) {
        tracing::warn!(%error, "cannot start a thread that writes to stdout");
    }
}

fn base_url(mut address: SocketAddr) -> String {
    // The unspecified address is no address to connect to.
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    format!("http://{address}")
}

/// Raises the soft limit of open files and sockets to the hard one, because shells and services often set
/// 1,024. Returns the former limit and the new one. `None`: both were equal.
#[cfg(unix)]
fn raise_descriptor_limit() -> std::io::Result<Option<(Option<u64>, Option<u64>)>> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return Ok(None);
    }
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised)?;
    Ok(Some((current, maximum)))
}

#[cfg(not(unix))]
fn raise_descriptor_limit() -> std::io::Result<Option<(Option<u64>, Option<u64>)>> {
    Ok(None)
}

/// Listens for signals from this call on, not from the first poll of the returned future.
#[cfg(unix)]
fn shutdown_signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
    })
}

#[cfg(not(unix))]
fn shutdown_signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        // Without a handler there is no signal to wait for. The process is then ended from outside.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_allowed_and_denied_by_scheme() {
        let schemes = |allowed: &[&str], denied: &[&str]| {
            let owned = |list: &[&str]| list.iter().map(|scheme| (*scheme).to_owned()).collect::<Vec<_>>();
            source_schemes(&owned(allowed), &owned(denied)).map(|schemes| schemes.join(" "))
        };
        let default = "s3 gs wasb wasbs abfs abfss adl dbfs hdfs https ftp ftps sftp";
        assert_eq!(schemes(&[], &[]).unwrap(), default);
        assert_eq!(schemes(&["http"], &[]).unwrap(), format!("{default} http"));
        let without = default.replace(" https", "");
        assert_eq!(schemes(&["http"], &["https", "http", "https"]).unwrap(), without);
        for never_taken in ["file", "S3", "http"] {
            assert!(schemes(&[], &[never_taken]).is_err());
        }
    }
}
