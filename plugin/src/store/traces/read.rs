//! Reads traces and their spans.

use std::ops::ControlFlow;

use super::keys;
use crate::domain::trace::Trace;
use crate::domain::trace::id::TraceId;
use crate::domain::trace::span::{Span, in_order};
use crate::error::{Error, Result};
use crate::host::records::{Span as Range, scan_until};
use crate::host::span_blobs;
use crate::store::codec;
use crate::store::codec::spans::{Batch, read_batch};
use crate::store::portion::{ByteBudget, ITEM_BYTES_MAX, as_shown, portion};

/// Largest number of bytes of one trace's spans that one request reads.
pub const SPANS_BYTES_MAX: usize = 32 << 20;

/// Reads the first of some traces, at least one if there are any. `None`: the trace does not exist.
pub async fn some(ids: &[TraceId]) -> Result<Vec<Option<Trace>>> {
    let spans: Vec<[Range; 1]> = ids.iter().map(|id| [Range::of_key(keys::trace(id))]).collect();
    let room = ByteBudget::new(ITEM_BYTES_MAX);
    portion(&spans, room, as_shown, |index, trace: &mut Option<Trace>, _, value| {
        let id = ids
            .get(index)
            .ok_or_else(|| Error::Corrupt("no such trace".to_owned()))?;
        *trace = Some(codec::traces::read_trace(id, value)?);
        Ok(())
    })
    .await
}

/// Reads traces, one for each id. Fails with `TooLarge` if they are too large together.
pub async fn all(ids: &[TraceId]) -> Result<Vec<Option<Trace>>> {
    let mut traces = Vec::with_capacity(ids.len());
    while let Some(rest) = ids.get(traces.len()..).filter(|rest| !rest.is_empty()) {
        traces.extend(some(rest).await?);
    }
    Ok(traces)
}

/// Reads the spans of a trace: roots first, then by start.
pub async fn spans(id: &TraceId) -> Result<Vec<Span>> {
    unordered_spans(id).await.map(in_order)
}

/// Reads the spans of a trace in the order in which they came. A span that came twice is in it twice.
pub async fn unordered_spans(id: &TraceId) -> Result<Vec<Span>> {
    let (mut batches, mut bytes) = (Vec::new(), 0);
    scan_until(vec![keys::batches(id)], usize::MAX, |_, _, value| {
        bytes += value.len();
        if bytes > SPANS_BYTES_MAX {
            return Ok(ControlFlow::Break(()));
        }
        batches.push(read_batch(value)?);
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    let mut spans = Vec::new();
    for batch in batches {
        match batch {
            Batch::Here(some) => spans.extend(some),
            Batch::Blob(name) => {
                let blob = span_blobs::read(&name).await?;
                // A trace is served with the spans that there are.
                let Some(blob) = blob else { continue };
                bytes += blob.len();
                if bytes <= SPANS_BYTES_MAX
                    && let Batch::Here(some) = read_batch(&blob)?
                {
                    spans.extend(some);
                }
            }
        }
    }
    if bytes > SPANS_BYTES_MAX {
        return Err(Error::TooLarge(format!(
            "The spans of trace '{id}' have more than {} MiB together.",
            SPANS_BYTES_MAX >> 20
        )));
    }
    Ok(spans)
}
