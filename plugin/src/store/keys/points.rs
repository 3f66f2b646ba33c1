//! The keys of metrics' points: kind `h` of the table in `keys.rs`, and newest points as values.

use super::{Key, Span, ascending, read_ascending};
use crate::domain::id::RunId;
use crate::domain::metric::Point;

/// One point of a metric's history: the key is the whole point, so the same point is stored once.
pub fn point(id: RunId, metric: &str, point: Point) -> Vec<u8> {
    history_prefix(id, metric)
        .number(ascending(point.timestamp_ms))
        .number(ascending(point.step))
        .value(point.value)
        .0
}

/// The history of a metric, by (time, step, value).
pub fn history(id: RunId, metric: &str) -> Span {
    // The prefix ends with the zero byte that closes the text, so the span of the prefix is the points alone.
    Span::of_prefix(history_prefix(id, metric).0)
}

/// The histories of all metrics of a run.
pub fn histories(id: RunId) -> Span {
    let start = Key::new(b'h').run(id).0;
    // No metric's key begins with byte 255: texts are UTF-8.
    Span {
        end: Key(start.clone()).byte(255).0,
        start,
    }
}

/// The point that a key of a history is.
pub fn point_of(key: &[u8]) -> Option<Point> {
    let place: &[u8; POINT_BYTES] = key.last_chunk()?;
    read_point(place)
}

/// A point as bytes whose order is (step, time, value): the greatest is the metric's newest.
pub fn newest_point(point: Point) -> Vec<u8> {
    Key(Vec::with_capacity(POINT_BYTES))
        .number(ascending(point.step))
        .number(ascending(point.timestamp_ms))
        .value(point.value)
        .0
}

/// The point that `newest_point` wrote.
pub fn read_newest_point(bytes: &[u8]) -> Option<Point> {
    let swapped = read_point(bytes.try_into().ok()?)?;
    Some(Point {
        step: swapped.timestamp_ms,
        timestamp_ms: swapped.step,
        ..swapped
    })
}

/// Time, step, value, and whether the value is NaN.
pub const POINT_BYTES: usize = 25;

pub(super) fn read_point(bytes: &[u8; POINT_BYTES]) -> Option<Point> {
    let (numbers, rest) = bytes.as_chunks::<8>();
    let [time, step, value] = numbers else { return None };
    let value = if rest == [0] {
        read_float(u64::from_be_bytes(*value))
    } else {
        f64::NAN
    };
    Some(Point {
        value,
        timestamp_ms: read_ascending(*time),
        step: read_ascending(*step),
    })
}

impl Key {
    /// Order-preserving; NaN counts as 0 and comes behind it.
    pub(super) fn value(self, value: f64) -> Self {
        let ordered = ordered_float(if value.is_nan() { 0.0 } else { value });
        self.number(ordered).byte(u8::from(value.is_nan()))
    }
}

fn history_prefix(id: RunId, metric: &str) -> Key {
    Key::new(b'h').run(id).text(metric)
}

/// The bits of a float, changed so that their order is the floats' order: IEEE 754 totalOrder.
fn ordered_float(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 0 { bits ^ (1 << 63) } else { !bits }
}

fn read_float(ordered: u64) -> f64 {
    f64::from_bits(if ordered >> 63 == 0 {
        !ordered
    } else {
        ordered ^ (1 << 63)
    })
}
