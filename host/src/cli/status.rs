//! `mlforge status`: asks a running server for its metrics, and shows them for people.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use clap::Args;

use self::report::report;
use self::sample::Samples;

mod report;
mod sample;

/// Maximum time of each step of asking.
const TIME: Duration = Duration::from_secs(10);
/// Maximum size of an answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Options of `mlforge status`.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// Ask the server at this address of its --metrics-listen, instead of the one that serves the data directory
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<String>,
}

pub(super) fn status(data: &Path, options: &Status) -> anyhow::Result<()> {
    let ask = |path: &str| match &options.address {
        Some(address) => ask_tcp(address, path),
        None => ask_socket(data, path),
    };
    let ready = ask("/-/ready")?;
    let metrics = ask("/-/metrics")?;
    if metrics.status != 200 {
        bail!("the server answers {} instead of its metrics", metrics.status);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut text = format!("{}\n", ready.body.trim());
    for (title, value) in report(&Samples::parse(&metrics.body), now.as_secs_f64()) {
        text.push_str(&format!("{title:<12}  {value}\n"));
    }
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to stdout")
}

struct Answer {
    status: u16,
    body: String,
}

fn ask_tcp(address: &str, path: &str) -> anyhow::Result<Answer> {
    let asked = || -> anyhow::Result<Answer> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(TIME))?;
        stream.set_write_timeout(Some(TIME))?;
        exchange(stream, path)
    };
    asked().with_context(|| format!("no server answers at {address}"))
}

#[cfg(unix)]
fn ask_socket(data: &Path, path: &str) -> anyhow::Result<Answer> {
    let asked = || -> anyhow::Result<Answer> {
        let stream = std::os::unix::net::UnixStream::connect(super::monitoring::socket(data))?;
        stream.set_read_timeout(Some(TIME))?;
        stream.set_write_timeout(Some(TIME))?;
        exchange(stream, path)
    };
    asked().with_context(|| format!("no server answers for the data directory {}", data.display()))
}

#[cfg(not(unix))]
fn ask_socket(_: &Path, _: &str) -> anyhow::Result<Answer> {
    bail!("on this system name the server's address of --metrics-listen: --address HOST:PORT")
}

/// Sends a request of HTTP/1.0, whose answer ends with the connection.
fn exchange(mut stream: impl Read + Write, path: &str) -> anyhow::Result<Answer> {
    stream.write_all(format!("GET {path} HTTP/1.0\r\nhost: mlforge\r\n\r\n").as_bytes())?;
    let mut text = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").context("the answer is not of HTTP")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(Answer {
        status: status.context("the answer has no status")?,
        body: body.to_owned(),
    })
}
