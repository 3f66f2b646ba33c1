//! Purge: removes what was soft-deleted long ago, with everything that belongs to it.
//!
//! One commit hides a whole run or experiment and writes its tombstone (`store/tombstone`). Then its records
//! and files are removed piece by piece, and the tombstone last. So an interrupted purge only leaves records
//! that take space, and the next purge continues from there. A run or experiment that is a model version, or
//! from which one is made, stays. The commit checks that no version was made since the purge looked for them
//! (`store/references.rs`).

use std::collections::BTreeMap;

use super::codec::purge::read_deletion;
use super::columnar::packed_run::PackedRun;
use super::columnar::{columns, row_keys};
use super::keys::Column;
use super::{codec, experiments, keys, references, tombstone};
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::lifecycle::{Lifecycle, Stage};
use crate::error::{Error, Result};
use crate::host::records::{Change, Record, get_all, scan, transact};

mod retained;

use retained::Retained;

/// Largest number of deleted runs, or deleted experiments, that one pass looks at.
const LOOKED_AT_MAX: usize = 1_000;
/// Largest number of runs of one experiment that one commit hides.
const RUNS_AT_ONCE: usize = 64;
/// Largest number of experiments that one pass hides.
const EXPERIMENTS_MAX: usize = 64;

/// The position of a purge. First experiments are hidden, then runs; then the records and files of all
/// tombstones are removed. Each step holds the key after which it continues. An empty key is its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurgeStep {
    /// A sort key in the list of deleted experiments.
    Experiments(Vec<u8>),
    /// A key of a deleted run.
    Runs(Vec<u8>),
    /// A key of a tombstone.
    Tombstones(Vec<u8>),
}

impl PurgeStep {
    /// Returns the first step.
    pub fn begin() -> Self {
        PurgeStep::Experiments(Vec::new())
    }

    /// Reads a step that `write` wrote.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, after) = bytes.split_first()?;
        let after = after.to_vec();
        match kind {
            b'e' => Some(PurgeStep::Experiments(after)),
            b'r' => Some(PurgeStep::Runs(after)),
            b'y' => Some(PurgeStep::Tombstones(after)),
            _ => None,
        }
    }

    /// Writes a step as bytes.
    pub fn write(&self) -> Vec<u8> {
        let (kind, after) = match self {
            PurgeStep::Experiments(after) => (b'e', after),
            PurgeStep::Runs(after) => (b'r', after),
            PurgeStep::Tombstones(after) => (b'y', after),
        };
        [&[kind], &after[..]].concat()
    }
}

/// The result of a pass.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PurgePass {
    /// Number of runs and experiments that the pass hid.
    pub removed: usize,
    /// Why something was not removed, one line each.
    pub failures: Vec<String>,
    /// The step of the next pass. `None`: the purge is complete.
    pub next: Option<PurgeStep>,
}

/// Does one piece of work on what was deleted at `before_ms` or earlier. A failure of one item does not stop
/// the others.
pub async fn pass(before_ms: i64, step: &PurgeStep) -> Result<PurgePass> {
    match step {
        PurgeStep::Experiments(after) => remove_experiments(before_ms, after).await,
        PurgeStep::Runs(after) => remove_runs(before_ms, after).await,
        PurgeStep::Tombstones(after) => {
            let cleared = tombstone::clear_some(after).await?;
            Ok(PurgePass {
                removed: 0,
                failures: cleared.failures,
                next: cleared.next.map(PurgeStep::Tombstones),
            })
        }
    }
}

/// Hides some of the deleted experiments after a sort key.
async fn remove_experiments(before_ms: i64, after: &[u8]) -> Result<PurgePass> {
    let mut deleted = Vec::new();
    let span = keys::listed_experiments_after(Stage::Deleted, after);
    let looked_at = scan(span, LOOKED_AT_MAX, |key, _| {
        let (sort_key, id) = keys::listed_experiment_sort_key(key).ok_or_else(misplaced)?;
        deleted.push((sort_key.to_vec(), id));
        Ok(())
    })
    .await?;
    let mut pass = PurgePass {
        next: Some(PurgeStep::Runs(Vec::new())),
        ..PurgePass::default()
    };
    let records = get_all(deleted.iter().map(|(_, id)| keys::experiment(*id)).collect()).await?;
    let mut old = Vec::new();
    for ((sort_key, id), record) in deleted.iter().zip(&records) {
        if old.len() == EXPERIMENTS_MAX {
            break;
        }
        match experiments::StoredExperiment::from_record(*id, record) {
            Ok(stored) if is_due(&stored, before_ms) => old.push(*id),
            Ok(_) | Err(Error::NotFound(_)) => {}
            Err(error) => pass
                .failures
                .push(format!("experiment {id} cannot be removed: {error:?}")),
        }
        pass.next = Some(PurgeStep::Experiments(sort_key.clone()));
    }
    if looked_at < LOOKED_AT_MAX && old.len() < EXPERIMENTS_MAX {
        pass.next = Some(PurgeStep::Runs(Vec::new()));
    }
    if old.is_empty() {
        return Ok(pass);
    }
    let retained = Retained::read(&old).await?;
    for id in old {
        match remove_experiment(id, before_ms, &retained).await {
            Ok(removed) => pass.removed += usize::from(removed),
            Err(error) => pass
                .failures
                .push(format!("experiment {id} cannot be removed: {error:?}")),
        }
    }
    Ok(pass)
}

/// True if an experiment was deleted at `before_ms` or earlier, and may be removed.
fn is_due(stored: &experiments::StoredExperiment, before_ms: i64) -> bool {
    let experiment = &stored.experiment;
    // Every project has the default experiment: it would be created again.
    experiment.id != ExperimentId::DEFAULT
        && experiment.lifecycle.stage == Stage::Deleted
        && experiment.last_update_time_ms <= before_ms
}

async fn remove_experiment(id: ExperimentId, before_ms: i64, retained: &Retained) -> Result<bool> {
    if retained.keeps_experiment(id).await? {
        return Ok(false);
    }
    transact(async |change| {
        let stored = match experiments::load(id).await {
            Err(Error::NotFound(_)) => return Ok(false),
            stored => stored?,
        };
        let goes = is_due(&stored, before_ms) && retained.is_current(change, id).await?;
        if goes {
            stored.remove(change).await?;
            tombstone::put_experiment(change, id);
        }
        Ok(goes)
    })
    .await
}

/// Hides some of the deleted runs after a key.
async fn remove_runs(before_ms: i64, after: &[u8]) -> Result<PurgePass> {
    let mut old: BTreeMap<ExperimentId, Vec<RunId>> = BTreeMap::new();
    let mut last = Vec::new();
    let looked_at = scan(keys::all_deletions().after(after), LOOKED_AT_MAX, |key, value| {
        let run = keys::deleted_run(key).ok_or_else(misplaced)?;
        let deletion = read_deletion(value)?;
        if deletion.time_ms <= before_ms {
            old.entry(deletion.experiment).or_default().push(run);
        }
        last = key.to_vec();
        Ok(())
    })
    .await?;
    let mut pass = PurgePass {
        next: Some(if looked_at == LOOKED_AT_MAX {
            PurgeStep::Runs(last)
        } else {
            PurgeStep::Tombstones(Vec::new())
        }),
        ..PurgePass::default()
    };
    if old.is_empty() {
        return Ok(pass);
    }
    let retained = Retained::read(&[]).await?;
    for (experiment, mut runs) in old {
        runs.retain(|run| !retained.keeps_run(*run));
        for some in runs.chunks(RUNS_AT_ONCE) {
            remove_some(experiment, some, before_ms, &mut pass).await;
        }
    }
    Ok(pass)
}

/// Hides runs of an experiment together, and one by one if that fails. One run may be damaged, or all
/// together too large to be read at once.
async fn remove_some(experiment: ExperimentId, runs: &[RunId], before_ms: i64, pass: &mut PurgePass) {
    if let Ok(removed) = remove_of_experiment(experiment, runs, before_ms).await {
        pass.removed += removed;
        return;
    }
    for run in runs {
        match remove_of_experiment(experiment, std::slice::from_ref(run), before_ms).await {
            Ok(removed) => pass.removed += removed,
            Err(error) => pass.failures.push(format!("run {run} cannot be removed: {error:?}")),
        }
    }
}

async fn remove_of_experiment(id: ExperimentId, runs: &[RunId], before_ms: i64) -> Result<usize> {
    transact(async |change| {
        let stored = match experiments::load(id).await {
            Ok(stored) => stored,
            Err(Error::NotFound(_)) => return Ok(0),
            Err(error) => return Err(error),
        };
        change.require_version(keys::experiment(id), stored.version);
        let versions = references::versions_among(change, id, runs).await?;
        let of_run = |run: &RunId| [keys::deletion(*run), keys::run(*run), keys::packed_run(*run)];
        let records = get_all(runs.iter().flat_map(of_run).collect()).await?;
        let (records, _) = records.as_chunks::<3>();
        let (mut rows, mut removed) = (Vec::new(), 0);
        for (run, records) in runs.iter().zip(records).filter(|(run, _)| !versions.contains(run)) {
            let taken = Taken {
                id: *run,
                experiment: stored.experiment.lifecycle,
                before_ms,
            };
            if let Some(packed) = taken.out_of_sight(change, records)? {
                removed += 1;
                rows.extend(packed.and_then(|packed| packed.row));
            }
        }
        if !rows.is_empty() {
            // Searches must not take the slots of these runs for runs without values.
            let columns = [(Column::Stage, Some(columns::PURGED))];
            tombstone::set_slots(change, id, &rows, &columns).await?;
            row_keys::clear(change, id, &rows).await?;
        }
        Ok(removed)
    })
    .await
}

/// A run that may be hidden.
struct Taken {
    id: RunId,
    experiment: Lifecycle,
    before_ms: i64,
}

impl Taken {
    /// Hides the run if it is still deleted and was deleted early enough. `records` are those of its
    /// deletion, of the run itself and of its packed run. `None`: the run is not hidden. `Some(None)`: it is
    /// hidden and has no packed run.
    fn out_of_sight<'r>(&self, change: &mut Change, records: &'r [Record; 3]) -> Result<Option<Option<PackedRun<'r>>>> {
        let [deletion, stored, packed] = records;
        let Some(deleted) = deletion.decode(read_deletion)? else {
            return Ok(None);
        };
        let run = stored.existing().map(|bytes| codec::read_run(self.id, bytes));
        let Some(run) = run.transpose()?.filter(|run| self.is_deleted_itself(run.lifecycle)) else {
            // The run was restored with its experiment.
            change.require_version(keys::deletion(self.id), deletion.version);
            change.delete(keys::deletion(self.id));
            return Ok(None);
        };
        if deleted.time_ms > self.before_ms {
            return Ok(None);
        }
        change.require_version(keys::deletion(self.id), deletion.version);
        change.require_version(keys::run(self.id), stored.version);
        change.require_version(keys::packed_run(self.id), packed.version);
        for key in [
            keys::deletion(self.id),
            keys::run(self.id),
            keys::dirty_marker(run.experiment, self.id),
        ] {
            change.delete(key);
        }
        tombstone::put_run(change, &run);
        packed.decode(PackedRun::read).map(Some)
    }

    /// True if a run was deleted by itself, neither deleted nor restored with its experiment.
    fn is_deleted_itself(&self, run: Lifecycle) -> bool {
        run.stage == Stage::Deleted && run.epoch >= self.experiment.epoch
    }
}

fn misplaced() -> Error {
    Error::Corrupt("key of something deleted".to_owned())
}
