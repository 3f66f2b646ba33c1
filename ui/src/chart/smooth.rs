//! The exponential moving average.

use super::Point;

/// Smooths points: each value becomes the average of itself and those before it, whose weight falls by `weight` a
/// point. The weights of the first points are made up for, so the line does not begin at 0. A value that is NaN or
/// infinite stays so and is left out of the averages.
pub(super) fn smooth(points: &[Point], weight: f64) -> Vec<Point> {
    let weight = if weight.is_finite() {
        weight.clamp(0.0, 0.999)
    } else {
        0.0
    };
    let (mut sum, mut weights) = (0.0, 0.0);
    let smoothed = points.iter().map(|point| {
        if !point.y.is_finite() {
            return *point;
        }
        sum = sum * weight + point.y * (1.0 - weight);
        weights = weights * weight + (1.0 - weight);
        Point {
            x: point.x,
            y: sum / weights,
        }
    });
    smoothed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_average_lies_between_the_values(values in proptest::collection::vec(-1e6..1e6, 1..100), weight in 0.0..1.0) {
            let points: Vec<Point> = values.iter().map(|y| Point { x: 0.0, y: *y }).collect();
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            for point in smooth(&points, weight) {
                prop_assert!(point.y >= low - 1e-3 && point.y <= high + 1e-3);
            }
        }
    }

    #[test]
    fn a_gap_stays_and_does_not_spread() {
        let points = [1.0, f64::NAN, 1.0].map(|y| Point { x: 0.0, y });
        let smoothed = smooth(&points, 0.9);
        assert!(smoothed[1].y.is_nan());
        assert!((smoothed[2].y - 1.0).abs() < 1e-12);
    }
}
