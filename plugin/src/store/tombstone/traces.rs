//! Removes traces. Their files go first, then their records in one commit. So an interrupted removal leaves
//! traces that can be removed again, and never files that nobody knows.

use crate::domain::artifact::ArtifactPath;
use crate::domain::audit::AuditObject;
use crate::domain::id::ExperimentId;
use crate::domain::trace::Trace;
use crate::domain::trace::id::TraceId;
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::host::records::{Change, get, scan, transact};
use crate::host::{blobs, span_blobs};
use crate::store::keys::traces::List;
use crate::store::keys::{trace_columns, traces as keys};
use crate::store::{audit, codec};

/// Number of batches of spans that one commit removes. A commit has at most 10,000 writes.
const BATCHES_AT_ONCE: u64 = 5_000;

/// Number of traces that one step of a purge removes.
const PURGED_AT_ONCE: usize = 100;

/// Removes a trace of an experiment. Returns false if the experiment has no such trace.
pub async fn remove(experiment: ExperimentId, id: &TraceId) -> Result<bool> {
    let Some(trace) = read(id).await?.filter(|trace| trace.experiment == experiment) else {
        return Ok(false);
    };
    remove_files(&trace).await?;
    let removed = remove_first_batches(&trace).await?;
    transact(async |change| {
        let [record] = get([keys::trace(id)]).await?;
        let Some(trace) = record.decode(|bytes| codec::traces::read_trace(id, bytes))? else {
            return Ok(false);
        };
        change.require_version(keys::trace(id), record.version);
        change.delete(keys::trace(id));
        mark(change, &trace);
        for number in removed..trace.batches {
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

/// Writes the dirty marker of a trace that a change writes or removes. Searches do not trust its columns until compaction has built
/// them again.
pub fn mark(change: &mut Change, trace: &Trace) {
    let key = trace_columns::marker(trace.experiment, trace.start_ms, &trace.id);
    change.put(key, codec::trace_columns::write_trace_marker(now_ms()));
}

/// Removes so many batches of a trace that one commit can remove the rest. Returns their number.
async fn remove_first_batches(trace: &Trace) -> Result<u64> {
    let mut removed = 0;
    while removed + BATCHES_AT_ONCE < trace.batches {
        transact(async |change| {
            for number in removed..removed + BATCHES_AT_ONCE {
                change.delete(keys::batch(&trace.id, number));
            }
            Ok(())
        })
        .await?;
        removed += BATCHES_AT_ONCE;
    }
    Ok(removed)
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
