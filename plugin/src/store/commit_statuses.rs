//! Commit statuses that are still to be set. The commit that ends a run stores the pending status (`runs/commit.rs`), and
//! maintenance tells the forge, with growing pauses, for a week at most. A commit that the forge does not know is given
//! up sooner.
//!
//! The run is read when the forge is told. So a status never says something else than the run. Nothing is told of a run
//! that is deleted, or that runs again.

use super::codec::commit_status::{read_pending_status, write_pending_status};
use super::forge_calls::{ForgePass, begin_pass};
use super::{forge_calls, keys, runs};
use crate::domain::attempts::Attempts;
use crate::domain::commit_status::{CommitHash, EndedRun, PendingStatus};
use crate::domain::lifecycle::Stage;
use crate::error::{Error, Result};
use crate::host::records::{get, transact_background};
use crate::host::{forge, report};

/// The outcome of an attempt.
enum Outcome {
    /// The forge took the status.
    Set,
    /// The run has no end to tell.
    NoEnd,
    /// The forge knows no such commit, or takes no status for it.
    Unknown,
    /// The run cannot be read.
    Unreadable,
    /// The forge does not answer now.
    NoAnswer,
}

impl Outcome {
    /// True if no attempt follows this one.
    fn is_last_of(&self, pending: &PendingStatus) -> bool {
        match self {
            Outcome::Set | Outcome::NoEnd => true,
            Outcome::Unknown => pending.attempts.end_if_unknown(),
            Outcome::Unreadable | Outcome::NoAnswer => false,
        }
    }
}

/// A pending status as it was read.
struct Stored {
    key: Vec<u8>,
    version: u64,
    pending: PendingStatus,
}

/// True if these bytes are a cursor of a pass.
pub fn is_cursor(bytes: &[u8]) -> bool {
    forge_calls::is_cursor(&keys::all_pending_statuses(), bytes)
}

/// Sets the statuses that are due, after a cursor. It removes those that are over.
pub async fn pass(after: Option<&[u8]>, now_ms: i64) -> Result<ForgePass> {
    let (due, mut pass) = begin_pass(keys::all_pending_statuses(), after, now_ms, read).await?;
    let mut due = due.into_iter();
    for (key, commit, _) in due.by_ref() {
        let Some(stored) = Stored::read(key, now_ms).await? else {
            continue;
        };
        // A run that cannot be read holds up no other.
        let outcome = attempt(&stored, commit).await;
        let is_last = outcome.is_last_of(&stored.pending);
        let attempts = stored.pending.attempts.tried(now_ms);
        stored.settle((!is_last).then_some(attempts)).await?;
        pass.done += usize::from(matches!(outcome, Outcome::Set));
        if !is_last {
            pass.note_pending(&attempts, now_ms);
        }
        if matches!(outcome, Outcome::NoAnswer) {
            // It would not answer the others either.
            pass.next = None;
            break;
        }
    }
    due.for_each(|(_, _, attempts)| pass.note_pending(&attempts, now_ms));
    Ok(pass)
}

/// A pending status: its key, its commit, and the attempts so far.
type Pending = (Vec<u8>, CommitHash, Attempts);

fn read(key: &[u8], value: &[u8]) -> Result<(Attempts, Pending)> {
    let commit = keys::pending_status_of(key).ok_or_else(|| Error::corrupt("pending commit status", key))?;
    let attempts = read_pending_status(value)?.attempts;
    Ok((attempts, (key.to_vec(), commit, attempts)))
}

async fn attempt(stored: &Stored, commit: CommitHash) -> Outcome {
    let ended = match ended(stored, commit).await {
        Ok(Some(ended)) => ended,
        Ok(None) => return Outcome::NoEnd,
        Err(error) => {
            report::fault(&format!("a commit status cannot be set: {error}"));
            return Outcome::Unreadable;
        }
    };
    match forge::set_commit_status(&ended).await {
        Ok(true) => Outcome::Set,
        Ok(false) => Outcome::Unknown,
        Err(_) => Outcome::NoAnswer,
    }
}

/// Reads the run that ended. `None`: it does not exist any more, is deleted, or runs again.
async fn ended(stored: &Stored, commit: CommitHash) -> Result<Option<EndedRun>> {
    let found = match runs::load(stored.pending.run).await {
        Err(Error::NotFound(_)) => return Ok(None),
        found => found?,
    };
    let end = found.run.status.end().filter(|_| found.stage() == Stage::Active);
    Ok(end.map(|end| EndedRun {
        id: found.run.id,
        experiment: found.experiment_name().to_owned(),
        name: found.run.name,
        end,
        commit,
    }))
}

impl Stored {
    /// Reads a pending status before its run, so that a later end of the run is not taken for this one. `None`: there is
    /// none any more, or it is not due.
    async fn read(key: Vec<u8>, now_ms: i64) -> Result<Option<Self>> {
        let [record] = get([key.clone()]).await?;
        let pending = record.decode(read_pending_status)?;
        let due = pending.filter(|pending| pending.attempts.wait_ms(now_ms) == 0);
        Ok(due.map(|pending| Stored {
            key,
            version: record.version,
            pending,
        }))
    }

    /// Removes the pending status, or stores the attempts so far. Nothing happens if a run ended meanwhile.
    async fn settle(self, attempts: Option<Attempts>) -> Result<()> {
        let Stored { key, version, pending } = self;
        transact_background(async |change| {
            let [record] = get([key.clone()]).await?;
            if record.version != version {
                return Ok(());
            }
            change.require_version(key.clone(), version);
            match attempts {
                Some(attempts) => {
                    let pending = PendingStatus { attempts, ..pending };
                    change.put(key.clone(), write_pending_status(&pending));
                }
                None => change.delete(key.clone()),
            }
            Ok(())
        })
        .await
    }
}
