//! Counts of requests by route and status, and the times until their answers begin.

use std::time::Duration;

use super::route_name::{self, RouteLabel, RouteName};
use crate::metrics::{Counter, Histogram};

/// The statuses that are counted apart. Any other one counts as `other`.
const STATUSES: [(u16, &str); 23] = [
    (200, "200"),
    (204, "204"),
    (206, "206"),
    (302, "302"),
    (303, "303"),
    (304, "304"),
    (307, "307"),
    (308, "308"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (408, "408"),
    (409, "409"),
    (412, "412"),
    (413, "413"),
    (416, "416"),
    (429, "429"),
    (499, "499"),
    (500, "500"),
    (503, "503"),
    (504, "504"),
];
const OTHER: &str = "other";

/// The counts of all routes.
#[derive(Debug)]
pub(crate) struct RequestMetrics {
    routes: Box<[RouteMetrics]>,
}

/// The counts of one route.
#[derive(Debug, Default)]
pub(crate) struct RouteMetrics {
    statuses: [Counter; STATUSES.len() + 1],
    pub(crate) seconds: Histogram,
}

impl RequestMetrics {
    pub(crate) fn new() -> Self {
        Self {
            routes: route_name::labels().iter().map(|_| RouteMetrics::default()).collect(),
        }
    }

    /// Counts a request that ended. 499: the caller left before the answer.
    pub(crate) fn record(&self, route: RouteName, status: u16, duration: Duration) {
        let Some(metrics) = self.routes.get(route.index()) else {
            return;
        };
        let index = STATUSES.iter().position(|(code, _)| *code == status);
        if let Some(count) = metrics.statuses.get(index.unwrap_or(STATUSES.len())) {
            count.increment();
        }
        metrics.seconds.record(duration);
    }

    /// The routes with their counts.
    pub(crate) fn routes(&self) -> impl Iterator<Item = (&'static RouteLabel, &RouteMetrics)> {
        route_name::labels().iter().zip(&self.routes)
    }
}

impl RouteMetrics {
    /// The statuses that the route had, with their counts.
    pub(crate) fn statuses(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let names = STATUSES.iter().map(|(_, name)| *name).chain([OTHER]);
        let counted = names.zip(self.statuses.iter().map(Counter::get));
        counted.filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_counts_once_for_its_route_and_status() {
        let metrics = RequestMetrics::new();
        for status in [200, 200, 404, 299, 499] {
            metrics.record(RouteName::HEALTH, status, Duration::from_millis(1));
        }
        let of = |path: &str| metrics.routes().find(|(label, _)| label.path == path).unwrap().1;
        let counts: Vec<_> = of("/-/health").statuses().collect();
        assert_eq!(counts, [("200", 2), ("404", 1), ("499", 1), ("other", 1)]);
        assert_eq!(of("/-/health").seconds.read().count(), 5);
        assert_eq!(of("/-/ready").statuses().count(), 0);
    }
}
