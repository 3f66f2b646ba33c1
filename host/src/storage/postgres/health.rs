//! The time for which the database has been away.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::storage::StorageError;

/// Time for which calls wait for a database that is away. It covers a restart and most failovers.
const RIDE_OUT: Duration = Duration::from_secs(10);

/// Knows since when no connection could be made.
#[derive(Default)]
pub(super) struct Health {
    away: Mutex<Option<Away>>,
}

struct Away {
    since: Instant,
    reason: String,
}

impl Health {
    /// Notes that the database answers.
    pub(super) fn is_back(&self) {
        if let Some(away) = self.lock().take() {
            let seconds = away.since.elapsed().as_secs();
            tracing::info!(target: "mlforge::database", seconds, "the database answers again");
        }
    }

    /// Notes that no connection could be made.
    pub(super) fn is_away(&self, reason: &str) {
        let mut away = self.lock();
        if away.is_none() {
            tracing::error!(target: "mlforge::database", reason, "the database does not answer");
        }
        let since = away.as_ref().map_or_else(Instant::now, |away| away.since);
        *away = Some(Away {
            since,
            reason: reason.to_owned(),
        });
    }

    /// Fails if the database has been away for so long that calls no longer wait for it.
    pub(super) fn check(&self) -> Result<(), StorageError> {
        match &*self.lock() {
            Some(away) if away.since.elapsed() >= RIDE_OUT => Err(StorageError::Unavailable(format!(
                "postgres: the database has been away for {} seconds: {}",
                away.since.elapsed().as_secs(),
                away.reason
            ))),
            _ => Ok(()),
        }
    }

    /// True if the last try to make a connection succeeded, for tests.
    #[cfg(all(test, feature = "postgres-tests"))]
    pub(super) fn is_well(&self) -> bool {
        self.lock().is_none()
    }

    /// Makes the absence so long that calls no longer wait, for tests.
    #[cfg(all(test, feature = "postgres-tests"))]
    #[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    pub(super) fn has_been_away(&self) {
        *self.lock() = Some(Away {
            since: Instant::now().checked_sub(RIDE_OUT).unwrap(),
            reason: "it was shut".to_owned(),
        });
    }

    fn lock(&self) -> MutexGuard<'_, Option<Away>> {
        // No code that may panic runs under the lock.
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_wait_for_a_short_absence_only() {
        let health = Health::default();
        health.is_away("refused");
        assert!(health.check().is_ok());
        tokio::time::advance(RIDE_OUT / 2).await;
        health.is_away("refused again");
        tokio::time::advance(RIDE_OUT / 2).await;
        let error = health.check().unwrap_err().to_string();
        assert!(error.contains("10 seconds: refused again"), "{error}");
        health.is_back();
        assert!(health.check().is_ok());
    }
}
