//! Deleting for good: what was soft-deleted long ago goes, with everything that belongs to it.
//!
//! One commit takes a run or an experiment out of sight, whole, and leaves a ruin (`ruins.rs`). Then its records and files go
//! piece by piece, and the ruin last. So a purge that breaks off costs room, and another one goes on where it broke off.
//! What a model version is, or is made from, stays.

use std::collections::{BTreeMap, BTreeSet};

use super::codec::purge::read_deletion;
use super::keys::{self, Column};
use super::packed::Packed;
use super::records::{Change, Record, get_all, scan, transact};
use super::{codec, experiments, lineage, pack, places, ruins};
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::lifecycle::{Lifecycle, Stage};
use crate::domain::logged::LoggedModelId;
use crate::domain::source::{possible_models, possible_runs};
use crate::error::{Error, Result};

/// Deleted runs that one pass looks at.
const LOOKED_AT_MAX: usize = 1_000;
/// Runs of one experiment that one commit takes out of sight.
const RUNS_AT_ONCE: usize = 64;
/// Records of the registry that are read at once: a tag of a prompt may be large.
const REGISTRY_AT_ONCE: usize = 500;
/// Deleted experiments, or logged models of an experiment, that are looked at.
const ALL_MAX: usize = 1_000_000;
/// Ruins that one pass clears, and experiments that it takes out of sight.
const RUINS_MAX: usize = 64;

/// What a pass did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// Runs and experiments that went out of sight.
    pub removed: usize,
    /// Whether there may be more to do.
    pub more: bool,
    /// Behind which deleted run the next pass shall begin to look.
    pub after: Option<Vec<u8>>,
}

/// Does one piece of work: clears ruins, or else makes new ones of what was deleted at this time or before.
pub async fn pass(before_ms: i64, after: Option<&[u8]>) -> Result<Pass> {
    let ruins = ruins::some(RUINS_MAX).await?;
    if !ruins.is_empty() {
        let mut turn = ruins::Turn::begin();
        for (ruin, note) in &ruins {
            ruins::clear(ruin, note, &mut turn).await?;
        }
        return Ok(Pass {
            more: true,
            after: after.map(<[u8]>::to_vec),
            ..Pass::default()
        });
    }
    let held = Held::read().await?;
    if after.is_none() {
        let removed = remove_experiments(before_ms, &held).await?;
        if removed > 0 {
            return Ok(Pass {
                removed,
                more: true,
                after: None,
            });
        }
    }
    remove_runs(before_ms, after, &held).await
}

/// What versions of models are made from, by what they name.
#[derive(Default)]
struct Held {
    runs: BTreeSet<RunId>,
    models: BTreeSet<[u8; 16]>,
}

impl Held {
    async fn read() -> Result<Self> {
        let mut held = Held::default();
        let mut span = keys::registry::all_versions();
        loop {
            let mut last = Vec::new();
            let count = scan(span.clone(), REGISTRY_AT_ONCE, |key, value| {
                last = key.to_vec();
                held.add(key, value)
            })
            .await?;
            if count < REGISTRY_AT_ONCE {
                return Ok(held);
            }
            span = span.after(&last);
        }
    }

    /// Takes note of a record of the registry.
    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let Some((model, number)) = keys::registry::version_itself(key) else {
            return Ok(());
        };
        let version = codec::registry::read_version(model, number, value)?;
        self.runs.insert(version.run);
        for place in [&version.source, &version.location] {
            self.runs.extend(possible_runs(place));
            let models = possible_models(place).into_iter();
            self.models.extend(models.map(|LoggedModelId(bytes)| bytes));
        }
        Ok(())
    }
}

/// Takes experiments out of sight that were deleted at this time or before; answers how many.
async fn remove_experiments(before_ms: i64, held: &Held) -> Result<usize> {
    let mut deleted = Vec::new();
    scan(keys::listed_experiments(Stage::Deleted), ALL_MAX, |key, _| {
        deleted.extend(keys::listed_experiment_place(key).map(|(_, id)| id));
        Ok(())
    })
    .await?;
    let mut removed = 0;
    for id in deleted {
        if removed < RUINS_MAX && remove_experiment(id, before_ms, held).await? {
            removed += 1;
        }
    }
    Ok(removed)
}

async fn remove_experiment(id: ExperimentId, before_ms: i64, held: &Held) -> Result<bool> {
    // Every project has the first one: it would be made up anew.
    if id == ExperimentId::DEFAULT {
        return Ok(false);
    }
    let is_old = |stored: &experiments::Stored| {
        stored.experiment.lifecycle.stage == Stage::Deleted && stored.experiment.last_update_time_ms <= before_ms
    };
    if !is_old(&experiments::load(id).await?) || holds_any(id, held).await? {
        return Ok(false);
    }
    transact(async |change| {
        let stored = experiments::load(id).await?;
        if is_old(&stored) {
            stored.remove(change).await?;
            ruins::put_experiment(change, id);
        }
        Ok(is_old(&stored))
    })
    .await
}

/// Whether an experiment, or something of it, belongs to a model or a version.
async fn holds_any(id: ExperimentId, held: &Held) -> Result<bool> {
    for allowed in [
        lineage::must_not_belong_to_a_model(id, "remove").await,
        lineage::must_hold_no_version(id, None).await,
    ] {
        match allowed {
            Ok(()) => {}
            Err(Error::Invalid(_)) => return Ok(true),
            Err(error) => return Err(error),
        }
    }
    let mut holds = false;
    let models = keys::logged::List::Experiment(id).behind(&[]);
    scan(models, ALL_MAX, |key, _| {
        let placed = keys::logged::placed(key).and_then(keys::logged::read_place);
        holds |= placed.is_some_and(|(_, LoggedModelId(bytes))| held.models.contains(&bytes));
        Ok(())
    })
    .await?;
    Ok(holds)
}

/// Takes runs out of sight that were deleted at this time or before, some of those behind `after`.
async fn remove_runs(before_ms: i64, after: Option<&[u8]>, held: &Held) -> Result<Pass> {
    let mut span = keys::all_deletions();
    if let Some(after) = after {
        span = span.after(after);
    }
    let mut old: BTreeMap<ExperimentId, Vec<RunId>> = BTreeMap::new();
    let mut last = after.map(<[u8]>::to_vec);
    let looked_at = scan(span, LOOKED_AT_MAX, |key, value| {
        let run = keys::deleted_run(key).ok_or_else(|| Error::Corrupt("key of a deleted run".to_owned()))?;
        let deletion = read_deletion(value)?;
        if deletion.time_ms <= before_ms && !held.runs.contains(&run) {
            old.entry(deletion.experiment).or_default().push(run);
        }
        last = Some(key.to_vec());
        Ok(())
    })
    .await?;
    let mut removed = 0;
    for (experiment, runs) in &old {
        for some in runs.chunks(RUNS_AT_ONCE) {
            removed += remove_of_experiment(*experiment, some, before_ms).await?;
        }
    }
    Ok(Pass {
        removed,
        more: removed > 0 || looked_at == LOOKED_AT_MAX,
        after: last,
    })
}

async fn remove_of_experiment(id: ExperimentId, runs: &[RunId], before_ms: i64) -> Result<usize> {
    transact(async |change| {
        let stored = match experiments::load(id).await {
            Ok(stored) => stored,
            Err(Error::NotFound(_)) => return Ok(0),
            Err(error) => return Err(error),
        };
        change.expect(keys::experiment(id), stored.version);
        let of_run = |run: &RunId| [keys::deletion(*run), keys::run(*run), keys::packed_run(*run)];
        let records = get_all(runs.iter().flat_map(of_run).collect()).await?;
        let (records, _) = records.as_chunks::<3>();
        let (mut rows, mut removed) = (Vec::new(), 0);
        for (run, records) in runs.iter().zip(records) {
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
            // So that no search takes their slots for runs that have no values.
            let columns = [(Column::Stage, Some(pack::NO_RUN))];
            ruins::set_slots(change, id, &rows, &columns).await?;
            places::clear(change, id, &rows).await?;
        }
        Ok(removed)
    })
    .await
}

/// A run that is to go.
struct Taken {
    id: RunId,
    experiment: Lifecycle,
    before_ms: i64,
}

impl Taken {
    /// Takes the run out of sight, if it is still deleted and was so early enough: by what is stored of its deletion, of
    /// itself and packed. What was packed is the answer, if anything was.
    fn out_of_sight<'r>(&self, change: &mut Change, records: &'r [Record; 3]) -> Result<Option<Option<Packed<'r>>>> {
        let [deletion, stored, packed] = records;
        let Some(deleted) = deletion.existing().map(read_deletion).transpose()? else {
            return Ok(None);
        };
        let run = stored.existing().map(|bytes| codec::read_run(self.id, bytes));
        let Some(run) = run.transpose()?.filter(|run| self.is_deleted_itself(run.lifecycle)) else {
            // It was restored with its experiment.
            change.expect(keys::deletion(self.id), deletion.version);
            change.delete(keys::deletion(self.id));
            return Ok(None);
        };
        if deleted.time_ms > self.before_ms {
            return Ok(None);
        }
        change.expect(keys::deletion(self.id), deletion.version);
        change.expect(keys::run(self.id), stored.version);
        change.expect(keys::packed_run(self.id), packed.version);
        for key in [
            keys::deletion(self.id),
            keys::run(self.id),
            keys::mark(run.experiment, self.id),
        ] {
            change.delete(key);
        }
        ruins::put_run(change, &run);
        packed.existing().map(Packed::read).transpose().map(Some)
    }

    /// Whether a run was deleted by itself, and neither by its experiment nor restored by it.
    fn is_deleted_itself(&self, run: Lifecycle) -> bool {
        run.stage == Stage::Deleted && run.epoch >= self.experiment.epoch
    }
}
