//! Traces: they are in all their lists and in no other, and the spans that they count are there.

use super::{Check, Repair, Source};
use crate::domain::trace::Trace;
use crate::domain::trace::id::TraceId;
use crate::error::Result;
use crate::store::codec::spans::{Batch, read_batch};
use crate::store::codec::traces::read_trace;
use crate::store::keys::{Family, ReadKey, traces as keys};

pub(super) fn check<S: Source>(check: &mut Check<S>, read: &ReadKey, key: &[u8], value: &[u8]) -> Result<()> {
    let id = TraceId::stored(read.text("trace").unwrap_or_default());
    match read.family {
        Family::Trace => {
            for place in keys::places(&read_trace(&id, value)?) {
                check.expect(&format!("a listing of trace {id}"), place, Vec::new())?;
            }
            Ok(())
        }
        Family::ListedTrace | Family::ListedTraceByValue | Family::JudgedInSession => {
            let trace = stored(check, &id)?;
            if trace.is_none_or(|trace| !keys::places(&trace).contains(key)) {
                let text = format!("a listing shows trace {id} where it does not belong");
                check.found(text, Some(Repair::Delete(key.to_vec())));
            }
            Ok(())
        }
        Family::SpanBatch => batch(check, &id, read.number("batch").unwrap_or_default(), key, value),
        _ => Ok(()),
    }
}

/// The trace of an id. `None`: there is none, or its record cannot be read, which is told elsewhere.
fn stored<S: Source>(check: &Check<S>, id: &TraceId) -> Result<Option<Trace>> {
    let stored = check.source.get(&keys::trace(id))?;
    Ok(stored.and_then(|value| read_trace(id, &value).ok()))
}

fn batch<S: Source>(check: &mut Check<S>, id: &TraceId, number: u64, key: &[u8], value: &[u8]) -> Result<()> {
    if !check.exists(&keys::trace(id))? {
        check.found(format!("spans belong to trace {id}, which does not exist"), None);
    }
    if let Batch::Blob(name) = read_batch(value)?
        && !check.source.has_file(&name, key)?
    {
        let text = format!("the spans {number} of trace {id} are in the file {name:?}, which does not exist");
        check.found(text, None);
    }
    Ok(())
}
