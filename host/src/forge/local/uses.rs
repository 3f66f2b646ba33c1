//! The last uses of tokens. A use is noted in memory. All are written together, at most once a minute and by another task, so no
//! request waits for that.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use super::{LocalError, LocalForge, Shared, TokenEntry};
use crate::forge::Decision;
use crate::storage::sql::{SqlError, values};

/// Time between two writes. It is the accuracy of what other processes read.
const WRITE_INTERVAL: Duration = Duration::from_secs(60);
/// Maximum number of tokens whose uses wait to be written. Uses of more are lost.
const NOTED_MAX: usize = 100_000;

/// The uses that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// The number of the token, and the time of its last use in seconds since the Unix epoch.
    noted: HashMap<u64, u64>,
    written: Option<Instant>,
    /// The time of the next write. `None`: none is planned.
    planned: Option<Instant>,
}

impl Uses {
    /// Notes a use. Returns the time after which the caller has all uses written, unless that is planned already.
    fn note(&mut self, token: u64, now_s: u64) -> Option<Duration> {
        if self.noted.len() < NOTED_MAX || self.noted.contains_key(&token) {
            self.noted.insert(token, now_s);
        }
        let now = Instant::now();
        // A plan that was not carried out went down with its runtime.
        if self.planned.is_some_and(|planned| now < planned + WRITE_INTERVAL) {
            return None;
        }
        let due = self.written.map_or(now, |written| now.max(written + WRITE_INTERVAL));
        self.planned = Some(due);
        Some(due.duration_since(now))
    }
}

impl LocalForge {
    /// Notes that the token of a decision was used.
    pub(super) fn note_use(&self, decision: &Decision) {
        let token = match decision {
            Decision::Known(access) => access.token_id.as_ref().and_then(|id| id.parse().ok()),
            _ => None,
        };
        let (Some(token), Ok(runtime)) = (token, Handle::try_current()) else {
            return;
        };
        let Some(delay) = self.shared.uses().note(token, now_s()) else {
            return;
        };
        // A forge that is dropped meanwhile writes what is left.
        let shared = Arc::downgrade(&self.shared);
        runtime.spawn(async move {
            sleep(delay).await;
            if let Some(shared) = shared.upgrade() {
                // If the write panics, the uses are lost.
                _ = tokio::task::spawn_blocking(move || shared.write_uses()).await;
            }
        });
    }

    /// Reads tokens, with the last uses that this process knows and has not written.
    pub(super) fn with_noted_uses(
        &self,
        read: impl FnOnce() -> Result<Vec<TokenEntry>, LocalError>,
    ) -> Result<Vec<TokenEntry>, LocalError> {
        // A use that is not noted any more is written before the read gets the connection.
        let noted = self.shared.uses().noted.clone();
        let mut entries = read()?;
        for entry in &mut entries {
            entry.used_s = entry.used_s.max(noted.get(&entry.id).copied());
        }
        Ok(entries)
    }
}

impl Shared {
    fn uses(&self) -> MutexGuard<'_, Uses> {
        // No code that may panic runs under the lock.
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the noted uses in one transaction. If that fails they are lost, and the log says so.
    fn write_uses(&self) {
        let writer = self.writer();
        let noted = {
            let mut uses = self.uses();
            uses.planned = None;
            uses.written = Some(Instant::now());
            std::mem::take(&mut uses.noted)
        };
        if noted.is_empty() {
            return;
        }
        // Two hosts that write uses of the same tokens lock them in the same order.
        let noted: BTreeMap<_, _> = noted.into_iter().collect();
        let written: Result<(), SqlError> = writer.side_transaction(|conn| {
            let update = "UPDATE tokens SET used = ?2 WHERE id = ?1 AND coalesce(used, 0) < ?2";
            for (token, used_s) in &noted {
                conn.rows(update, values![*token, *used_s])?;
            }
            Ok(())
        });
        if let Err(error) = written {
            tracing::warn!(target: "mlforge::forge", %error, "cannot write the last uses of tokens");
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.write_uses();
    }
}

fn now_s() -> u64 {
    u64::try_from(OffsetDateTime::now_utc().unix_timestamp()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn uses_are_written_at_once_and_then_once_a_minute() {
        let mut uses = Uses::default();
        assert_eq!(uses.note(1, 10), Some(Duration::ZERO));
        assert_eq!(uses.note(2, 11), None);
        assert_eq!(uses.noted.len(), 2);
        uses.planned = None;
        uses.written = Some(Instant::now());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(uses.note(1, 20), Some(Duration::from_secs(50)));
        assert_eq!(uses.note(1, 21), None);
        // A runtime that ended did not write.
        tokio::time::advance(Duration::from_secs(200)).await;
        assert_eq!(uses.note(1, 220), Some(Duration::ZERO));
    }
}
