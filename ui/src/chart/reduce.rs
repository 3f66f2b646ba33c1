//! The reduction of a line to the points that can be seen.

use super::Point;

/// Reduces points, which are by growing x, to the lowest and the highest of each of `buckets` equal ranges of x. The first
/// and the last point of all are always kept, and with these the lowest and the highest. The first point of a
/// bucket that is NaN or infinite is kept too: the line breaks there.
pub fn reduce(points: &[Point], buckets: usize) -> Vec<Point> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Vec::new();
    };
    let buckets = buckets.max(1);
    if points.len() <= buckets.saturating_mul(2) {
        return points.to_vec();
    }
    // Halves, since the difference of two finite numbers may be infinite.
    let width = (last.x / 2.0 - first.x / 2.0) / super::float(buckets);
    let bucket_of = |point: &Point| ((point.x / 2.0 - first.x / 2.0) / width).floor();
    let mut reduced = Vec::with_capacity(buckets * 2 + 2);
    let mut bucket = Bucket::default();
    let mut current = bucket_of(first);
    for (index, point) in points.iter().enumerate() {
        let its = bucket_of(point);
        if its > current {
            bucket.empty_into(&mut reduced);
            current = its;
        }
        let is_end = index == 0 || index + 1 == points.len();
        bucket.add(index, *point, is_end);
    }
    bucket.empty_into(&mut reduced);
    reduced
}

/// The kept points of a range, with their places in the series.
#[derive(Default)]
struct Bucket {
    lowest: Option<(usize, Point)>,
    highest: Option<(usize, Point)>,
    broken: Option<(usize, Point)>,
    ends: Vec<(usize, Point)>,
}

impl Bucket {
    fn add(&mut self, index: usize, point: Point, is_end: bool) {
        if is_end {
            self.ends.push((index, point));
        }
        if !point.y.is_finite() {
            self.broken.get_or_insert((index, point));
            return;
        }
        if self.lowest.is_none_or(|(_, lowest)| point.y < lowest.y) {
            self.lowest = Some((index, point));
        }
        if self.highest.is_none_or(|(_, highest)| point.y > highest.y) {
            self.highest = Some((index, point));
        }
    }

    fn empty_into(&mut self, reduced: &mut Vec<Point>) {
        let mut kept = std::mem::take(&mut self.ends);
        kept.extend(
            [self.lowest.take(), self.highest.take(), self.broken.take()]
                .into_iter()
                .flatten(),
        );
        kept.sort_unstable_by_key(|(index, _)| *index);
        kept.dedup_by_key(|(index, _)| *index);
        reduced.extend(kept.into_iter().map(|(_, point)| point));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn series() -> impl Strategy<Value = Vec<Point>> {
        let y = prop_oneof![8 => -1e3..1e3, 1 => Just(f64::NAN), 1 => any::<f64>()];
        proptest::collection::vec((-1_000_000i32..1_000_000, y), 0..800).prop_map(|pairs| {
            let mut points: Vec<Point> = pairs.into_iter().map(|(x, y)| Point { x: f64::from(x), y }).collect();
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            points
        })
    }

    fn extreme(points: &[Point], pick: fn(f64, f64) -> f64) -> Option<f64> {
        let finite = points.iter().map(|point| point.y).filter(|y| y.is_finite());
        finite.reduce(pick)
    }

    fn bits(point: &Point) -> (u64, u64) {
        (point.x.to_bits(), point.y.to_bits())
    }

    proptest! {
        #[test]
        fn the_ends_the_lowest_and_the_highest_are_kept(points in series(), buckets in 1usize..150) {
            let kept = reduce(&points, buckets);
            prop_assert_eq!(kept.first().map(bits), points.first().map(bits));
            prop_assert_eq!(kept.last().map(bits), points.last().map(bits));
            prop_assert_eq!(extreme(&kept, f64::min), extreme(&points, f64::min));
            prop_assert_eq!(extreme(&kept, f64::max), extreme(&points, f64::max));
        }

        #[test]
        fn few_points_are_kept_in_their_order(points in series(), buckets in 1usize..150) {
            let kept = reduce(&points, buckets);
            // The last point of all has a bucket of its own.
            prop_assert!(kept.len() <= 3 * (buckets + 1) + 2, "{} of {}", kept.len(), points.len());
            let mut rest = points.iter().map(bits);
            prop_assert!(kept.iter().all(|point| rest.any(|other| other == bits(point))));
        }

        #[test]
        fn a_line_that_breaks_still_breaks(points in series(), buckets in 1usize..150) {
            let breaks = |points: &[Point]| points.iter().any(|point| !point.y.is_finite());
            prop_assert_eq!(breaks(&reduce(&points, buckets)), breaks(&points));
        }
    }

    #[test]
    fn points_at_one_place_are_two() {
        let points: Vec<Point> = (0..1000)
            .map(|y| Point {
                x: 5.0,
                y: f64::from(y),
            })
            .collect();
        let kept = reduce(&points, 10);
        assert_eq!(kept.iter().map(|point| point.y).collect::<Vec<_>>(), [0.0, 999.0]);
    }
}
