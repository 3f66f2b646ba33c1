//! Compaction moves what was logged to runs at rest into one record a run, and into the columns that searches
//! read.
//!
//! Logging writes small records that no other writer touches, and reading needs few large ones. So each
//! change makes its run dirty. Later a pass takes some dirty runs of one experiment, rewrites their records
//! together, and removes the markers, all in one commit. The commit checks the markers: a run that was
//! changed meanwhile is left for another pass. Answers do not change, since a search reads dirty runs from
//! their own records.
//!
//! No run stops the others. A pass is bounded (`budget.rs`). Runs that fail together are tried one by one. A
//! run that fails alone is set aside: its marker says so, until the run is changed again.

pub mod budget;
pub mod compactor;
pub mod input;
use super::columnar::dirty::{DirtyMarker, SetAside};
use super::columnar::zone_map::ZoneMap;
use super::compaction::budget::RUNS_MAX;
use super::compaction::compactor::Compactor;
use super::compaction::input::{RestingRun, read};
use super::{keys, traces};
use crate::domain::id::{ExperimentId, RunId};
use crate::error::{Error, Result};
use crate::host::records::{get, get_all, scan, transact_background};

/// Largest number of dirty markers that one pass reads.
const MARKS_MAX: usize = 1_000;
/// Time without a change after which a run is at rest, in milliseconds.
const QUIET_MS: i64 = 10_000;
/// Time without a change after which a run is at rest when many runs wait, in milliseconds.
const SHORT_QUIET_MS: i64 = 1_000;
/// Number of waiting runs that are many.
const MANY: usize = 256;

/// The result of a pass.
#[derive(Debug, PartialEq, Eq)]
pub struct CompactionPass {
    /// Number of runs that were compacted, wholly or in part, or set aside.
    pub compacted: usize,
    /// Number of runs that can be compacted once they are at rest, among those that this pass looked at.
    pub pending: usize,
    /// The runs that this pass set aside.
    pub set_aside: Vec<SetAsideRun>,
    /// Number of dirty markers that cannot be read, among those that this pass looked at.
    pub unreadable: usize,
    /// The key after which the next pass looks. `None`: at the start.
    pub next: Option<Vec<u8>>,
}

/// A run that stays uncompacted until it is changed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetAsideRun {
    /// Its experiment.
    pub experiment: ExperimentId,
    /// The run.
    pub run: RunId,
    /// The reason.
    pub reason: SetAside,
}

/// The time of a pass, and the time since which a run at rest has not changed.
#[derive(Clone, Copy, Debug)]
struct Moment {
    now_ms: i64,
    resting_since_ms: i64,
    /// First revision of an experiment of which nothing is compacted.
    random: u64,
}

impl Moment {
    fn rests(&self, mark: &DirtyMarker) -> bool {
        mark.rests(self.resting_since_ms, self.now_ms)
    }
}

/// Compacts some runs at rest, looking at dirty markers after `after`. `quiet_ms` overrides the time that a
/// run must have been unchanged. `random` is the first revision of an experiment of which nothing is
/// compacted.
pub async fn pass(after: Option<&[u8]>, quiet_ms: Option<i64>, now_ms: i64, random: u64) -> Result<CompactionPass> {
    let mut marks = Marks::read(after).await?;
    marks.found.retain(|(_, _, mark)| mark.set_aside.is_none());
    let pending = marks.found.len();
    let rest = quiet_ms.unwrap_or(if pending < MANY { QUIET_MS } else { SHORT_QUIET_MS });
    let moment = Moment {
        now_ms,
        resting_since_ms: now_ms.saturating_sub(rest),
        random,
    };
    marks.found.retain(|(_, _, mark)| moment.rests(mark));
    let mut pass = CompactionPass {
        compacted: 0,
        pending,
        set_aside: Vec::new(),
        unreadable: marks.unreadable,
        next: marks.next,
    };
    if let Some((experiment, ..)) = marks.found.first() {
        let runs = oldest(*experiment, &marks.found);
        (pass.compacted, pass.set_aside) = pack_or_set_aside(*experiment, &runs, moment).await?;
        // There may be more runs before: the next pass looks from the same key.
        pass.next = after.map(<[u8]>::to_vec);
    }
    // Traces come after all runs.
    if pass.compacted == 0 && pass.next.is_none() {
        let traces = traces::packed::compact::pass(quiet_ms, now_ms, random).await?;
        pass.compacted += traces.compacted;
        pass.pending += traces.pending;
    }
    Ok(pass)
}

/// Some dirty markers.
struct Marks {
    found: Vec<(ExperimentId, RunId, DirtyMarker)>,
    unreadable: usize,
    /// The key of the last of them, if there may be more after it.
    next: Option<Vec<u8>>,
}

impl Marks {
    async fn read(after: Option<&[u8]>) -> Result<Self> {
        let mut span = keys::all_dirty_markers();
        if let Some(after) = after {
            span = span.after(after);
        }
        let (mut found, mut unreadable, mut last) = (Vec::new(), 0, Vec::new());
        let count = scan(span, MARKS_MAX, |key, value| {
            last = key.to_vec();
            match keys::dirty_run_of(key).zip(DirtyMarker::read(value).ok()) {
                Some(((experiment, run), mark)) => found.push((experiment, run, mark)),
                None => unreadable += 1,
            }
            Ok(())
        })
        .await?;
        Ok(Marks {
            found,
            unreadable,
            next: (count == MARKS_MAX).then_some(last),
        })
    }
}

/// Returns the runs of an experiment that started first. So a block holds runs of a short time, and a page of
/// the newest runs needs few blocks.
fn oldest(experiment: ExperimentId, marks: &[(ExperimentId, RunId, DirtyMarker)]) -> Vec<RunId> {
    let mut some: Vec<_> = marks.iter().filter(|(other, ..)| *other == experiment).collect();
    some.sort_unstable_by_key(|(_, run, mark)| (mark.start_time_ms, *run));
    some.into_iter().take(RUNS_MAX).map(|(_, run, _)| *run).collect()
}

/// Compacts some runs of an experiment together, or one by one if that fails because of their records.
/// Returns the number of runs and those that are set aside.
async fn pack_or_set_aside(
    experiment: ExperimentId,
    runs: &[RunId],
    moment: Moment,
) -> Result<(usize, Vec<SetAsideRun>)> {
    match pack(experiment, runs, moment).await {
        Err(error) if is_of_records(&error) => {}
        packed => return packed,
    }
    let (mut compacted, mut aside) = (0, Vec::new());
    for run in runs {
        match pack(experiment, std::slice::from_ref(run), moment).await {
            Ok((count, also_aside)) => {
                compacted += count;
                aside.extend(also_aside);
            }
            Err(error) if is_of_records(&error) => {
                set_aside(experiment, *run).await?;
                compacted += 1;
                aside.push(SetAsideRun {
                    experiment,
                    run: *run,
                    reason: SetAside::Failed,
                });
            }
            Err(error) => return Err(error),
        }
    }
    Ok((compacted, aside))
}

/// True if compaction fails because of stored data, so that another attempt cannot help.
fn is_of_records(error: &Error) -> bool {
    !matches!(error, Error::Denied | Error::Contended | Error::Unavailable(_))
}

async fn set_aside(experiment: ExperimentId, run: RunId) -> Result<()> {
    transact_background(async |change| {
        let key = keys::dirty_marker(experiment, run);
        let [record] = get([key.clone()]).await?;
        if let Some(bytes) = record.existing() {
            let mark = DirtyMarker {
                set_aside: Some(SetAside::Failed),
                ..DirtyMarker::read(bytes)?
            };
            change.require_version(key.clone(), record.version);
            change.put(key, mark.write());
        }
        Ok(())
    })
    .await
}

/// Compacts the first of some runs of an experiment, as many as a pass has room for. Returns the number of
/// runs and those that are set aside.
async fn pack(experiment: ExperimentId, runs: &[RunId], moment: Moment) -> Result<(usize, Vec<SetAsideRun>)> {
    transact_background(async |change| {
        let mut asked = vec![keys::zones(experiment)];
        asked.extend(runs.iter().map(|run| keys::dirty_marker(experiment, *run)));
        let records = get_all(asked).await?;
        let Some((zones_record, marks)) = records.split_first() else {
            return Ok((0, Vec::new()));
        };
        let mut resting = Vec::new();
        for (id, record) in runs.iter().zip(marks) {
            let mark = record.decode(DirtyMarker::read)?;
            if let Some(mark) = mark.filter(|mark| moment.rests(mark)) {
                let version = record.version;
                resting.push(RestingRun { id: *id, mark, version });
            }
        }
        // This also ends a pass on a purged experiment: nothing of it may be stored again.
        if resting.is_empty() {
            return Ok((0, Vec::new()));
        }
        // The oldest come first, so that rows follow the default order.
        resting.sort_unstable_by_key(|run| (run.mark.start_time_ms, run.id));
        let zones = zones_record.decode(ZoneMap::read)?;
        let mut compactor = Compactor::new(experiment, zones.unwrap_or_else(|| ZoneMap::begin(moment.random)));
        for input in read(&resting).await? {
            if !compactor.add(change, input).await? {
                break;
            }
        }
        change.require_version(keys::zones(experiment), zones_record.version);
        compactor.finish(change).await
    })
    .await
}
