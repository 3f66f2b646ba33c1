//! The time for which the forge asks to be left alone by the calls that the host makes by itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::forge::ForgeError;

/// The longest time for which the forge is left alone, whatever it asks.
const REST_MAX: Duration = Duration::from_secs(3_600);

/// The time until which the forge is left alone, in milliseconds since the Unix epoch.
#[derive(Debug, Default)]
pub(crate) struct ForgeRest {
    until_ms: AtomicU64,
}

impl ForgeRest {
    /// Notes the time that a failed call of the host names, if it names one.
    pub(crate) fn note(&self, error: &ForgeError, now_ms: u64) {
        if let Some(rest) = error.retry_after {
            let rest_ms = u64::try_from(rest.min(REST_MAX).as_millis()).unwrap_or(u64::MAX);
            let until_ms = now_ms.saturating_add(rest_ms);
            self.until_ms.fetch_max(until_ms, Ordering::Relaxed);
        }
    }

    /// The time for which the forge is to be left alone. `None`: it may be called. If the clock was set back, it is not longer
    /// than the longest rest.
    pub(crate) fn left(&self, now_ms: u64) -> Option<Duration> {
        let left_ms = self.until_ms.load(Ordering::Relaxed).checked_sub(now_ms)?;
        (left_ms > 0).then(|| Duration::from_millis(left_ms).min(REST_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rest_that_was_asked_for_counts_up_to_an_hour() {
        let rest = ForgeRest::default();
        let asking = |seconds| ForgeError {
            retry_after: Some(Duration::from_secs(seconds)),
            ..ForgeError::new("overload")
        };
        rest.note(&ForgeError::new("down"), 1_000);
        assert_eq!(rest.left(1_000), None);
        rest.note(&asking(20), 1_000);
        rest.note(&asking(10), 1_000);
        assert_eq!(rest.left(2_000), Some(Duration::from_secs(19)));
        assert_eq!(rest.left(21_000), None);
        rest.note(&asking(1_000_000), 30_000);
        assert_eq!(rest.left(30_000), Some(REST_MAX));
        assert_eq!(rest.left(0), Some(REST_MAX));
    }
}
