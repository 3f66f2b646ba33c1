//! mlforge beside Redmine, which decides who may read and write: MLflow for each of its projects. The client's token is the
//! user's API key of Redmine, and the project in the tracking URI its number or identifier.

mod redmine;

use std::fs;
use std::io::{IsTerminal as _, stderr};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use mlforge::Host;
use mlforge::forge::{Forge as _, ForgeAddress, ForgeClient};
use mlforge::storage::files::FileBlobs;
use mlforge::storage::sqlite::SqliteRecords;

use crate::redmine::Redmine;

/// MLflow tracking and model registry for the projects of a Redmine.
#[derive(Parser)]
struct Options {
    /// URL of Redmine, for example https://redmine.example.org; its REST API must be switched on
    #[arg(long, value_name = "URL")]
    redmine: String,

    /// Certificates in PEM of authorities that are trusted for that URL besides the system's
    #[arg(long, value_name = "FILE")]
    redmine_ca: Option<PathBuf>,

    /// Time after which Redmine is asked again about a caller, 60 at most
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    recheck_after: u64,

    /// Directory of the data; it is made when absent
    #[arg(long, value_name = "DIR", default_value = "mlforge-data")]
    data: PathBuf,

    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,

    /// URL by which clients reach this server through a proxy, for example https://redmine.example.org
    #[arg(long, value_name = "URL")]
    external_url: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let is_terminal = stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_writer(stderr)
        .with_ansi(is_terminal)
        .init();
    let listener = tokio::net::TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("cannot listen on {}", options.listen))?;
    let host = host(&options).await?;
    println!("listening on http://{}", listener.local_addr()?);
    host.serve(listener, async { _ = tokio::signal::ctrl_c().await }).await
}

async fn host(options: &Options) -> anyhow::Result<Host> {
    let read = |file: &PathBuf| fs::read(file).with_context(|| format!("cannot read {}", file.display()));
    let address = ForgeAddress {
        url: options.redmine.clone(),
        authorities: options.redmine_ca.as_ref().map(read).transpose()?,
    };
    let redmine = Redmine {
        client: ForgeClient::new(&address)?,
        holds_for: Duration::from_secs(options.recheck_after),
    };
    if let Err(error) = redmine.probe().await {
        eprintln!("warning: {error}");
    }
    fs::create_dir_all(&options.data).with_context(|| format!("cannot make {}", options.data.display()))?;
    let builder = Host::builder()
        .component(mlforge_component::COMPONENT)
        .compiled_cache(options.data.join("compiled"))
        .records(Arc::new(SqliteRecords::open(&options.data.join("records.db"))?))
        .blobs(Arc::new(FileBlobs::open(&options.data.join("blobs"))?))
        .forge(Arc::new(redmine));
    match &options.external_url {
        Some(url) => builder.external_url(url),
        None => builder,
    }
    .build()
}
