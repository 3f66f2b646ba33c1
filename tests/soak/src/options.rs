//! The command line of the soak program.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

/// The output of `--help`.
pub(crate) const HELP: &str = "\
Runs mlforge under random load and compares its answers with a model: while it is killed again and again, while its disk
is full, and for a long time. Or runs several servers on one PostgreSQL behind nginx: while servers are killed, connections are
cut and the database crashes, and while a standby takes over. Linux only.

usage: cargo xtask test soak [-- OPTIONS]
       cargo xtask test postgres -- hosts [OPTIONS]
       cargo xtask test s3 -- hosts [OPTIONS]
       mlforge-soak --server FILE (--shim FILE | --hosts N) [OPTIONS]

  --server FILE  mlforge binary, started on empty data directories (xtask passes it)
  --shim FILE    the library made from tests/soak/full_disk.c, which makes a disk look full (xtask passes it)
  --hosts N      number of servers of one database, 2 to 20 (xtask passes 3)
  --files PLACE  with --hosts: their store of files, as `mlforge serve --files` takes it; without it they have none
  --minutes N    how long in all, 0.1 to 10000 [default: 2.5, with --hosts 0.75]
  --only PART    kill, disk or mixed; with --hosts: hosts or failover. Only this part, for the whole time
  --seed N       repeats the choices of an earlier run, which printed its seed; who comes first is still up to the machine
  --dir DIR      where data directories are made [default: the system's temporary directory]
  --help         this text

After a failure the data directory and the server's log stay, and the message says where. With --hosts it has the
ends of all logs instead.";

/// Numbers of servers of one database.
const HOSTS: RangeInclusive<usize> = 2..=20;

/// A part of the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The server is killed under load.
    Kill,
    /// The disk is full for a while.
    Disk,
    /// Nothing happens but load.
    Mixed,
    /// Servers of one database are killed under load.
    Hosts,
    /// The database of several servers is killed under load.
    FailOver,
}

impl Part {
    /// The parts with one server in their order, with a name and a share of the time in percent.
    const OF_ONE: [(Self, &'static str, u32); 3] = [
        (Self::Kill, "kill", 40),
        (Self::Disk, "disk", 25),
        (Self::Mixed, "mixed", 35),
    ];
    /// The parts with several servers.
    const OF_SEVERAL: [(Self, &'static str, u32); 2] = [(Self::Hosts, "hosts", 70), (Self::FailOver, "failover", 30)];
}

impl Part {
    /// The parts for so many servers of one database.
    pub(crate) fn of(hosts: usize) -> &'static [(Self, &'static str, u32)] {
        if hosts == 0 { &Self::OF_ONE } else { &Self::OF_SEVERAL }
    }
}

/// The options of the program.
#[derive(Debug)]
pub(crate) struct Options {
    /// The mlforge binary.
    pub(crate) server: PathBuf,
    /// The library that makes a disk look full. Empty with several servers.
    pub(crate) shim: PathBuf,
    /// Number of servers of one database. 0: each part has one server and no database.
    pub(crate) hosts: usize,
    /// The store of the files of several servers. `None`: they have none, and no file is changed.
    pub(crate) files: Option<String>,
    /// The total time.
    pub(crate) time: Duration,
    /// The only part to run. `None`: all.
    pub(crate) only: Option<Part>,
    /// The seed of all random choices.
    pub(crate) seed: u64,
    /// The directory in which data directories are made.
    pub(crate) dir: PathBuf,
}

impl Options {
    /// Reads the arguments. `None`: help is requested.
    pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Result<Option<Self>> {
        let (mut server, mut shim, mut only, mut seed, mut minutes) = (None, None, None, None, None);
        let (mut hosts, mut files, mut dir) = (0, None, std::env::temp_dir());
        let mut args = args.into_iter();
        while let Some(name) = args.next() {
            if matches!(name.as_str(), "--help" | "-h") {
                return Ok(None);
            }
            let value = args.next();
            let value = || value.with_context(|| format!("{name} needs a value, or is unknown"));
            match name.as_str() {
                "--server" => server = Some(PathBuf::from(value()?)),
                "--shim" => shim = Some(PathBuf::from(value()?)),
                "--hosts" => hosts = number(&name, &value()?)?,
                "--files" => files = Some(value()?),
                "--minutes" => minutes = Some(number(&name, &value()?)?),
                "--only" => only = Some(value()?),
                "--seed" => seed = Some(number(&name, &value()?)?),
                "--dir" => dir = PathBuf::from(value()?),
                _ => bail!("there is no option {name}"),
            }
        }
        if !(hosts == 0 || HOSTS.contains(&hosts)) {
            bail!(
                "--hosts {hosts}: not a number from {} to {}",
                HOSTS.start(),
                HOSTS.end()
            );
        }
        if hosts == 0 && files.is_some() {
            bail!("--files goes with --hosts");
        }
        let minutes = minutes.unwrap_or(if hosts == 0 { 2.5 } else { 0.75 });
        if !(0.1..=10_000.0).contains(&minutes) {
            bail!("--minutes {minutes}: not a number from 0.1 to 10000");
        }
        Ok(Some(Self {
            server: server.context("--server FILE is missing")?,
            shim: match shim {
                None if hosts == 0 => bail!("--shim FILE is missing"),
                shim => shim.unwrap_or_default(),
            },
            hosts,
            files,
            time: Duration::try_from_secs_f64(minutes * 60.0)?,
            only: only.map(|name| part(&name, hosts)).transpose()?,
            seed: seed.map_or_else(any_seed, Ok)?,
            dir,
        }))
    }

    /// The time of a part. `None`: it is not selected.
    pub(crate) fn time_of(&self, part: Part, percent: u32) -> Option<Duration> {
        match self.only {
            None => Some(self.time * percent / 100),
            Some(only) => (only == part).then_some(self.time),
        }
    }
}

fn number<T: FromStr>(name: &str, text: &str) -> Result<T> {
    let number = text.parse().ok();
    number.with_context(|| format!("{name} {text}: not a number"))
}

fn part(text: &str, hosts: usize) -> Result<Part> {
    let mut parts = Part::of(hosts).iter();
    let part = parts.find(|(_, name, _)| *name == text);
    let names = || {
        Part::of(hosts)
            .iter()
            .map(|(_, name, _)| *name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    part.map(|(part, ..)| *part)
        .with_context(|| format!("--only {text}: not one of {}", names()))
}

/// A seed that differs each time.
fn any_seed() -> Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(u64::from(now.subsec_nanos()) ^ now.as_secs() << 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &str) -> Result<Option<Options>> {
        let words = format!("--server a --shim b {args}");
        Options::parse(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_parts_share_the_time() {
        let options = parse("--minutes 10").unwrap().unwrap();
        for hosts in [0, 3] {
            let shares = Part::of(hosts).iter();
            let shares = shares.map(|(part, _, percent)| options.time_of(*part, *percent).unwrap().as_secs());
            assert_eq!(shares.sum::<u64>(), 600);
        }
        let options = parse("--minutes 10 --only disk --seed 7").unwrap().unwrap();
        assert_eq!(options.time_of(Part::Disk, 25), Some(Duration::from_secs(600)));
        assert_eq!(options.time_of(Part::Kill, 40), None);
        assert_eq!(options.seed, 7);
    }

    #[test]
    fn impossible_options_are_refused() {
        for bad in [
            "--minutes 0",
            "--minutes x",
            "--only all",
            "--seed",
            "--seed -1",
            "--sead 1",
            "--hosts 1",
            "--only hosts",
            "--hosts 3 --only kill",
            "--files s3://a",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(Options::parse(["--server".to_owned(), "a".to_owned()]).is_err());
        assert!(parse("--help").unwrap().is_none());
    }
}
