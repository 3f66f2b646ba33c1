//! The list of deleted runs. A run that was deleted with its experiment is not in it.

use crate::domain::id::RunId;
use crate::error::{Error, Result};
use crate::host::records::scan;
use crate::store::codec::purge::read_deletion;
use crate::store::keys;

/// Some deleted runs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DeletedRuns {
    /// The runs in the order of their ids, which is that of their creation, each with the time of its deletion in
    /// milliseconds since the Unix epoch. A run whose experiment was restored since may be active again.
    pub runs: Vec<(RunId, i64)>,
    /// True if there are more after these.
    pub has_more: bool,
}

/// Reads at most `count` deleted runs after a run, in one range.
pub async fn list(after: Option<RunId>, count: usize) -> Result<DeletedRuns> {
    let all = keys::all_deletions();
    let span = after.map_or_else(|| all.clone(), |run| all.after(&keys::deletion(run)));
    let mut deleted = DeletedRuns::default();
    scan(span, count + 1, |key, value| {
        let run = keys::deleted_run(key).ok_or_else(|| Error::Corrupt("the key of a deletion".to_owned()))?;
        deleted.runs.push((run, read_deletion(value)?.time_ms));
        Ok(())
    })
    .await?;
    deleted.has_more = deleted.runs.len() > count;
    deleted.runs.truncate(count);
    Ok(deleted)
}
