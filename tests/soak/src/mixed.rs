//! Load for a time, without faults. All answers are right, nothing fails, and the server's resources do not
//! grow.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use mlforge_bench::dice::Dice;
use mlforge_bench::process;

use crate::caller::Progress;
use crate::options::Options;
use crate::projects::{Crowd, Size};
use crate::report::{Round, say};
use crate::site::{self, Site};

const SIZE: Size = Size {
    projects: 3,
    callers: 4,
};
/// The time after which everything is compared and new callers start.
const ROUND: Duration = Duration::from_secs(40);
/// Number of changes before descriptors are counted for the first time.
const WARM_UP: u64 = 500;
/// The share of the time for comparisons.
const COMPARING_PERCENT: u32 = 35;
/// Maximum memory of the server at the end of a round.
const RESIDENT_BYTES_MAX: u64 = 256 << 20;
/// Maximum number of descriptors of databases for reading: eight connections, each with the database and its
/// log, to either database.
const DATABASE_DESCRIPTORS_MAX: usize = 36;
/// Maximum time until descriptors are closed.
const CLOSING_TIME_MAX: Duration = Duration::from_secs(20);

/// Loads the server until the time is over; returns the rounds.
pub(crate) async fn run(options: &Options, dice: &mut Dice, time: Duration) -> Result<Vec<Round>> {
    let launcher = Site::launcher(options, "mixed")?;
    let mut site = Site::start(launcher, SIZE)?;
    match load(&mut site, dice, time).await {
        Ok(rounds) => Ok(rounds),
        Err(error) => Err(site.explain(error)),
    }
}

async fn load(site: &mut Site, dice: &mut Dice, time: Duration) -> Result<Vec<Round>> {
    let (started, pid) = (Instant::now(), site.pid()?);
    let sockets = Descriptors::count(pid)?.sockets;
    let crowd = site.crowd("warm", dice).await?;
    let warm = Arc::new(Progress::default());
    let ending = async {
        warm.reaches(|counts| counts.done >= WARM_UP).await;
        warm.end();
        Ok(())
    };
    tokio::try_join!(crowd.work(&warm), ending)?;
    let before = Descriptors {
        sockets,
        ..Descriptors::count(pid)?
    };
    let mut rounds = Vec::new();
    while rounds.is_empty() || started.elapsed() < time {
        let left = time.saturating_sub(started.elapsed());
        let working = ROUND
            .min(left * (100 - COMPARING_PERCENT) / 100)
            .max(Duration::from_secs(2));
        let crowd = site.crowd(&format!("x{}", rounds.len()), dice).await?;
        process::forget_peak(pid)?;
        let (crowd, round) = work_for(crowd, working).await?;
        site.check(crowd).await?;
        site.must_run()?;
        site.check_log(true)?;
        let (resident, peak) = (process::resident_bytes(pid)?, process::peak_bytes(pid)?);
        say!(
            "load {}: {round}; RSS {} MiB, at most {} MiB",
            rounds.len() + 1,
            resident >> 20,
            peak >> 20
        );
        ensure!(
            resident <= RESIDENT_BYTES_MAX,
            "the server keeps {} MiB of memory",
            resident >> 20
        );
        rounds.push(round);
    }
    before.must_be_back(site, pid).await?;
    site.stop()?;
    site.check_log(true)?;
    Ok(rounds)
}

async fn work_for(crowd: Crowd, time: Duration) -> Result<(Crowd, Round)> {
    let progress = Arc::new(Progress::default());
    let ending = async {
        tokio::time::sleep(time).await;
        progress.end();
        Ok(())
    };
    let (crowd, ()) = tokio::try_join!(crowd.work(&progress), ending)?;
    Ok((crowd, Round::of(progress.counts())))
}

/// Numbers of the server's open descriptors. Sockets are counted before any caller came, all others after the
/// first changes.
#[derive(Debug)]
struct Descriptors {
    /// Connections of callers, and the listening socket.
    sockets: usize,
    /// Databases and their logs.
    databases: usize,
    /// All others: files, pipes, the system's.
    others: usize,
}

impl Descriptors {
    fn count(pid: u32) -> Result<Self> {
        let open = process::descriptors(pid)?;
        let count = |is: fn(&str) -> bool| open.iter().filter(|target| is(target)).count();
        let (sockets, databases) = (count(is_socket), count(is_database));
        Ok(Self {
            sockets,
            databases,
            others: open.len() - sockets - databases,
        })
    }

    /// Checks that the descriptors are as few as before. Connections end soon after their callers have ended.
    async fn must_be_back(&self, site: &Site, pid: u32) -> Result<()> {
        let (started, mut client) = (Instant::now(), site.stranger().await?);
        loop {
            // Answers that come in the meantime need a connection, too.
            site::must_live(&mut client).await?;
            let now = Self::count(pid)?;
            let are_back = now.sockets <= self.sockets + 1 && now.others <= self.others;
            if are_back && now.databases <= DATABASE_DESCRIPTORS_MAX {
                say!("open at the end: {now:?}; at the beginning: {self:?}");
                return Ok(());
            }
            if started.elapsed() > CLOSING_TIME_MAX {
                bail!("open at the end: {now:?}; at the beginning: {self:?}");
            }
        }
    }
}

fn is_socket(target: &str) -> bool {
    target.starts_with("socket:")
}

fn is_database(target: &str) -> bool {
    target.contains(".db")
}
