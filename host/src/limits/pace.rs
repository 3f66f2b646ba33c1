//! Minimum rates of bodies and answers. They stop clients that hold a request for ever by sending or reading
//! a byte now and then.
//!
//! A pace is enforced by a budget of time. Waiting for the client spends it, and each byte earns some back,
//! up to the initial grace. So a pause may last as long as the grace, and a longer transfer has to keep the
//! rate. Time in which the server itself is busy costs nothing.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::convert::to_u64;

use tokio::time::{Instant, Sleep, sleep};

/// The minimum speed of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// The longest time without a byte, or below the minimum rate.
    pub(crate) grace: Duration,
    /// The minimum rate in bytes a second; 0: none.
    pub(crate) rate_min: u64,
}

/// The time that a peer has left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeBudget {
    pace: Pace,
    left: Duration,
}

impl TimeBudget {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, left: pace.grace }
    }

    /// The longest wait for the next bytes.
    pub(crate) fn left(&self) -> Duration {
        self.left
    }

    /// Counts bytes received or sent after a wait.
    pub(crate) fn moved(&mut self, bytes: usize, waited: Duration) {
        let bytes = to_u64(bytes);
        let earned = match bytes.saturating_mul(1_000_000).checked_div(self.pace.rate_min) {
            Some(earned_us) => Duration::from_micros(earned_us),
            None if bytes > 0 => self.pace.grace,
            None => Duration::ZERO,
        };
        let left = self.left.saturating_sub(waited).saturating_add(earned);
        self.left = left.min(self.pace.grace);
    }

    /// Changes the pace. The time that is left stays the same.
    pub(crate) fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }
}

/// A budget of time for a stream that is polled.
pub(crate) struct PacedPolls {
    budget: TimeBudget,
    /// Time of the first poll since the last byte.
    waiting: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl PacedPolls {
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            budget: TimeBudget::new(pace),
            waiting: None,
            alarm: None,
        }
    }

    /// Counts bytes received or sent.
    pub(crate) fn moved(&mut self, bytes: usize) {
        let waited = self.waiting.take().map_or(Duration::ZERO, |since| since.elapsed());
        self.budget.moved(bytes, waited);
    }

    /// Counts a poll without bytes. It is ready once the time is used up.
    pub(crate) fn poll_exhausted(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.budget.left();
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(left)));
        if self.waiting.is_none() {
            let now = Instant::now();
            self.waiting = Some(now);
            alarm.as_mut().reset(now + left);
        }
        alarm.as_mut().poll(cx)
    }

    pub(crate) fn set_pace(&mut self, pace: Pace) {
        self.budget.set_pace(pace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PACE: Pace = Pace {
        grace: Duration::from_secs(20),
        rate_min: 1_000,
    };

    /// Seconds until a peer is cut off that moves `bytes` after each wait of `wait` seconds. `None`: not
    /// within a day.
    fn seconds_until_cut(pace: Pace, bytes: usize, wait: u32) -> Option<u32> {
        let (mut budget, mut passed) = (TimeBudget::new(pace), 0);
        while passed < 86_400 {
            if budget.left() < wait * SECOND {
                return Some(passed);
            }
            budget.moved(bytes, wait * SECOND);
            passed += wait;
        }
        None
    }

    #[test]
    fn a_peer_that_keeps_the_rate_goes_on_and_one_that_trickles_is_cut() {
        assert_eq!(seconds_until_cut(PACE, 1_000, 1), None);
        assert_eq!(seconds_until_cut(PACE, 20_000, 20), None);
        assert_eq!(seconds_until_cut(PACE, 1, 19), Some(19));
        assert_eq!(seconds_until_cut(PACE, 0, 1), Some(20));
        assert_eq!(seconds_until_cut(PACE, 1_000_000, 21), Some(0));
        // At half the rate the grace lasts twice as long.
        assert_eq!(seconds_until_cut(PACE, 500, 1), Some(39));
    }

    #[test]
    fn without_a_rate_only_pauses_are_cut() {
        let pace = Pace { rate_min: 0, ..PACE };
        assert_eq!(seconds_until_cut(pace, 1, 20), None);
        assert_eq!(seconds_until_cut(pace, 0, 1), Some(20));
    }

    #[tokio::test(start_paused = true)]
    async fn polling_ends_when_the_time_is_used_up() {
        let mut polls = PacedPolls::new(PACE);
        let began = Instant::now();
        for (bytes, waits) in [(10_000, 15), (0, 5), (10_000, 9)] {
            let exhausted = std::future::poll_fn(|cx| polls.poll_exhausted(cx));
            assert!(tokio::time::timeout(waits * SECOND, exhausted).await.is_err());
            polls.moved(bytes);
        }
        // 20 - 15 + 10 - 5 - 9 + 10 = 11 seconds are left. The 1,000 seconds of the server's own work cost
        // nothing.
        sleep(1_000 * SECOND).await;
        std::future::poll_fn(|cx| polls.poll_exhausted(cx)).await;
        assert_eq!(began.elapsed().as_secs(), 15 + 5 + 9 + 1_000 + 11);
    }
}
