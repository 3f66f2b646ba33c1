//! `upkeep`: what the host asks for when nobody waits.

use serde::Serialize;

use super::json;
use crate::error::Result;
use crate::host::clock::now_ms;
use crate::host::random::random_u64;
use crate::host::report;
use crate::request::call::Call;
use crate::search::cursor::Cursor;
use crate::store::artifacts::upload_gc;
use crate::store::purge::{self, PurgeStep};
use crate::store::{compaction, keys, tombstone};

#[derive(Serialize)]
struct Pass {
    /// Runs that were packed.
    moved: usize,
    /// Runs that are still to be packed once they rest.
    waiting: usize,
    /// Runs that this pass set aside: they stay as they are until they are changed again.
    set_aside: Vec<SetAside>,
    /// Marks that cannot be read.
    unreadable: usize,
    /// What the next call shall say as `after`; absent: the pass looked at everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A run, and why it was set aside.
#[derive(Serialize)]
struct SetAside {
    experiment: String,
    run: String,
    reason: &'static str,
}

impl From<&compaction::SetAsideRun> for SetAside {
    fn from(aside: &compaction::SetAsideRun) -> Self {
        SetAside {
            experiment: aside.experiment.to_string(),
            run: aside.run.to_string(),
            reason: aside.reason.reason(),
        }
    }
}

#[derive(Serialize)]
struct Swept {
    /// Uploads that were given up, or parts of none.
    removed: usize,
    /// Uploads that may still go on.
    alive: usize,
    /// Uploads that could not be removed.
    failed: usize,
    /// What the next call shall say as `after`; absent: all were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Makes one short pass of removing what uploads in parts left behind that were given up. The first pass also removes what
/// deletions left that broke off.
pub async fn sweep(call: Call<'_>) -> Result<Vec<u8>> {
    let after = Cursor::parse(call.params.text("after")?.unwrap_or_default(), upload_gc::is_cursor)?;
    if after.is_none() {
        report_all(&tombstone::clear_some(&[]).await?.failures);
    }
    let pass = upload_gc::pass(after.as_ref().map(Cursor::bytes), now_ms()).await?;
    json(&Swept {
        removed: pass.removed,
        alive: pass.alive,
        failed: pass.failed,
        next: pass.next.map(|place| Cursor::new(place).to_token()),
    })
}

fn report_all(failures: &[String]) {
    for failure in failures {
        report::fault(failure);
    }
}

#[derive(Serialize)]
struct Purged {
    /// Runs and experiments that are no more.
    removed: usize,
    /// How much is left as it is, for reasons that were reported.
    failed: usize,
    /// What the next call shall say as `after`; absent: nothing is left to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Makes one short pass of deleting for good what was deleted at `before_ms`, in milliseconds since the Unix epoch, or before.
pub async fn purge(call: Call<'_>) -> Result<Vec<u8>> {
    let after = Cursor::parse(call.params.text("after")?.unwrap_or_default(), |bytes| {
        PurgeStep::read(bytes).is_some()
    })?;
    let step = after.and_then(|place| PurgeStep::read(place.bytes()));
    let step = step.unwrap_or_else(PurgeStep::begin);
    let pass = purge::pass(call.params.required_integer("before_ms")?, &step).await?;
    report_all(&pass.failures);
    json(&Purged {
        removed: pass.removed,
        failed: pass.failures.len(),
        next: pass.next.map(|step| Cursor::new(step.write()).to_token()),
    })
}

/// Makes one short pass of packing. `rest_ms` overrules how long a run must have been unchanged.
pub async fn pass(call: Call<'_>) -> Result<Vec<u8>> {
    let after = Cursor::parse(call.params.text("after")?.unwrap_or_default(), |bytes| {
        keys::marked(bytes).is_some()
    })?;
    let after = after.as_ref().map(|place| place.bytes());
    let pass = compaction::pass(after, call.params.integer("rest_ms")?, now_ms(), random_u64()).await?;
    json(&Pass {
        moved: pass.moved,
        waiting: pass.waiting,
        set_aside: pass.set_aside.iter().map(SetAside::from).collect(),
        unreadable: pass.unreadable,
        next: pass.next.map(|key| Cursor::new(key).to_token()),
    })
}
