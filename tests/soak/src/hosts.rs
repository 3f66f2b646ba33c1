//! Several servers of one database under load. They are killed and started again, their connections are cut, and the database
//! crashes once. Nothing acknowledged is lost, and every answer is one that some order of the requests could have given.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mlforge_bench::dice::Dice;
use mlforge_postgres::Cluster;
use tokio::time::timeout;

use crate::caller::Progress;
use crate::fleet::Fleet;
use crate::options::Options;
use crate::projects::{Crowd, Size};
use crate::report::{Round, say};

/// One project, so that all servers write to the same one.
const SIZE: Size = Size {
    projects: 1,
    callers: 8,
};
/// The time after which everything is compared and new callers start.
const ROUND: Duration = Duration::from_secs(40);
/// The share of the time for comparisons.
const COMPARING_PERCENT: u32 = 35;
/// Number of acknowledged changes before the next fault.
const DONE: std::ops::RangeInclusive<u64> = 20..=300;
/// The longest time without them.
pub(crate) const STUCK: Duration = Duration::from_secs(60);

/// A fault of one server, or of the database.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// A server is killed.
    Kill(usize),
    /// The connections of a server to the database are cut.
    Cut(usize),
    /// The database crashes, and starts again.
    Crash,
}

/// Runs rounds until the time is over; returns them.
pub(crate) async fn run(options: &Options, dice: &mut Dice, time: Duration) -> Result<Vec<Round>> {
    let database = Arc::new(Cluster::start(&options.dir)?);
    let mut fleet = Fleet::start(options, "hosts", &[&database], SIZE)?;
    match rounds(&mut fleet, dice, time).await {
        Ok(rounds) => fleet.stop().map(|()| rounds),
        Err(error) => Err(fleet.explain(error)),
    }
}

async fn rounds(fleet: &mut Fleet, dice: &mut Dice, time: Duration) -> Result<Vec<Round>> {
    let (started, mut rounds) = (Instant::now(), Vec::new());
    while rounds.is_empty() || started.elapsed() < time {
        let crowd = fleet.crowd(&format!("h{}", rounds.len()), dice).await?;
        let left = time.saturating_sub(started.elapsed());
        let working = ROUND.min(left * (100 - COMPARING_PERCENT) / 100);
        let progress = Arc::new(Progress::default());
        let (crowd, faults) = work(fleet, crowd, dice, &progress, working).await?;
        fleet.settle(crowd, &progress).await?;
        let round = Round::of(progress.counts());
        say!("round {}: {round}; {faults}", rounds.len() + 1);
        rounds.push(round);
    }
    Ok(rounds)
}

/// Lets the callers work, with a fault after some changes. Returns the callers, and a text about the faults.
async fn work(
    fleet: &mut Fleet,
    crowd: Crowd,
    dice: &mut Dice,
    progress: &Arc<Progress>,
    time: Duration,
) -> Result<(Crowd, String)> {
    progress.may_fail(true);
    progress.may_break();
    let started = Instant::now();
    let faults = async {
        let (mut kills, mut cuts, mut crashes) = (0, 0, 0);
        while started.elapsed() < time || kills == 0 {
            advance(progress, dice.within(DONE)).await?;
            let server = dice.index(fleet.len()).context("no server")?;
            // The crash comes when half of the time is over.
            let fault = match dice.below(3) {
                _ if crashes == 0 && started.elapsed() > time / 2 => Fault::Crash,
                0 => Fault::Cut(server),
                _ => Fault::Kill(server),
            };
            match fault {
                Fault::Kill(server) => {
                    fleet.kill(server, progress).await?;
                    fleet.restart(server).await?;
                    kills += 1;
                }
                Fault::Cut(server) => {
                    fleet.cut(server).await?;
                    cuts += 1;
                }
                Fault::Crash => {
                    fleet.restart_database().await?;
                    crashes += 1;
                }
            }
        }
        advance(progress, 1).await?;
        progress.end();
        anyhow::Ok(format!(
            "{kills} servers killed, {cuts} cut off, {crashes} crashes of the database"
        ))
    };
    tokio::try_join!(crowd.work(progress), faults)
}

/// Waits until so many further changes were acknowledged.
pub(crate) async fn advance(progress: &Progress, count: u64) -> Result<()> {
    let enough = progress.counts().done + count;
    let waiting = timeout(STUCK, progress.reaches(|counts| counts.done >= enough));
    waiting
        .await
        .with_context(|| format!("{count} changes took longer than {STUCK:?}"))
}
