//! Rates of requests: each token and each project may send so many requests a second, and now and then a burst of them.
//!
//! Each key has one time, at which its whole burst is available again (the generic cell rate algorithm). A crate such as
//! `governor` checks one bound at a time, so a request that its project refuses would cost its token, too.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::forge::{Actor, Credential};
use crate::limits::Limits;
use crate::storage::ProjectId;

/// Seconds of requests that may come at once, if the burst is not given.
const BURST_S: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
/// The longest time after which a refused client is told to ask again.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Number of keys of one kind from which on the unused ones are dropped.
const IDLE_KEYS_MAX: usize = 10_000;

/// A rate of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second.
    pub per_second: NonZeroU32,
    /// Requests that may come at once after a pause.
    pub burst: NonZeroU32,
}

impl Rate {
    /// The time that one request costs.
    fn interval(self) -> Duration {
        Duration::from_secs(1) / self.per_second.get()
    }

    /// The time by which a key may be ahead of its rate.
    fn tolerance(self) -> Duration {
        self.interval() * (self.burst.get() - 1)
    }
}

/// Reads `50` or `50:500`: requests a second, and those at once. Without the second number it is ten times the first.
impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<NonZeroU32>();
        let (per_second, burst) = match text.split_once(':') {
            Some((per_second, burst)) => (number(per_second), Some(number(burst))),
            None => (number(text), None),
        };
        match (per_second, burst.transpose()) {
            (Ok(per_second), Ok(burst)) => Ok(Self {
                per_second,
                burst: burst.unwrap_or_else(|| per_second.saturating_mul(BURST_S)),
            }),
            _ => Err(format!(
                "`{text}` is no rate: it is a number of requests a second, or two as in 50:500, the second for a burst"
            )),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests a second, and {} at once", self.per_second, self.burst)
    }
}

/// The one whose rate a request exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RateOf {
    Token,
    Project,
}

/// A rate that a request exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RateExceeded {
    pub(crate) of: RateOf,
    pub(crate) rate: Rate,
    /// Time after which the client may ask again.
    pub(crate) wait: Duration,
}

/// The key of a token: a hash of its user and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TokenKey(u64);

/// The rates of all tokens and projects.
pub(crate) struct RateLimits {
    token: Option<Rate>,
    project: Option<Rate>,
    hasher: RandomState,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    tokens: Table<TokenKey>,
    projects: Table<ProjectId>,
}

impl RateLimits {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            token: limits.token_rate,
            project: limits.project_rate,
            hasher: RandomState::new(),
            keys: Mutex::default(),
        }
    }

    /// The key of a credential. Requests without one are told apart by the client's address.
    pub(crate) fn token_key(&self, actor: &Actor, credential: &Credential, client: Option<IpAddr>) -> TokenKey {
        TokenKey(match credential {
            Credential::Anonymous => self.hasher.hash_one(client),
            Credential::Cookie(text) => self.hasher.hash_one((&actor.id, text)),
            other => self.hasher.hash_one((&actor.id, other.token())),
        })
    }

    /// Counts a request for its token and its project, or for neither if one of them exceeds its rate.
    pub(crate) fn take(&self, token: impl FnOnce() -> TokenKey, project: ProjectId) -> Result<(), RateExceeded> {
        if self.token.is_none() && self.project.is_none() {
            return Ok(());
        }
        let (token, now) = (token(), Instant::now());
        // No code that may panic runs under the lock.
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let Keys { tokens, projects } = &mut *keys;
        let exceeded = |of: RateOf, rate| move |wait| RateExceeded { of, rate, wait };
        let mut of_token = self.token.map(|rate| (rate, tokens.bucket(token, now)));
        if let Some((rate, bucket)) = &mut of_token {
            bucket.check(*rate, now).map_err(exceeded(RateOf::Token, *rate))?;
        }
        if let Some(rate) = self.project {
            let bucket = projects.bucket(project, now);
            bucket.check(rate, now).map_err(exceeded(RateOf::Project, rate))?;
            bucket.take(rate, now);
        }
        if let Some((rate, bucket)) = of_token {
            bucket.take(rate, now);
        }
        Ok(())
    }
}

/// The buckets of all keys of one kind. A key without a bucket has its whole burst.
struct Table<K> {
    buckets: HashMap<K, Bucket>,
    /// Number of buckets at which the full ones are dropped next.
    sweep_at: usize,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self {
            buckets: HashMap::new(),
            sweep_at: IDLE_KEYS_MAX,
        }
    }
}

impl<K: Eq + Hash> Table<K> {
    fn bucket(&mut self, key: K, now: Instant) -> &mut Bucket {
        if self.buckets.len() >= self.sweep_at {
            self.buckets.retain(|_, bucket| bucket.promised > now);
            self.sweep_at = self.buckets.len().saturating_mul(2).max(IDLE_KEYS_MAX);
        }
        let full = Bucket {
            full_at: now,
            promised: now,
        };
        self.buckets.entry(key).or_insert(full)
    }
}

/// The use that one key has made of its rate.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// The time at which the whole burst is available again.
    full_at: Instant,
    /// The time until then if each refused client asks again when it was told to. So they do not come back all at once.
    promised: Instant,
}

impl Bucket {
    /// Fails with the time to wait, and keeps a place for the client who waits.
    fn check(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let (interval, tolerance) = (rate.interval(), rate.tolerance());
        if self.full_at <= now + tolerance {
            return Ok(());
        }
        let place = self.promised.max(self.full_at);
        let wait = place.saturating_duration_since(now + tolerance);
        if wait < WAIT_MAX {
            self.promised = place + interval;
        }
        Err(wait.min(WAIT_MAX))
    }

    fn take(&mut self, rate: Rate, now: Instant) {
        self.full_at = self.full_at.max(now) + rate.interval();
        self.promised = self.promised.max(self.full_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: ProjectId = ProjectId(1);

    fn rates(token: Option<&str>, project: Option<&str>) -> RateLimits {
        let rate = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        RateLimits::new(&Limits {
            token_rate: rate(token),
            project_rate: rate(project),
            ..Limits::default()
        })
    }

    fn taken(rates: &RateLimits, token: u64) -> usize {
        (0..1_000)
            .take_while(|_| rates.take(|| TokenKey(token), PROJECT).is_ok())
            .count()
    }

    #[test]
    fn a_rate_is_one_number_or_two() {
        let rate = |text: &str| {
            text.parse::<Rate>()
                .map(|rate| (rate.per_second.get(), rate.burst.get()))
        };
        assert_eq!(rate("50"), Ok((50, 500)));
        assert_eq!(rate("50:60"), Ok((50, 60)));
        for wrong in ["", "0", "5:0", "-1", "5:", ":5", "1:2:3", "4294967296"] {
            assert!(rate(wrong).unwrap_err().contains(&format!("`{wrong}`")), "{wrong}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_comes_back_at_the_rate() {
        let rates = rates(Some("4:10"), None);
        assert_eq!((taken(&rates, 1), taken(&rates, 2)), (10, 10));
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(taken(&rates, 1), 2);
        tokio::time::advance(Duration::from_secs(3_600)).await;
        assert_eq!(taken(&rates, 1), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_are_told_different_times() {
        let rates = rates(Some("2:1"), None);
        assert_eq!(taken(&rates, 1), 1);
        let waits = |count: usize| -> Vec<u128> {
            let wait = |_| rates.take(|| TokenKey(1), PROJECT).unwrap_err().wait.as_millis();
            (0..count).map(wait).collect()
        };
        // The first place went to the refusal that `taken` saw.
        assert_eq!(waits(3), [1_000, 1_500, 2_000]);
        assert_eq!(waits(1_000).last(), Some(&10_000));
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(taken(&rates, 1), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_its_project_refuses_costs_its_token_nothing() {
        let rates = rates(Some("1:3"), Some("1:2"));
        assert_eq!(taken(&rates, 1), 2);
        assert_eq!(rates.take(|| TokenKey(1), PROJECT).unwrap_err().of, RateOf::Project);
        assert!(rates.take(|| TokenKey(1), ProjectId(2)).is_ok());
        assert_eq!(rates.take(|| TokenKey(1), ProjectId(2)).unwrap_err().of, RateOf::Token);
    }

    #[tokio::test(start_paused = true)]
    async fn unused_keys_are_dropped() {
        let rates = rates(Some("1:1"), None);
        for token in 0..IDLE_KEYS_MAX as u64 {
            rates.take(|| TokenKey(token), PROJECT).unwrap();
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        rates.take(|| TokenKey(u64::MAX), PROJECT).unwrap();
        assert_eq!(rates.keys.lock().unwrap().tokens.buckets.len(), 1);
    }
}
