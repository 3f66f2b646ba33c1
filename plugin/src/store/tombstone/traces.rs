//! Removes traces. Their files go first, then their records in one commit. So an interrupted removal leaves
//! traces that can be removed again, and never files that nobody knows.

use crate::domain::artifact::ArtifactPath;
use crate::domain::audit::AuditObject;
use crate::domain::id::ExperimentId;
use crate::domain::trace::Trace;
use crate::domain::trace::id::TraceId;
use crate::error::{Error, Result};
use crate::host::records::{get, scan, transact};
use crate::host::{blobs, span_blobs};
use crate::store::keys::traces as keys;
use crate::store::keys::traces::List;
use crate::store::{audit, codec};

/// Number of traces that one step of a purge removes.
const PURGED_AT_ONCE: usize = 100;

/// Removes a trace of an experiment. Returns false if the experiment has no such trace.
pub async fn remove(experiment: ExperimentId, id: &TraceId) -> Result<bool> {
    match read(id).await?.filter(|trace| trace.experiment == experiment) {
        None => return Ok(false),
        Some(trace) => remove_files(&trace).await?,
    }
    transact(async |change| {
        let [record] = get([keys::trace(id)]).await?;
        let Some(trace) = record.decode(|bytes| codec::traces::read_trace(id, bytes))? else {
            return Ok(false);
        };
        change.require_version(keys::trace(id), record.version);
        change.delete(keys::trace(id));
        for number in 0..trace.batches {
            change.delete(keys::batch(id, number));
        }
        for place in keys::places(&trace) {
            change.delete(place);
        }
        audit::note(change, AuditObject::Trace(id), "");
        Ok(true)
    })
    .await
}

async fn read(id: &TraceId) -> Result<Option<Trace>> {
    let [record] = get([keys::trace(id)]).await?;
    record.decode(|bytes| codec::traces::read_trace(id, bytes))
}

async fn remove_files(trace: &Trace) -> Result<()> {
    if trace.batches > 0 {
        span_blobs::delete(&trace.id).await?;
    }
    match ArtifactPath::of_uri(&trace.artifact_uri) {
        Some(path) => blobs::delete_all_below(&path).await,
        None => Ok(()),
    }
}

/// Removes some traces of an experiment that is purged. True if there were any.
pub(super) async fn remove_some(experiment: ExperimentId) -> Result<bool> {
    let mut ids = Vec::new();
    scan(List::Experiment(experiment).behind(&[]), PURGED_AT_ONCE, |key, _| {
        let place = keys::sort_key_in(key).and_then(keys::read_sort_key);
        let (_, id) = place.ok_or_else(|| Error::Corrupt("key in a list of traces".to_owned()))?;
        ids.push(id);
        Ok(())
    })
    .await?;
    let mut are_removed = false;
    for id in &ids {
        are_removed |= remove(experiment, id).await?;
    }
    Ok(are_removed)
}
