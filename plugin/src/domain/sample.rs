//! Which points of a long history stand for all of it.

/// How a history of so many points is thinned out to at most `count`: the points are cut into `count` parts whose lengths
/// differ by one at most, the longer ones first, and the first point of each part is kept. The last point is kept too; it
/// takes the place of the last part's first one when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    total: usize,
    count: usize,
}

impl Sample {
    /// Of `total` points at most `count`, which is at least 1.
    pub fn new(total: usize, count: usize) -> Self {
        Sample {
            total,
            count: count.clamp(1, total.max(1)),
        }
    }

    /// How many points are kept.
    pub fn len(&self) -> usize {
        self.count.min(self.total)
    }

    /// True if there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The positions of the points kept, ascending.
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
