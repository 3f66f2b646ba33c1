//! The bound on failed sign-ins from one network address. Each costs the forge a question.

use std::net::{IpAddr, Ipv6Addr};

use quick_cache::sync::Cache;

/// Maximum number of failures of an address in a window.
pub(crate) const FAILURES_MAX: u32 = 10;
/// Length of a window, in milliseconds.
const WINDOW_MS: u64 = 60 * 1_000;
/// Maximum number of addresses that are remembered. The ones that were asked for least lately are forgotten.
const ADDRESSES_MAX: usize = 10_000;

/// The failures of each address in the current window.
pub(crate) struct Attempts {
    failures: Cache<Option<IpAddr>, Failures>,
}

#[derive(Clone, Copy)]
struct Failures {
    window: u64,
    count: u32,
}

impl Attempts {
    pub(crate) fn new() -> Self {
        Self {
            failures: Cache::new(ADDRESSES_MAX),
        }
    }

    /// True if the address may try again. `None`: the request came through no socket.
    pub(crate) fn may_try(&self, address: Option<IpAddr>, now_ms: u64) -> bool {
        self.count(network(address), now_ms) < FAILURES_MAX
    }

    /// Counts a failure. Two at the same moment may count as one.
    pub(crate) fn fail(&self, address: Option<IpAddr>, now_ms: u64) {
        let network = network(address);
        let count = self.count(network, now_ms).saturating_add(1);
        let window = now_ms / WINDOW_MS;
        self.failures.insert(network, Failures { window, count });
    }

    fn count(&self, network: Option<IpAddr>, now_ms: u64) -> u32 {
        let found = self.failures.get(&network);
        let current = found.filter(|failures| failures.window == now_ms / WINDOW_MS);
        current.map_or(0, |failures| failures.count)
    }
}

/// The network of an address: a provider gives a customer a whole /64 of IPv6.
fn network(address: Option<IpAddr>) -> Option<IpAddr> {
    address.map(|address| match address {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_fails_a_few_times_in_a_minute() {
        let attempts = Attempts::new();
        let address = |text: &str| Some(text.parse().unwrap());
        for _ in 0..FAILURES_MAX {
            assert!(attempts.may_try(address("2001:db8::1"), 0));
            attempts.fail(address("2001:db8::1"), 0);
        }
        assert!(!attempts.may_try(address("2001:db8::2"), 1));
        assert!(attempts.may_try(address("2001:db8:0:1::1"), 1));
        assert!(attempts.may_try(address("192.0.2.1"), 1) && attempts.may_try(None, 1));
        assert!(attempts.may_try(address("2001:db8::1"), WINDOW_MS));
    }
}
