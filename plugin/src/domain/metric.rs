//! Points of metrics and their order.

/// One logged value of a metric, without its key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Finite or NaN: infinities are stored as the largest finite numbers, as MLflow's database does.
    pub value: f64,
    /// Milliseconds since the Unix epoch, not negative.
    pub timestamp_ms: i64,
    /// Any number, also negative.
    pub step: i64,
}

impl Point {
    /// A point with an infinite value brought into the range that is stored.
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
}

/// A metric of a run as it stands: its newest point.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name.
    pub key: String,
    /// The greatest point by (step, timestamp, value), where NaN counts as 0.
    pub point: Point,
}
