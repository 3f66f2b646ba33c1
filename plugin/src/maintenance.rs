//! The export `maintenance`: one bounded pass a call, when the host says so.

use crate::bindings::exports::mlforge::plugin::maintenance as wit;
use crate::convert::to_u64;
use crate::error::Error;
use crate::host::clock::now_ms;
use crate::host::random::random_u64;
use crate::host::report;
use crate::store::artifacts::upload_gc;
use crate::store::audit::retention;
use crate::store::forge_calls::ForgePass;
use crate::store::purge::PurgeStep;
use crate::store::{commit_statuses, compaction, job_lookups, keys, purge, tombstone, traces};

/// Makes one pass of compaction.
pub(crate) async fn compact(after: Option<Vec<u8>>, quiet_ms: Option<u64>) -> Result<wit::CompactionPass, String> {
    ensure_known(after.as_deref(), |after| keys::dirty_run_of(after).is_some())?;
    let quiet_ms = quiet_ms.map(|quiet| i64::try_from(quiet).unwrap_or(i64::MAX));
    let pass = compaction::pass(after.as_deref(), quiet_ms, now_ms(), random_u64()).await;
    let pass = pass.map_err(text)?;
    Ok(wit::CompactionPass {
        compacted: to_u64(pass.compacted),
        pending: to_u64(pass.pending),
        set_aside: pass.set_aside.iter().map(set_aside_run).collect(),
        unreadable_markers: to_u64(pass.unreadable),
        next: pass.next,
    })
}

/// Makes one pass over uploads in parts. The first one also removes what interrupted deletions left behind.
pub(crate) async fn sweep_uploads(after: Option<Vec<u8>>) -> Result<wit::UploadPass, String> {
    ensure_known(after.as_deref(), upload_gc::is_cursor)?;
    if after.is_none() {
        report_all(&tombstone::clear_some(&[]).await.map_err(text)?.failures);
    }
    let pass = upload_gc::pass(after.as_deref(), now_ms()).await.map_err(text)?;
    Ok(wit::UploadPass {
        removed: to_u64(pass.removed),
        alive: to_u64(pass.alive),
        failed: to_u64(pass.failed),
        next: pass.next,
    })
}

/// Makes the look-ups of CI jobs that are due.
pub(crate) async fn link_jobs(after: Option<Vec<u8>>) -> Result<wit::ForgePass, String> {
    ensure_known(after.as_deref(), job_lookups::is_cursor)?;
    let pass = job_lookups::pass(after.as_deref(), now_ms()).await;
    pass.map(forge_pass).map_err(text)
}

/// Sets the commit statuses that are due.
pub(crate) async fn set_commit_statuses(after: Option<Vec<u8>>) -> Result<wit::ForgePass, String> {
    ensure_known(after.as_deref(), commit_statuses::is_cursor)?;
    let pass = commit_statuses::pass(after.as_deref(), now_ms()).await;
    pass.map(forge_pass).map_err(text)
}

/// Makes one pass of a purge of what was deleted until a time, in milliseconds since the Unix epoch.
pub(crate) async fn purge(deleted_until_ms: u64, after: Option<Vec<u8>>) -> Result<wit::PurgePass, String> {
    ensure_known(after.as_deref(), |after| PurgeStep::read(after).is_some())?;
    let step = after.as_deref().and_then(PurgeStep::read);
    let step = step.unwrap_or_else(PurgeStep::begin);
    let deleted_until_ms = i64::try_from(deleted_until_ms).unwrap_or(i64::MAX);
    let pass = purge::pass(deleted_until_ms, &step).await.map_err(text)?;
    report_all(&pass.failures);
    Ok(wit::PurgePass {
        removed: to_u64(pass.removed),
        failed: to_u64(pass.failures.len()),
        next: pass.next.map(|step| step.write()),
    })
}

/// Makes one pass over the audit log: removes records of changes before a time, in milliseconds since the Unix
/// epoch.
pub(crate) async fn sweep_audit(before_ms: u64) -> Result<wit::AuditPass, String> {
    let before_ms = i64::try_from(before_ms).unwrap_or(i64::MAX);
    let pass = retention::pass(before_ms).await.map_err(text)?;
    Ok(wit::AuditPass {
        removed: to_u64(pass.removed),
        more: pass.is_cut,
    })
}

/// Makes one pass over old traces: removes some that began before a time, in milliseconds since the Unix epoch.
pub(crate) async fn sweep_traces(before_ms: u64) -> Result<wit::AuditPass, String> {
    let before_ms = i64::try_from(before_ms).unwrap_or(i64::MAX);
    let pass = traces::delete::pass(before_ms).await.map_err(text)?;
    Ok(wit::AuditPass {
        removed: to_u64(pass.removed),
        more: pass.is_cut,
    })
}

/// Refuses bytes that no former pass returned.
fn ensure_known(after: Option<&[u8]>, fits: impl FnOnce(&[u8]) -> bool) -> Result<(), String> {
    match after {
        Some(after) if !fits(after) => Err(format!("no former pass returned the position {after:02x?}")),
        _ => Ok(()),
    }
}

fn forge_pass(pass: ForgePass) -> wit::ForgePass {
    wit::ForgePass {
        done: to_u64(pass.done),
        pending: to_u64(pass.pending),
        wait_ms: pass.wait_ms.map(|wait_ms| u64::try_from(wait_ms).unwrap_or(0)),
        next: pass.next,
    }
}

fn set_aside_run(run: &compaction::SetAsideRun) -> wit::SetAsideRun {
    wit::SetAsideRun {
        experiment: run.experiment.to_string(),
        run: run.run.to_string(),
        reason: run.reason.reason().to_owned(),
    }
}

fn report_all(failures: &[String]) {
    for failure in failures {
        report::fault(failure);
    }
}

fn text(error: Error) -> String {
    error.to_string()
}
