//! Counts for the server's metrics. Counting takes no lock and no memory, since every request does it; only a scrape adds up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the classes of a histogram of durations, in microseconds. One more class has all longer durations.
const BOUNDS_US: [u64; 15] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 30_000_000,
];
const CLASSES: usize = BOUNDS_US.len() + 1;

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn increment(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Durations, counted by class.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    classes: [Counter; CLASSES],
    sum_us: Counter,
}

impl Histogram {
    pub(crate) fn record(&self, duration: Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let class = BOUNDS_US.partition_point(|bound| *bound < us);
        if let Some(class) = self.classes.get(class) {
            class.increment();
        }
        self.sum_us.add(us);
    }

    /// The counts so far. While others record, the sum may lag behind the classes by their durations.
    pub(crate) fn read(&self) -> DurationCounts {
        let bounds = BOUNDS_US.iter().map(|us| seconds(*us)).chain([f64::INFINITY]);
        DurationCounts {
            classes: bounds.zip(self.classes.iter().map(Counter::get)).collect(),
            sum_s: seconds(self.sum_us.get()),
        }
    }
}

/// The counts of a histogram of durations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DurationCounts {
    /// Upper bound of each class in seconds, included, and the number of durations in that class alone. The last bound is
    /// infinite.
    pub classes: Vec<(f64, u64)>,
    /// Sum of all durations, in seconds.
    pub sum_s: f64,
}

impl DurationCounts {
    /// Number of durations.
    pub fn count(&self) -> u64 {
        self.classes.iter().map(|(_, count)| count).sum()
    }
}

/// Microseconds as seconds.
fn seconds(us: u64) -> f64 {
    Duration::from_micros(us).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_the_first_class_whose_bound_it_does_not_exceed() {
        let histogram = Histogram::default();
        for us in [0, 500, 501, 30_000_000, 30_000_001] {
            histogram.record(Duration::from_micros(us));
        }
        histogram.record(Duration::MAX / 4);
        let counts = histogram.read();
        let of = |bound: f64| counts.classes.iter().find(|(at, _)| *at == bound).unwrap().1;
        assert_eq!((of(0.0005), of(0.001), of(30.0), of(f64::INFINITY)), (2, 1, 1, 2));
        assert_eq!(counts.count(), 6);
    }
}
