//! Points of metrics and their order.

use std::borrow::Cow;
use std::cmp::Ordering;

/// One logged value of a metric, without its key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Finite or NaN. Infinities are stored as the largest finite numbers, as MLflow's database does.
    pub value: f64,
    /// Milliseconds since the Unix epoch, not negative.
    pub timestamp_ms: i64,
    /// Any integer, also negative.
    pub step: i64,
}

impl Point {
    /// A point. An infinite value is clamped to the stored range.
    pub fn new(value: f64, timestamp_ms: i64, step: i64) -> Self {
        let value = if value.is_nan() {
            f64::NAN
        } else {
            value.clamp(f64::MIN, f64::MAX)
        };
        Point {
            value,
            timestamp_ms,
            step,
        }
    }

    /// The order of histories: by time, step and value. Two points that are equal in it are one point.
    pub fn by_time(&self, other: &Self) -> Ordering {
        (self.timestamp_ms, self.step)
            .cmp(&(other.timestamp_ms, other.step))
            .then_with(|| self.by_value(other))
    }

    /// The order of steps: by step, time and value. The greatest point is the newest.
    pub fn by_step(&self, other: &Self) -> Ordering {
        (self.step, self.timestamp_ms)
            .cmp(&(other.step, other.timestamp_ms))
            .then_with(|| self.by_value(other))
    }

    /// Compares values. NaN counts as 0 and is greater than 0.
    fn by_value(&self, other: &Self) -> Ordering {
        let value = |point: &Self| if point.value.is_nan() { 0.0 } else { point.value };
        value(self)
            .total_cmp(&value(other))
            .then_with(|| self.value.is_nan().cmp(&other.value.is_nan()))
    }
}

/// A metric of a run with its newest point.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric<'a> {
    /// Its name.
    pub key: Cow<'a, str>,
    /// The greatest point by (step, timestamp, value), where NaN counts as 0.
    pub point: Point,
}
