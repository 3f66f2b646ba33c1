//! The keys of metrics' points and high-water marks, and newest points as values. They are the kinds `h`, `H`
//! and `r` … `G` of the table in `keys.rs`.

use super::{Key, ascending, read_ascending};
use crate::domain::id::RunId;
use crate::domain::metric::Point;
use crate::host::records::Span;

/// Kind of a run's high-water marks. Only writers of chunks read them.
const GUARD: u8 = b'G';

/// Key of one point of a metric's history. The key is the whole point, so the same point is stored once.
pub fn point(id: RunId, metric: &str, point: Point) -> Vec<u8> {
    of_metric(b'h', id, metric).point(point).0
}

/// Span of a metric's history without its chunks, by (time, step, value), after a point if one is given.
pub fn history(id: RunId, metric: &str, after: Option<Point>) -> Span {
    behind(b'h', id, metric, after)
}

/// Key of a chunk: many points of a metric in one record, of which `last` is the last.
pub fn chunk(id: RunId, metric: &str, last: Point) -> Vec<u8> {
    of_metric(b'H', id, metric).point(last).0
}

/// Span of a metric's chunks that end after a point, in order.
pub fn chunks(id: RunId, metric: &str, after: Option<Point>) -> Span {
    behind(b'H', id, metric, after)
}

/// Key of a metric's high-water mark: the last point of its last chunk. The marks of a run lie together,
/// before its other records. Logging reads and writes there anyway.
pub fn high_water_mark(id: RunId, metric: &str) -> Vec<u8> {
    Key::new(b'r').run(id).byte(GUARD).last(metric)
}

/// Spans of the histories of all metrics of a run: points, chunks and high-water marks.
pub fn histories(id: RunId) -> [Span; 3] {
    // No metric's key begins with byte 255: texts are UTF-8.
    [(b'h', 0, 255), (b'H', 0, 255), (b'r', GUARD, GUARD + 1)].map(|(kind, from, to)| Span {
        start: Key::new(kind).run(id).byte(from).0,
        end: Key::new(kind).run(id).byte(to).0,
    })
}

/// Returns the point in a key of a history, or the last point in a chunk's key.
pub fn point_of(key: &[u8]) -> Option<Point> {
    read_point(key.last_chunk()?)
}

/// Writes a point as bytes that sort as histories do: by (time, step, value).
pub fn point_sort_key(point: Point) -> [u8; POINT_BYTES] {
    let is_nan = point.value.is_nan();
    let numbers = [
        ascending(point.timestamp_ms),
        ascending(point.step),
        ordered_float(if is_nan { 0.0 } else { point.value }),
    ];
    // NaN counts as 0 and sorts after it.
    let mut sort_key = [u8::from(is_nan); POINT_BYTES];
    let (bytes, _) = sort_key.as_chunks_mut();
    for (bytes, number) in bytes.iter_mut().zip(numbers) {
        *bytes = number.to_be_bytes();
    }
    sort_key
}

/// Reads a point that `point_sort_key` wrote.
pub fn point_at(sort_key: &[u8]) -> Option<Point> {
    read_point(sort_key.try_into().ok()?)
}

/// Writes a point as bytes that sort by (step, time, value): the greatest is the metric's newest.
pub fn newest_point(point: Point) -> Vec<u8> {
    point_sort_key(swapped(point)).to_vec()
}

/// Reads a point that `newest_point` wrote.
pub fn read_newest_point(bytes: &[u8]) -> Option<Point> {
    point_at(bytes).map(swapped)
}

/// Swaps a point's time and step.
fn swapped(point: Point) -> Point {
    Point {
        step: point.timestamp_ms,
        timestamp_ms: point.step,
        ..point
    }
}

/// Bytes of a point: time, step, value, and one byte that is 1 for NaN.
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

/// Prefix of a metric's keys. It ends with the zero byte that closes the name, so only keys of this metric
/// begin with it.
fn of_metric(kind: u8, id: RunId, metric: &str) -> Key {
    // The capacity fits the kind, the run's id, that zero byte and a point, so the key never grows.
    let room = Vec::with_capacity(1 + 16 + metric.len() + 1 + POINT_BYTES);
    Key(room).byte(kind).run(id).text(metric)
}

/// Span of a metric's keys after a point. `None`: all of them.
fn behind(kind: u8, id: RunId, metric: &str, after: Option<Point>) -> Span {
    let span = Span::of_prefix(of_metric(kind, id, metric).0);
    match after {
        Some(point) => span.after(&of_metric(kind, id, metric).point(point).0),
        None => span,
    }
}

/// Returns the bits of a float, changed so that they sort as the floats do: IEEE 754 totalOrder.
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
