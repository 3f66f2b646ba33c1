//! Samples of long metric histories.

/// The rule that thins out a history to at most `count` points. The points are split into `count` parts whose
/// lengths differ by at most one, the longer parts first. The first point of each part is kept. The last
/// point of the history is kept instead of the last part's first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    total: usize,
    count: usize,
}

impl Sample {
    /// A sample of at most `count` of `total` points. `count` is at least 1.
    pub fn new(total: usize, count: usize) -> Self {
        Sample {
            total,
            count: count.clamp(1, total.max(1)),
        }
    }

    /// Number of points kept.
    pub fn len(&self) -> usize {
        self.count.min(self.total)
    }

    /// True if the history has no points.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The indices of the kept points, ascending.
    pub fn positions(self) -> impl Iterator<Item = usize> {
        let (length, longer) = (self.total / self.count, self.total % self.count);
        (0..self.len()).map(move |part| {
            if part + 1 == self.count {
                self.total - 1
            } else {
                part * length + part.min(longer)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn positions(total: usize, count: usize) -> Vec<usize> {
        Sample::new(total, count).positions().collect()
    }

    #[test]
    fn parts_are_of_equal_length_the_longer_first_and_the_last_point_is_kept() {
        assert_eq!(positions(10, 3), [0, 4, 9]);
        assert_eq!(positions(10, 4), [0, 3, 6, 9]);
        assert_eq!(positions(9, 4), [0, 3, 5, 8]);
        assert_eq!(positions(5, 1), [4]);
    }

    #[test]
    fn a_short_history_is_kept_whole() {
        assert_eq!(positions(0, 5), [] as [usize; 0]);
        assert_eq!(positions(1, 1), [0]);
        assert_eq!(positions(4, 4), [0, 1, 2, 3]);
        assert_eq!(positions(4, 2500), [0, 1, 2, 3]);
    }

    proptest! {
        #[test]
        fn positions_ascend_and_end_with_the_last(total in 1usize..5000, count in 1usize..3000) {
            let kept = positions(total, count);
            prop_assert!(kept.is_sorted_by(|a, b| a < b));
            prop_assert_eq!(kept.last(), Some(&(total - 1)));
            prop_assert_eq!(kept.len(), count.min(total));
            prop_assert_eq!(kept.len(), Sample::new(total, count).len());
        }
    }
}
