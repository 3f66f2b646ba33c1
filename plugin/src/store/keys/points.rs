//! The keys of metrics' points: kinds `h` and `H`, and guards, of the table in `keys.rs`, and newest points as values.

use super::{Key, ascending, read_ascending};
use crate::domain::id::RunId;
use crate::domain::metric::Point;
use crate::host::records::Span;

/// Of the parts of a run the one that only writers of chunks read.
const GUARD: u8 = b'G';

/// One point of a metric's history: the key is the whole point, so the same point is stored once.
pub fn point(id: RunId, metric: &str, point: Point) -> Vec<u8> {
    of_metric(b'h', id, metric).point(point).0
}

/// The history of a metric, by (time, step, value), without what lies in chunks.
pub fn history(id: RunId, metric: &str, after: Option<Point>) -> Span {
    behind(b'h', id, metric, after)
}

/// Many points of a metric in one record, of which this is the last.
pub fn chunk(id: RunId, metric: &str, last: Point) -> Vec<u8> {
    of_metric(b'H', id, metric).point(last).0
}

/// The chunks of a metric that end behind a point, in their order.
pub fn chunks(id: RunId, metric: &str, after: Option<Point>) -> Span {
    behind(b'H', id, metric, after)
}

/// Where the last chunk of a metric ends. The guards of a run lie together and before its other records, where logging reads
/// and writes anyway.
pub fn high_water_mark(id: RunId, metric: &str) -> Vec<u8> {
    Key::new(b'r').run(id).byte(GUARD).last(metric)
}

/// The histories of all metrics of a run: points, chunks and guards.
pub fn histories(id: RunId) -> [Span; 3] {
    // No metric's key begins with byte 255: texts are UTF-8.
    [(b'h', 0, 255), (b'H', 0, 255), (b'r', GUARD, GUARD + 1)].map(|(kind, from, to)| Span {
        start: Key::new(kind).run(id).byte(from).0,
        end: Key::new(kind).run(id).byte(to).0,
    })
}

/// The point that a key of a history is, or that a chunk's key says it ends with.
pub fn point_of(key: &[u8]) -> Option<Point> {
    read_point(key.last_chunk()?)
}

/// A point as bytes whose order is that of histories: (time, step, value).
pub fn point_sort_key(point: Point) -> [u8; POINT_BYTES] {
    let is_nan = point.value.is_nan();
    let numbers = [
        ascending(point.timestamp_ms),
        ascending(point.step),
        ordered_float(if is_nan { 0.0 } else { point.value }),
    ];
    // NaN counts as 0 and comes behind it.
    let mut sort_key = [u8::from(is_nan); POINT_BYTES];
    let (bytes, _) = sort_key.as_chunks_mut();
    for (bytes, number) in bytes.iter_mut().zip(numbers) {
        *bytes = number.to_be_bytes();
    }
    sort_key
}

/// The point that `point_sort_key` wrote.
pub fn point_at(sort_key: &[u8]) -> Option<Point> {
    read_point(sort_key.try_into().ok()?)
}

/// A point as bytes whose order is (step, time, value): the greatest is the metric's newest.
pub fn newest_point(point: Point) -> Vec<u8> {
    point_sort_key(swapped(point)).to_vec()
}

/// The point that `newest_point` wrote.
pub fn read_newest_point(bytes: &[u8]) -> Option<Point> {
    point_at(bytes).map(swapped)
}

/// A point whose time is the step, and whose step the time.
fn swapped(point: Point) -> Point {
    Point {
        step: point.timestamp_ms,
        timestamp_ms: point.step,
        ..point
    }
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
    pub(super) fn point(mut self, point: Point) -> Self {
        self.0.extend_from_slice(&point_sort_key(point));
        self
    }
}

/// What is below it is of this metric alone, for the prefix ends with the zero byte that closes the name.
fn of_metric(kind: u8, id: RunId, metric: &str) -> Key {
    // Without growing: the kind, the run's id, that zero byte, and a point.
    let room = Vec::with_capacity(1 + 16 + metric.len() + 1 + POINT_BYTES);
    Key(room).byte(kind).run(id).text(metric)
}

/// What is of a metric and behind a point, or else all.
fn behind(kind: u8, id: RunId, metric: &str, after: Option<Point>) -> Span {
    let span = Span::of_prefix(of_metric(kind, id, metric).0);
    match after {
        Some(point) => span.after(&of_metric(kind, id, metric).point(point).0),
        None => span,
    }
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
