//! Stores spans. All spans of one request for one trace are one record, or one blob if they are large.
//!
//! A request may bring spans of many traces, and of one trace may come many requests. Each commit checks the
//! traces that it extends, so requests for one trace decide one after the other.

use std::collections::BTreeMap;

use super::{StoredTrace, create, keys, read, trace_or_new};
use crate::domain::audit::AuditObject;
use crate::domain::experiment::Experiment;
use crate::domain::id::ExperimentId;
use crate::domain::trace::Trace;
use crate::domain::trace::id::TraceId;
use crate::domain::trace::span::{Span, in_order};
use crate::domain::trace::usage::{Usage, of_trace};
use crate::error::{Error, Result};
use crate::host::records::{Change, Record, get_all, transact};
use crate::host::{random, span_blobs};
use crate::store::codec::spans::{write_batch, write_blob_batch};
use crate::store::{audit, experiments};

/// Bytes of a batch from which on it is a blob.
const BLOB_BYTES_MIN: usize = 256 << 10;

/// Largest number of traces that one commit extends. A commit has at most 10,000 writes.
const TRACES_PER_COMMIT: usize = 200;

/// Spans of one trace.
#[derive(Clone, Debug, Default)]
pub struct TraceSpans {
    /// The spans, each id once.
    pub spans: Vec<Span>,
    /// Tags that their source gives to a new trace.
    pub resource: BTreeMap<String, String>,
}

/// Spans that were refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Their number.
    pub spans: usize,
    /// The reason.
    pub why: String,
}

/// Stores spans of traces in an experiment, even a deleted one. `run` is linked to the traces whose root is
/// among the spans. Returns the spans that were refused; all others are stored.
pub async fn ingest(
    experiment: ExperimentId,
    traces: &BTreeMap<TraceId, TraceSpans>,
    run: Option<&str>,
    now_ms: i64,
) -> Result<Vec<Refused>> {
    experiments::load(experiment).await?;
    let mut batches = Vec::with_capacity(traces.len());
    for (id, brought) in traces {
        let mut bytes = write_batch(&brought.spans);
        // A host without files keeps large batches as records too.
        if bytes.len() >= BLOB_BYTES_MIN && span_blobs::are_kept() {
            let unique: String = random::random_id().iter().map(|byte| format!("{byte:02x}")).collect();
            bytes = write_blob_batch(&span_blobs::store(id, &unique, bytes).await?);
        }
        batches.push(Batch {
            id,
            brought,
            bytes,
            run,
        });
    }
    let mut refused = Vec::new();
    for some in batches.chunks(TRACES_PER_COMMIT) {
        match store(experiment, some, now_ms).await {
            Err(Error::TooLarge(_)) => refused.extend(store_singly(experiment, some, now_ms).await?),
            stored => refused.extend(stored?),
        }
    }
    Ok(refused)
}

/// Stores batches one by one, because together they are too large for a commit. One that is too large alone is
/// refused.
async fn store_singly(experiment: ExperimentId, batches: &[Batch<'_>], now_ms: i64) -> Result<Vec<Refused>> {
    let mut refused = Vec::new();
    for batch in batches {
        match store(experiment, std::slice::from_ref(batch), now_ms).await {
            Err(Error::TooLarge(why)) => refused.push(Refused {
                spans: batch.brought.spans.len(),
                why,
            }),
            stored => refused.extend(stored?),
        }
    }
    Ok(refused)
}

/// Spans of a trace with the record to be stored.
struct Batch<'a> {
    id: &'a TraceId,
    brought: &'a TraceSpans,
    bytes: Vec<u8>,
    run: Option<&'a str>,
}

async fn store(experiment: ExperimentId, batches: &[Batch<'_>], now_ms: i64) -> Result<Vec<Refused>> {
    transact(async |change| {
        let within = experiments::load(experiment).await?;
        let records = get_all(batches.iter().map(|batch| keys::trace(batch.id)).collect()).await?;
        let (mut refused, mut has_new) = (Vec::new(), false);
        for (batch, record) in batches.iter().zip(&records) {
            match batch.add_to(change, &within.experiment, record).await {
                Ok(is_new) => has_new |= is_new,
                Err(Error::Invalid(why)) => refused.push(Refused {
                    spans: batch.brought.spans.len(),
                    why,
                }),
                Err(error) => return Err(error),
            }
        }
        if has_new {
            within.require_unchanged(change, now_ms);
        }
        if refused.len() < batches.len() {
            audit::note(change, AuditObject::Experiment(experiment), "");
        }
        Ok(refused)
    })
    .await
}

impl Batch<'_> {
    /// Adds the batch to a change. True if it makes a new trace.
    async fn add_to(&self, change: &mut Change, within: &Experiment, record: &Record) -> Result<bool> {
        let stored = StoredTrace::read(self.id, record)?;
        let mut trace = trace_or_new(stored.as_ref(), self.id, within, 0)?;
        trace.add_spans(stored.is_none(), &self.brought.spans, &self.brought.resource);
        self.count_usage(&mut trace).await?;
        if let Some(run) = self.run
            && self.brought.spans.iter().any(|span| span.parent.is_none())
        {
            trace.runs.insert(run.to_owned());
        }
        change.put(keys::batch(self.id, trace.batches), self.bytes.clone());
        trace.batches += 1;
        match &stored {
            Some(stored) => stored.replace(change, &trace),
            None => create(change, &trace),
        }
        Ok(stored.is_none())
    }

    /// Sums the tokens of all spans. The stored spans are read only if one of the spans tells its tokens.
    async fn count_usage(&self, trace: &mut Trace) -> Result<()> {
        let new = &self.brought.spans;
        trace.has_usage |= new.iter().any(|span| Usage::of_span(span).is_some());
        if !trace.has_usage {
            return Ok(());
        }
        let mut spans = match trace.batches {
            0 => Vec::new(),
            _ => match read::unordered_spans(&trace.id).await {
                Ok(spans) => spans,
                // The sum of so large a trace stays as it is.
                Err(Error::TooLarge(_)) => return Ok(()),
                Err(error) => return Err(error),
            },
        };
        spans.extend(new.iter().cloned());
        trace.set_usage(of_trace(&in_order(spans)));
        Ok(())
    }
}
