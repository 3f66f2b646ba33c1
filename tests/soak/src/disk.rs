//! The disk fills up under load. The server reports it, still answers reads, loses nothing, and writes again
//! when there is room.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use mlforge_bench::dice::Dice;
use mlforge_bench::numbers::whole;

use crate::caller::Progress;
use crate::options::Options;
use crate::projects::{Crowd, Size};
use crate::report::{Round, say};
use crate::site::{self, Site};

const SIZE: Size = Size {
    projects: 2,
    callers: 3,
};
/// Number of acknowledged changes before the disk fills up, and after there is room again.
const DONE: u64 = 200;
/// Number of failed changes of each caller while the disk is full.
const FAILED: u64 = 15;
/// More bytes than the test will ever need.
const PLENTY: i64 = i64::MAX / 2;
/// Number of times that the disk fills up before new callers start.
const FILLS: usize = 2;

/// The file of the server's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Log {
    /// On another disk.
    Elsewhere,
    /// On the disk that fills up.
    OnTheDisk,
    /// On a device that is always full.
    Nowhere,
}

impl Log {
    const ALL: [Self; 3] = [Self::Elsewhere, Self::OnTheDisk, Self::Nowhere];

    fn file(self, site: &Site) -> PathBuf {
        match self {
            Self::Elsewhere => site.work_dir().join("log"),
            Self::OnTheDisk => site.data_dir().join("log"),
            Self::Nowhere => PathBuf::from("/dev/full"),
        }
    }
}

/// Fills the disk repeatedly until the time is over; returns the rounds.
pub(crate) async fn run(options: &Options, dice: &mut Dice, time: Duration) -> Result<Vec<Round>> {
    let mut launcher = Site::launcher(options, "disk")?;
    let room = Room::plenty(launcher.work_dir())?;
    launcher.set_variable("LD_PRELOAD", &options.shim);
    launcher.set_variable("SOAK_DISK", launcher.data_dir());
    launcher.set_variable("SOAK_DISK_LEFT", &room.0);
    let mut site = Site::start(launcher, SIZE)?;
    match fill_again_and_again(&mut site, &room, dice, time).await {
        Ok(rounds) => Ok(rounds),
        Err(error) => Err(site.explain(error)),
    }
}

async fn fill_again_and_again(site: &mut Site, room: &Room, dice: &mut Dice, time: Duration) -> Result<Vec<Round>> {
    let started = Instant::now();
    let mut rounds = Vec::new();
    for log in Log::ALL.into_iter().cycle() {
        if rounds.len() >= Log::ALL.len() * FILLS && started.elapsed() >= time {
            break;
        }
        site.log_to(log.file(site));
        site.stop()?;
        site.restart()?;
        let mut crowd = site.crowd(&format!("f{}", rounds.len()), dice).await?;
        for _ in 0..FILLS {
            let left = match dice.below(3) {
                0 => dice.below(4 << 10),
                1 => dice.below(64 << 10),
                _ => dice.below(1 << 20),
            };
            let (filled, round) = fill_once(site, crowd, room, i64::try_from(left)?).await?;
            crowd = filled;
            say!("disk full, log {log:?}, {left} bytes left at first: {round}");
            rounds.push(round);
        }
        crowd = die(site, crowd, room).await?;
        site.check(crowd).await?;
        site.check_log(false)?;
    }
    site.stop()?;
    Ok(rounds)
}

/// Leaves this number of bytes on the disk, and plenty again after some failures.
async fn fill_once(site: &mut Site, crowd: Crowd, room: &Room, left: i64) -> Result<(Crowd, Round)> {
    let progress = Arc::new(Progress::default());
    let failed = FAILED * whole(crowd.len());
    let course = async {
        progress.reaches(|counts| counts.done >= DONE).await;
        progress.may_fail(true);
        room.leave(left)?;
        progress.reaches(|counts| counts.failed >= failed).await;
        progress.end();
        Ok(())
    };
    let (crowd, ()) = tokio::try_join!(crowd.work(&progress), course)?;
    let round = Round::of(progress.counts());
    // There is no room yet, but everything can be read.
    let crowd = site.check(crowd).await?;
    site::must_live(&mut site.stranger().await?).await?;
    room.leave(PLENTY)?;
    // From here on all changes succeed again, without a restart of the server.
    let progress = Arc::new(Progress::default());
    let course = async {
        progress.reaches(|counts| counts.done >= DONE).await;
        progress.end();
        Ok(())
    };
    let (crowd, ()) = tokio::try_join!(crowd.work(&progress), course)?;
    site.must_run()?;
    Ok((crowd, round))
}

/// Kills the server while the disk is full. It starts again when there is room.
async fn die(site: &mut Site, crowd: Crowd, room: &Room) -> Result<Crowd> {
    let progress = Arc::new(Progress::default());
    let killer = async {
        progress.may_fail(true);
        room.leave(0)?;
        progress.reaches(|counts| counts.failed >= FAILED).await;
        progress.may_break();
        site.kill()
    };
    let (crowd, ()) = tokio::try_join!(crowd.work(&progress), killer)?;
    room.leave(PLENTY)?;
    site.restart()?;
    site.recover(crowd).await
}

/// Number of bytes left on the disk: a file that the server maps into its memory.
struct Room(PathBuf);

impl Room {
    fn plenty(work: &Path) -> Result<Self> {
        let room = Self(work.join("left"));
        fs::write(&room.0, PLENTY.to_ne_bytes())?;
        Ok(room)
    }

    /// Sets the number of bytes left.
    fn leave(&self, bytes: i64) -> Result<()> {
        use std::os::unix::fs::FileExt as _;
        let file = fs::File::options().write(true).open(&self.0)?;
        file.write_all_at(&bytes.to_ne_bytes(), 0)?;
        Ok(())
    }
}
