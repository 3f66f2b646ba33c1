//! The commit that a run names. The end of the run leaves it a pending status, which `store/commit_statuses.rs` tells the
//! forge.

use super::tag_value;
use crate::domain::attempts::Attempts;
use crate::domain::commit_status::{COMMIT_TAGS, CommitHash, PendingStatus};
use crate::domain::id::RunId;
use crate::domain::run::Run;
use crate::error::{Error, Result};
use crate::host::records::{Change, Record};
use crate::store::codec::commit_status::write_pending_status;
use crate::store::keys;

/// Returns the keys that tell the commit of a run: the packed run, then each tag that names one.
pub(super) fn keys_of_commit(id: RunId) -> Vec<Vec<u8>> {
    let tags = COMMIT_TAGS.map(|tag| keys::run_tag(id, tag));
    std::iter::once(keys::packed_run(id)).chain(tags).collect()
}

/// Reads the commit from the records of `keys_of_commit`. The change then depends on them. `None`: the run names none.
pub(super) fn read_commit(change: &mut Change, records: &[Record]) -> Result<Option<CommitHash>> {
    for record in records {
        change.require_version(record.key.clone(), record.version);
    }
    let Some((packed, loose)) = records.split_first() else {
        return Err(Error::Corrupt("no answer for a commit".to_owned()));
    };
    let packed = super::packed(packed)?;
    for (tag, record) in COMMIT_TAGS.into_iter().zip(loose) {
        let commit = tag_value(record, &packed, tag)?.and_then(|value| CommitHash::parse(&value));
        if commit.is_some() {
            return Ok(commit);
        }
    }
    Ok(None)
}

/// Adds the pending status of a commit to the change that ends a run.
pub fn put_pending_status(change: &mut Change, run: &Run, commit: &CommitHash, now_ms: i64) {
    let pending = PendingStatus {
        run: run.id,
        attempts: Attempts::new(now_ms),
    };
    let key = keys::pending_status(run.experiment, commit);
    change.put(key, write_pending_status(&pending));
}
