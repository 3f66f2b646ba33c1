//! The server is killed at random moments. Nothing acknowledged is lost, and unanswered changes are stored
//! whole or not at all.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mlforge_bench::dice::Dice;
use rusqlite::Connection;

use crate::caller::Progress;
use crate::options::Options;
use crate::projects::{Crowd, Size};
use crate::report::{Round, say};
use crate::site::Site;

const SIZE: Size = Size {
    projects: 2,
    callers: 4,
};
/// Number of acknowledged changes before a kill.
const DONE: std::ops::RangeInclusive<u64> = 1..=600;
/// Maximum delay of the kill after these changes, in microseconds.
const MOMENT_MICROS: u64 = 3_000;
/// Number of kills before new callers start, so that neither the model nor the time to compare grows without
/// end.
const KILLS: usize = 8;
/// Maximum number of files in one directory that is checked.
const FILES_MAX: usize = 100_000;

/// Kills the server until the time is over; returns the rounds.
pub(crate) async fn run(options: &Options, dice: &mut Dice, time: Duration) -> Result<Vec<Round>> {
    let launcher = Site::launcher(options, "kill")?;
    let mut site = Site::start(launcher, SIZE)?;
    match kill_again_and_again(&mut site, dice, time).await {
        Ok(rounds) => Ok(rounds),
        Err(error) => Err(site.explain(error)),
    }
}

async fn kill_again_and_again(site: &mut Site, dice: &mut Dice, time: Duration) -> Result<Vec<Round>> {
    let started = Instant::now();
    let mut rounds = Vec::new();
    while rounds.is_empty() || started.elapsed() < time {
        let mut crowd = site.crowd(&format!("k{}", rounds.len()), dice).await?;
        for _ in 0..KILLS {
            let (killed, round) = kill_once(site, crowd, dice).await?;
            crowd = killed;
            say!("kill {}: {round}", rounds.len() + 1);
            rounds.push(round);
            if started.elapsed() >= time {
                break;
            }
        }
        site.check(crowd).await?;
        site.check_log(false)?;
    }
    site.stop()?;
    site.check_log(false)?;
    Ok(rounds)
}

async fn kill_once(site: &mut Site, crowd: Crowd, dice: &mut Dice) -> Result<(Crowd, Round)> {
    let (progress, enough) = (Arc::new(Progress::default()), dice.within(DONE));
    let moment = Duration::from_micros(dice.below(MOMENT_MICROS));
    let killer = async {
        progress.reaches(|counts| counts.done >= enough).await;
        // This waits for nothing: it makes the moment random.
        tokio::time::sleep(moment).await;
        progress.may_break();
        site.kill()
    };
    let (crowd, ()) = tokio::try_join!(crowd.work(&progress), killer)?;
    check_databases(&site.data_dir(), &site.work_dir().join("copy"))?;
    site.restart()?;
    check_staging(&site.data_dir())?;
    let crowd = site.recover(crowd).await?;
    Ok((crowd, Round::of(progress.counts())))
}

/// Checks that the crash left intact databases. The check opens copies, since it repairs them: the next start
/// must repair the originals itself.
fn check_databases(data: &Path, copy: &Path) -> Result<()> {
    fs::create_dir_all(copy)?;
    let mut databases = 0;
    for entry in fs::read_dir(data)?.take(FILES_MAX) {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if path.extension().is_none_or(|extension| extension != "db") {
            continue;
        }
        databases += 1;
        let copied = copy.join(&name);
        for suffix in ["", "-wal"] {
            let with_suffix = |path: &Path| format!("{}{suffix}", path.display());
            // A database that was closed well has no log.
            _ = fs::copy(with_suffix(&path), with_suffix(&copied));
        }
        let connection = Connection::open(&copied)?;
        let found: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        ensure!(found == "ok", "{}: {found}", path.display());
    }
    ensure!(databases > 0, "there is no database in {}", data.display());
    fs::remove_dir_all(copy).context("the copy of the databases")
}

/// Checks that a start removes the remains of interrupted uploads.
fn check_staging(data: &Path) -> Result<()> {
    let staging = data.join("blobs").join("staging");
    let left = fs::read_dir(&staging).with_context(|| format!("cannot list {}", staging.display()))?;
    ensure!(left.count() == 0, "something is left in {}", staging.display());
    Ok(())
}
