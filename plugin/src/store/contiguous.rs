//! Joins consecutive numbers into ranges, so that one read takes a whole range.

use std::ops::RangeInclusive;

/// A number that has a successor.
pub trait Successor: Copy + PartialEq {
    /// The next number; `None` after the last.
    fn successor(self) -> Option<Self>;
}

impl Successor for u32 {
    fn successor(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Successor for u64 {
    fn successor(self) -> Option<Self> {
        self.checked_add(1)
    }
}

/// Joins the sorted numbers of each owner into ranges, in the same order.
pub fn ranges<T: PartialEq, N: Successor>(sorted: impl Iterator<Item = (T, N)>) -> Vec<(T, RangeInclusive<N>)> {
    let mut ranges: Vec<(T, RangeInclusive<N>)> = Vec::new();
    for (owner, number) in sorted {
        match ranges.last_mut() {
            Some((same, range)) if *same == owner && range.end().successor() == Some(number) => {
                *range = *range.start()..=number;
            }
            _ => ranges.push((owner, number..=number)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_numbers_of_one_owner_are_one_range() {
        let sorted = [('a', 1_u32), ('a', 2), ('a', 4), ('b', 5), ('b', u32::MAX)];
        let expected = [('a', 1..=2), ('a', 4..=4), ('b', 5..=5), ('b', u32::MAX..=u32::MAX)];
        assert_eq!(ranges(sorted.into_iter()), expected);
    }
}
