//! The database of several servers is killed under load, and its standby takes over. The servers find it by themselves, and
//! nothing acknowledged is lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use mlforge_bench::dice::Dice;
use mlforge_postgres::Cluster;

use crate::caller::Progress;
use crate::fleet::Fleet;
use crate::hosts::advance;
use crate::options::Options;
use crate::projects::{Crowd, Size};
use crate::report::{Round, say};

const SIZE: Size = Size {
    projects: 1,
    callers: 8,
};
/// Number of acknowledged changes before the primary dies.
const BEFORE: std::ops::RangeInclusive<u64> = 100..=600;
/// Number of further ones from the standby.
const AFTER: u64 = 200;

/// Lets one primary after the other die until the time is over; returns the rounds.
pub(crate) async fn run(options: &Options, dice: &mut Dice, time: Duration) -> Result<Vec<Round>> {
    let (started, mut rounds) = (Instant::now(), Vec::new());
    while rounds.is_empty() || started.elapsed() < time {
        let primary = Arc::new(Cluster::start(&options.dir)?);
        let standby = Arc::new(primary.standby(&options.dir)?);
        let name = format!("failover{}", rounds.len());
        let mut fleet = Fleet::start(options, &name, &[&primary, &standby], SIZE)?;
        match fail_over(&mut fleet, dice, standby).await {
            Ok(round) => rounds.push(round),
            Err(error) => return Err(fleet.explain(error)),
        }
        fleet.stop()?;
    }
    Ok(rounds)
}

async fn fail_over(fleet: &mut Fleet, dice: &mut Dice, standby: Arc<Cluster>) -> Result<Round> {
    let crowd = fleet.crowd("f", dice).await?;
    let progress = Arc::new(Progress::default());
    progress.may_fail(true);
    progress.may_break();
    let before = dice.within(BEFORE);
    let dies = async {
        advance(&progress, before).await?;
        let died = Instant::now();
        fleet.fail_over(standby).await?;
        advance(&progress, 1).await?;
        let away = died.elapsed();
        advance(&progress, AFTER).await?;
        progress.end();
        anyhow::Ok(away)
    };
    let (crowd, away): (Crowd, Duration) = tokio::try_join!(crowd.work(&progress), dies)?;
    fleet.settle(crowd, &progress).await?;
    let round = Round::of(progress.counts());
    say!("fail-over: {round}; no change for {:.1} s", away.as_secs_f64());
    Ok(round)
}
