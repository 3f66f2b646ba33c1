//! Traces and their stored records. A trace is one record with its tags, metadata and assessments, so a search
//! reads one record a trace. Spans are stored in batches, one for each request that brought some.

pub mod delete;
pub mod ingest;
pub mod metrics;
pub mod packed;
pub mod plan;
pub mod read;
pub mod search;
pub mod sessions;
pub mod usage;
pub mod walk;

use super::keys::traces as keys;
use super::tombstone::traces::mark;
use super::{audit, codec, experiments};
use crate::domain::audit::AuditObject;
use crate::domain::experiment::{Experiment, Pair};
use crate::domain::id::ExperimentId;
use crate::domain::limits::TRACE_TAG_VALUE_CHARS_MAX;
use crate::domain::name::cut;
use crate::domain::trace::id::TraceId;
use crate::domain::trace::update::TraceInfo;
use crate::domain::trace::{Trace, TraceState};
use crate::error::{Error, Result};
use crate::host::records::{Change, Record, get, get_all, transact};

/// A trace as it was read.
pub struct StoredTrace {
    /// The trace.
    pub trace: Trace,
    version: u64,
}

impl StoredTrace {
    fn read(id: &TraceId, record: &Record) -> Result<Option<Self>> {
        let trace = record.decode(|bytes| codec::traces::read_trace(id, bytes))?;
        Ok(trace.map(|trace| StoredTrace {
            trace,
            version: record.version,
        }))
    }

    /// Makes a change depend on the trace being as it was read.
    pub fn require_unchanged(&self, change: &mut Change) {
        change.require_version(keys::trace(&self.trace.id), self.version);
    }

    /// Replaces the trace in a change, with its places in lists.
    fn replace(&self, change: &mut Change, new: &Trace) {
        self.require_unchanged(change);
        if *new == self.trace {
            return;
        }
        change.put(keys::trace(&new.id), codec::traces::write_trace(new));
        if new.start_ms != self.trace.start_ms {
            mark(change, &self.trace);
        }
        mark(change, new);
        let (old, new) = (keys::places(&self.trace), keys::places(new));
        for gone in old.difference(&new) {
            change.delete(gone.clone());
        }
        for added in new.difference(&old) {
            change.put(added.clone(), Vec::new());
        }
    }
}

/// Adds a new trace to a change.
fn create(change: &mut Change, trace: &Trace) {
    change.require_version(keys::trace(&trace.id), crate::host::records::ABSENT);
    change.put(keys::trace(&trace.id), codec::traces::write_trace(trace));
    mark(change, trace);
    for place in keys::places(trace) {
        change.put(place, Vec::new());
    }
}

/// Reads a trace.
pub async fn load(id: &TraceId) -> Result<StoredTrace> {
    let [record] = get([keys::trace(id)]).await?;
    StoredTrace::read(id, &record)?.ok_or_else(|| id.not_found())
}

/// Changes a trace. Nothing is written if it stays as it is.
pub async fn change<T>(id: &TraceId, detail: &str, edit: impl Fn(&mut Trace) -> Result<T>) -> Result<T> {
    transact(async |change| {
        let stored = load(id).await?;
        let mut trace = stored.trace.clone();
        let answer = edit(&mut trace)?;
        stored.replace(change, &trace);
        if trace != stored.trace {
            audit::note(change, AuditObject::Trace(id), detail);
        }
        Ok(answer)
    })
    .await
}

/// Sets a tag. A long value is cut.
pub async fn set_tag(id: &TraceId, key: &str, value: &str) -> Result<()> {
    let value = cut(value.to_owned(), TRACE_TAG_VALUE_CHARS_MAX);
    change(id, key, |trace| {
        trace.tags.insert(key.to_owned(), value.clone());
        Ok(())
    })
    .await
}

/// Deletes a tag. Of an unknown trace it says that the tag is not there, as MLflow's server does.
pub async fn delete_tag(id: &TraceId, key: &str) -> Result<()> {
    let missing = || Error::NotFound(format!("No trace tag with key '{key}' for trace with ID '{id}'"));
    let deleted = change(id, key, |trace| trace.tags.remove(key).map(drop).ok_or_else(missing)).await;
    deleted.map_err(|error| match error {
        Error::NotFound(_) => missing(),
        error => error,
    })
}

/// Stores what a client of MLflow 3 says of a trace, which may exist.
pub async fn finalize(id: &TraceId, experiment: ExperimentId, info: &TraceInfo, now_ms: i64) -> Result<Trace> {
    transact(async |change| {
        let within = experiments::load(experiment).await?;
        within.experiment.ensure_active()?;
        let [record] = get([keys::trace(id)]).await?;
        let stored = StoredTrace::read(id, &record)?;
        let mut trace = trace_or_new(stored.as_ref(), id, &within.experiment, 0)?;
        trace.finalize(info.clone())?;
        match &stored {
            Some(stored) => stored.replace(change, &trace),
            None => {
                within.require_unchanged(change, now_ms);
                create(change, &trace);
            }
        }
        audit::note(change, AuditObject::Trace(id), "");
        Ok(trace)
    })
    .await
}

/// The stored trace, or a new one of the experiment.
fn trace_or_new(stored: Option<&StoredTrace>, id: &TraceId, within: &Experiment, start_ms: i64) -> Result<Trace> {
    match stored {
        None => Ok(Trace::new(id.clone(), within.id, &within.artifact_location, start_ms)),
        Some(stored) if stored.trace.experiment == within.id => Ok(stored.trace.clone()),
        Some(_) => Err(Error::Invalid(format!(
            "Trace with ID '{id}' already exists in another experiment."
        ))),
    }
}

/// Begins a trace of a client of MLflow 2.
pub async fn begin(
    id: &TraceId,
    experiment: ExperimentId,
    start_ms: i64,
    (tags, metadata): (&[Pair], &[Pair]),
    now_ms: i64,
) -> Result<Trace> {
    transact(async |change| {
        let within = experiments::load(experiment).await?;
        within.experiment.ensure_active()?;
        within.require_unchanged(change, now_ms);
        let mut trace = trace_or_new(None, id, &within.experiment, start_ms)?;
        trace.state = TraceState::InProgress;
        trace.add_pairs(tags.to_vec(), metadata.to_vec());
        create(change, &trace);
        audit::note(change, AuditObject::Trace(id), "");
        Ok(trace)
    })
    .await
}

/// Links traces to a run. Those that do not exist are left out, as on MLflow's server.
pub async fn link_to_run(ids: &[TraceId], run: &str) -> Result<()> {
    transact(async |change| {
        let records = get_all(ids.iter().map(keys::trace).collect()).await?;
        for (id, record) in ids.iter().zip(&records) {
            let Some(stored) = StoredTrace::read(id, record)? else {
                continue;
            };
            let mut trace = stored.trace.clone();
            if trace.runs.insert(run.to_owned()) {
                stored.replace(change, &trace);
                audit::note(change, AuditObject::Trace(id), run);
            }
        }
        Ok(())
    })
    .await
}
