//! Attempts at a call of the forge that is made until it succeeds or is given up: their pauses and their end.

use super::limits::{CLOCK_SLACK_MS, FORGE_CALL_LIFE_MS};

/// The pause after the first attempt. Each further one is twice as long.
const PAUSE_MS: i64 = 30_000;
/// The longest pause.
const PAUSE_MS_MAX: i64 = 3_600_000;
/// Number of attempts after which a call about something that the forge does not know is given up. They take two hours.
const UNKNOWN_TRIES_MAX: u64 = 9;

/// The attempts at one call so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// The time at which the call became due, in milliseconds since the Unix epoch.
    pub since_ms: i64,
    /// The time of the last attempt, in milliseconds since the Unix epoch. At first the same.
    pub tried_ms: i64,
    /// Number of attempts.
    pub tries: u64,
}

impl Attempts {
    /// No attempt at a call that is due now.
    pub fn new(now_ms: i64) -> Self {
        Attempts {
            since_ms: now_ms,
            tried_ms: now_ms,
            tries: 0,
        }
    }

    /// One more attempt.
    #[must_use]
    pub fn tried(self, now_ms: i64) -> Self {
        Attempts {
            tried_ms: now_ms,
            tries: self.tries.saturating_add(1),
            ..self
        }
    }

    /// The time until the next attempt, in milliseconds. If the clock was set back, it is none.
    pub fn wait_ms(&self, now_ms: i64) -> i64 {
        let doubled = u32::try_from(self.tries.saturating_sub(1)).unwrap_or(u32::MAX);
        let pause = match self.tries {
            0 => 0,
            _ => PAUSE_MS.saturating_mul(2_i64.saturating_pow(doubled)).min(PAUSE_MS_MAX),
        };
        if self.tried_ms > now_ms {
            return 0;
        }
        self.tried_ms.saturating_add(pause).saturating_sub(now_ms).max(0)
    }

    /// True if the call is not made any more. A time of the beginning far in the future ends it at once: the clock
    /// was set back, and it would live too long.
    pub fn are_over(&self, now_ms: i64) -> bool {
        now_ms >= self.since_ms.saturating_add(FORGE_CALL_LIFE_MS)
            || self.since_ms > now_ms.saturating_add(CLOCK_SLACK_MS)
    }

    /// True if the call is given up should the forge answer the next attempt that it knows no such thing.
    pub fn end_if_unknown(&self) -> bool {
        self.tries.saturating_add(1) >= UNKNOWN_TRIES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_an_hour_and_end_after_a_week() {
        let mut attempts = Attempts::new(0);
        let (mut now_ms, mut pauses) = (0, Vec::new());
        while !attempts.are_over(now_ms) {
            pauses.push(attempts.wait_ms(now_ms));
            now_ms += attempts.wait_ms(now_ms);
            attempts = attempts.tried(now_ms);
        }
        assert_eq!(pauses.get(..4), Some(&[0, 30_000, 60_000, 120_000][..]));
        assert_eq!(pauses.iter().max(), Some(&PAUSE_MS_MAX));
        assert!((150..200).contains(&pauses.len()), "{}", pauses.len());
    }

    #[test]
    fn a_clock_that_was_set_back_delays_no_attempt_and_prolongs_none() {
        let attempts = Attempts::new(CLOCK_SLACK_MS + 1).tried(CLOCK_SLACK_MS + 1);
        assert_eq!(attempts.wait_ms(0), 0);
        assert!(attempts.are_over(0) && !attempts.are_over(1));
    }

    #[test]
    fn the_ninth_answer_that_the_forge_knows_nothing_is_the_last() {
        let mut attempts = Attempts::new(0);
        let mut answers = 1;
        while !attempts.end_if_unknown() {
            attempts = attempts.tried(0);
            answers += 1;
        }
        assert_eq!(answers, 9);
    }
}
