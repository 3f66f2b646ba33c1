//! The command line of the benchmark program.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// The output of `--help`.
pub(crate) const HELP: &str = "\
Measures an MLflow server: rate, latency, CPU per request, memory, disk; beside the limits of this machine.

usage: cargo xtask bench [-- OPTIONS]
       mlforge-bench (--server FILE | --url URL [--token TOKEN]) [OPTIONS]

  --server FILE      mlforge binary: started on an empty data directory, stopped at the end (xtask passes it)
  --url URL          a running server instead, as in MLFLOW_TRACKING_URI (http only); gets experiments `bench-…`
  --token TOKEN      its bearer token
  --seconds S        length of each measurement, 0.1 to 60 [default: 2]
  --concurrency LIST connections at the same time, 1 to 256 each [default: 1,8,32]
  --runs LIST        runs in the experiments that are searched or shown, 1 to 1000000 each [default: 1000]
  --traces LIST      traces in the experiments that are searched, 1 to 1000000 each [default: 1000]
  --only WORD        only scenarios whose name has WORD in it
  --quick            0.3 s each at concurrency 1 and 8: tells whether everything works, not how fast
  --database WHERE   the binary on SQLite, on PostgreSQL and as several servers of one PostgreSQL, in turns. WHERE: debian (a
                     server that Debian's package has installed is started), or the address of a new database
  --hosts N          number of servers of the one PostgreSQL, 2 to 20 [default: 3]
  --fasttrackml FILE besides, the server `fml` of FastTrackML on the same PostgreSQL, where it offers a scenario; searches of
                     1,000 runs at most
  --dir DIR          where the data directory is made: choose the disk [default: the system's temporary directory]
  --server-log FILE  keep what the server logs [default: dropped]
  --help             this text

Each line of the table: scenario, connections, requests a second, median and 99th percentile in ms, server CPU in µs
per request (beside a search: that of the search too), the share of all cores taken by other programs meanwhile, and
the rate as a share of: a bare hyper server; an empty request through the component; the limits of this machine:
  flush     every request waits for one fdatasync that it shares with all others waiting; 4 KiB appended to a file,
            timed before and after the line
  in place  the same, written over what was there: cheaper, for the file does not grow
  json      serde_json writing the same answer over and over on one core
  bare      a bare hyper server that writes (flushed) or reads the same file
  native    mlforge's storage behind a bare hyper server, with the same reads and writes, without component and forge
A page for people has a line of its own: size and time of the page, then those of the calls that MLflow's own page makes for
the same view, and the time of the page as a share of theirs. All are sent on one connection, in turns.
With --database: name, connections, place, requests a second, median and 99th percentile in ms, CPU in µs per request of the
servers, and of the database if this program started it.
The exit code is 1 when any answer was wrong, or a page has more than 150,000 bytes.

examples:
  cargo xtask bench -- --quick
  cargo xtask bench -- --only search_runs --runs 1000,10000,100000
  cargo xtask bench -- --only traces_100000 --traces 100000
  cargo xtask bench -- --only log_ --concurrency 32 --seconds 10
  cargo xtask bench -- --only pages --runs 100000
  cargo xtask bench -- --only neighbours                      a quiet project, alone and beside greedy ones
  cargo xtask bench -- --only fairness                        a quiet project, alone and beside a flooding one
  cargo xtask bench -- --url http://127.0.0.1:5000            a stock mlflow server
  cargo xtask bench -- --database debian --runs 100000
  MLFORGE_LOG=warn cargo xtask bench                          the server writes no line per request";

/// The server to measure.
#[derive(Debug)]
pub(crate) enum Subject {
    /// An mlforge binary that this program starts.
    Binary(PathBuf),
    /// A running server.
    Url {
        /// Sent as a bearer token if present.
        url: String,
        /// Sent as a bearer token when present.
        token: Option<String>,
    },
}

/// The options of the benchmark.
#[derive(Debug)]
pub(crate) struct Options {
    /// The server to measure.
    pub(crate) subject: Subject,
    /// Length of each measurement.
    pub(crate) time: Duration,
    /// The numbers of connections.
    pub(crate) concurrency: Vec<usize>,
    /// The numbers of runs in the experiments that are searched.
    pub(crate) runs: Vec<u64>,
    /// The numbers of traces in the experiments that are searched.
    pub(crate) traces: Vec<u64>,
    /// A part of the name of each selected scenario.
    pub(crate) only: String,
    /// The PostgreSQL server with which SQLite is compared. `None`: nothing is compared.
    pub(crate) database: Option<String>,
    /// Number of servers of the one PostgreSQL.
    pub(crate) hosts: usize,
    /// The binary of FastTrackML, which is measured on the same PostgreSQL. `None`: it is not.
    pub(crate) fasttrackml: Option<PathBuf>,
    /// The directory in which the data directory is made.
    pub(crate) dir: PathBuf,
    /// The file of the server's log.
    pub(crate) server_log: Option<PathBuf>,
}

/// Arguments as written, before they are known to be complete.
#[derive(Default)]
struct Written {
    server: Option<PathBuf>,
    url: Option<String>,
    token: Option<String>,
    seconds: Option<f64>,
    concurrency: Option<Vec<usize>>,
    runs: Option<Vec<u64>>,
    traces: Option<Vec<u64>>,
    only: Option<String>,
    quick: bool,
    database: Option<String>,
    hosts: Option<usize>,
    fasttrackml: Option<PathBuf>,
    dir: Option<PathBuf>,
    server_log: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments. `None`: help is requested.
    pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Result<Option<Self>> {
        let mut written = Written::default();
        let mut args = args.into_iter();
        while let Some(name) = args.next() {
            match name.as_str() {
                "--help" | "-h" => return Ok(None),
                "--quick" => written.quick = true,
                _ => {
                    let value = args.next();
                    written.set(&name, value)?;
                }
            }
        }
        written.complete().map(Some)
    }

    /// True if `--only` selects a scenario.
    pub(crate) fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }
}

impl Written {
    fn set(&mut self, name: &str, value: Option<String>) -> Result<()> {
        let value = value.with_context(|| format!("{name} is unknown or needs a value"))?;
        match name {
            "--server" => self.server = Some(value.into()),
            "--url" => self.url = Some(value),
            "--token" => self.token = Some(value),
            "--seconds" => self.seconds = Some(within(name, &value, 0.1, 60.0)?),
            "--concurrency" => self.concurrency = Some(list(name, &value, 1, 256)?),
            "--runs" => self.runs = Some(list(name, &value, 1, 1_000_000)?),
            "--traces" => self.traces = Some(list(name, &value, 1, 1_000_000)?),
            "--only" => self.only = Some(value),
            "--database" => self.database = Some(value),
            "--hosts" => self.hosts = Some(within(name, &value, 2, 20)?),
            "--fasttrackml" => self.fasttrackml = Some(value.into()),
            "--dir" => self.dir = Some(value.into()),
            "--server-log" => self.server_log = Some(value.into()),
            _ => bail!("there is no option {name}"),
        }
        Ok(())
    }

    fn complete(self) -> Result<Options> {
        // xtask always passes a binary, so a URL wins.
        let subject = match (self.url, self.server) {
            (Some(url), _) => Subject::Url { url, token: self.token },
            (None, Some(binary)) => Subject::Binary(binary),
            (None, None) => bail!("--server or --url is needed"),
        };
        let (seconds, connections) = if self.quick {
            (0.3, vec![1, 8])
        } else {
            (2.0, vec![1, 8, 32])
        };
        Ok(Options {
            subject,
            time: Duration::try_from_secs_f64(self.seconds.unwrap_or(seconds))?,
            concurrency: self.concurrency.unwrap_or(connections),
            runs: self.runs.unwrap_or_else(|| vec![1000]),
            traces: self.traces.unwrap_or_else(|| vec![1000]),
            only: self.only.unwrap_or_default(),
            database: self.database,
            hosts: self.hosts.unwrap_or(3),
            fasttrackml: self.fasttrackml,
            dir: self.dir.unwrap_or_else(std::env::temp_dir),
            server_log: self.server_log,
        })
    }
}

fn list<T: FromStr + PartialOrd + Copy + Display>(name: &str, text: &str, min: T, max: T) -> Result<Vec<T>> {
    text.split(',').map(|item| within(name, item, min, max)).collect()
}

fn within<T: FromStr + PartialOrd + Display>(name: &str, text: &str, min: T, max: T) -> Result<T> {
    match text.trim().parse::<T>() {
        Ok(number) if number >= min && number <= max => Ok(number),
        _ => bail!("{name} {text}: not a number from {min} to {max}"),
    }
}
