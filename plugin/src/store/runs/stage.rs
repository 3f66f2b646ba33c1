//! Soft deletion of runs.

use super::{load, put_mark};
use crate::domain::audit::AuditObject;
use crate::domain::id::RunId;
use crate::domain::lifecycle::{Lifecycle, Stage};
use crate::error::Result;
use crate::host::records::{Change, transact};
use crate::store::codec::purge::{Deletion, write_deletion};
use crate::store::{audit, codec, keys, references};

/// Deletes or restores a run. A run that has that stage already stays as it is. A run that is a model version
/// is not deleted.
pub async fn set_stage(id: RunId, stage: Stage, now_ms: i64) -> Result<()> {
    transact(async |change| {
        if set_stage_in(change, id, stage, now_ms).await? {
            audit::note(change, AuditObject::Run(id), "");
        }
        Ok(())
    })
    .await
}

/// Does the same to several runs, all or none. Each id may come once. Each run costs as many reads as a single one.
pub async fn set_stage_of_all(ids: &[RunId], stage: Stage, now_ms: i64) -> Result<()> {
    transact(async |change| {
        let mut changed = Vec::new();
        for id in ids {
            if set_stage_in(change, *id, stage, now_ms).await? {
                changed.push(*id);
            }
        }
        audit::note_runs(change, &changed, "");
        Ok(())
    })
    .await
}

/// Changes the stage as a part of a change. False: the run has it already.
async fn set_stage_in(change: &mut Change, id: RunId, stage: Stage, now_ms: i64) -> Result<bool> {
    let mut stored = load(id).await?;
    if stored.stage() == stage {
        return Ok(false);
    }
    if stage == Stage::Deleted {
        references::must_be_no_version(change, &stored.run).await?;
    }
    stored.require_unchanged(change, now_ms);
    let epoch = stored.experiment.experiment.lifecycle.epoch;
    let run = &mut stored.run;
    run.lifecycle = Lifecycle { stage, epoch };
    change.put(keys::run(id), codec::write_run(run));
    put_mark(change, run, now_ms);
    match stage {
        Stage::Active => change.delete(keys::deletion(id)),
        Stage::Deleted => {
            let deletion = Deletion {
                experiment: run.experiment,
                time_ms: now_ms,
            };
            change.put(keys::deletion(id), write_deletion(deletion));
        }
    }
    Ok(true)
}
