//! A rate limit of log lines for events that may repeat.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Allows one line in each interval, and counts the lines that it suppresses.
#[derive(Debug)]
pub(crate) struct LogLimit {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    left_out: u64,
}

impl LogLimit {
    /// Allows one line in each interval.
    pub(crate) fn new(interval: Duration) -> Self {
        LogLimit {
            interval,
            state: Mutex::default(),
        }
    }

    /// Returns the number of lines suppressed since the last one, if a line may be logged now. `None`: it may not.
    pub(crate) fn allows(&self, now: Instant) -> Option<u64> {
        // No code that may panic runs under the lock.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_early = |last: Instant| now.saturating_duration_since(last) < self.interval;
        if state.last.is_some_and(is_early) {
            state.left_out = state.left_out.saturating_add(1);
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_in_an_interval_tells_how_many_were_left_out() {
        let limit = LogLimit::new(Duration::from_secs(60));
        let begin = Instant::now();
        let asked = [0, 1, 59, 60, 61, 300].map(|second| limit.allows(begin + Duration::from_secs(second)));
        assert_eq!(asked, [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
