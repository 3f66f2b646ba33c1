//! The stored form of a chunk: many points of one metric, in the order of histories and without duplicates.
//!
//! A chunk is the number of points, then for each point its time, step and value. Time and step are
//! differences from the point before; the value is stored as its bits. So a point takes about eleven bytes
//! where steps and times grow by little.

use super::{Reader, Writer};
use crate::convert::to_u64;
use crate::domain::metric::Point;
use crate::error::Result;

/// Smallest number of bytes of a point.
const POINT_BYTES_MIN: usize = 10;

/// Writes a chunk.
pub fn write_chunk(points: &[Point]) -> Vec<u8> {
    let mut writer = Writer::new().compact(to_u64(points.len()));
    let (mut time, mut step) = (0_i64, 0_i64);
    for point in points {
        // Times grow, so the difference is never negative. But it may exceed the range of a signed number.
        writer = writer
            .compact(point.timestamp_ms.wrapping_sub(time).cast_unsigned())
            .compact_signed(point.step.wrapping_sub(step))
            .number(point.value.to_bits());
        (time, step) = (point.timestamp_ms, point.step);
    }
    writer.0
}

/// Reads a chunk.
pub fn read_chunk(bytes: &[u8]) -> Result<Vec<Point>> {
    let mut reader = Reader::new("chunk of a metric", bytes)?;
    let count = usize::try_from(reader.compact()?).unwrap_or(usize::MAX);
    if count > bytes.len() / POINT_BYTES_MIN {
        return Err(reader.corrupt());
    }
    let mut points: Vec<Point> = Vec::with_capacity(count);
    let (mut time, mut step) = (0_i64, 0_i64);
    for _ in 0..count {
        time = time.wrapping_add(reader.compact()?.cast_signed());
        step = step.wrapping_add(reader.compact_signed()?);
        let value = f64::from_bits(reader.number()?);
        let point = Point {
            value: if value.is_nan() { f64::NAN } else { value },
            timestamp_ms: time,
            step,
        };
        if points.last().is_some_and(|last| last.by_time(&point).is_ge()) {
            return Err(reader.corrupt());
        }
        points.push(point);
    }
    reader.end(points)
}

/// The number of points of a chunk; 0 if it cannot be read.
pub fn points_of_chunk(bytes: &[u8]) -> u64 {
    let count = Reader::new("chunk of a metric", bytes).and_then(|mut reader| reader.compact());
    count.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn a_point() -> impl Strategy<Value = Point> {
        let near = (-9_i64..9, -9_i64..9, -2_i8..2).prop_map(|(time, step, value)| (f64::from(value), time, step));
        let any = (any::<f64>(), any::<i64>(), any::<i64>());
        prop_oneof![near, any].prop_map(|(value, time, step)| Point::new(value, time, step))
    }

    /// Shows points exactly, as `Debug` does, so that NaN equals NaN.
    fn shown(points: &[Point]) -> String {
        format!("{points:?}")
    }

    proptest! {
        #[test]
        fn a_chunk_reads_back(mut points in prop::collection::vec(a_point(), 0..60)) {
            points.sort_by(Point::by_time);
            points.dedup_by(|a, b| a.by_time(b).is_eq());
            prop_assert_eq!(points_of_chunk(&write_chunk(&points)), to_u64(points.len()));
            prop_assert_eq!(shown(&read_chunk(&write_chunk(&points)).unwrap()), shown(&points));
        }

        #[test]
        fn points_out_of_order_or_repeated_are_corrupt(a in a_point(), b in a_point()) {
            prop_assert_eq!(read_chunk(&write_chunk(&[a, b])).is_ok(), a.by_time(&b).is_lt());
        }

        #[test]
        fn damaged_bytes_are_an_error_and_no_panic(
            points in prop::collection::vec(any::<(f64, u8)>(), 1..9), place in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let points: Vec<Point> = points.into_iter().zip(0..).map(|((value, step), time)| Point::new(value, time, step.into())).collect();
            let mut bytes = write_chunk(&points);
            let cut = place.index(bytes.len());
            prop_assert!(read_chunk(&bytes[..cut]).is_err());
            bytes[cut] = byte;
            let _ = read_chunk(&bytes);
        }
    }

    #[test]
    fn a_point_close_to_the_one_before_takes_few_bytes() {
        let points: Vec<Point> = (0..1000)
            .map(|n| Point::new(0.5, 1_700_000_000_000 + 63 * n, n))
            .collect();
        assert!(write_chunk(&points).len() < 10_100);
    }
}
