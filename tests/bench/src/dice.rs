//! Random numbers that a seed reproduces.

use std::ops::RangeInclusive;

use crate::numbers::{mix, whole};

/// A sequence of numbers that look random and depend on the seed alone. A panic that drops it prints the
/// seed, so that a failed test can be repeated.
#[derive(Clone, Debug)]
pub struct Dice {
    /// The seed of the first sequence, from which this one may be forked.
    seed: u64,
    state: u64,
}

impl Drop for Dice {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the random choices had the seed {}", self.seed);
        }
    }
}

impl Dice {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, state: mix(seed) }
    }

    /// Another sequence, which depends on this one.
    pub fn fork(&mut self) -> Self {
        Self {
            seed: self.seed,
            state: self.number(),
        }
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(1);
        mix(self.state)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number().checked_rem(end).unwrap_or_default()
    }

    /// A number of a range that is not empty.
    pub fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        range.start() + self.below(range.end() - range.start() + 1)
    }

    /// True once in `times` on average.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// An index of a list of this length. `None`: the list is empty.
    pub fn index(&mut self, length: usize) -> Option<usize> {
        (length > 0).then(|| usize::try_from(self.below(whole(length))).unwrap_or_default())
    }

    /// An element of a list. `None`: the list is empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        self.index(list.len()).and_then(|index| list.get(index))
    }

    /// A copy of an element.
    ///
    /// # Panics
    ///
    /// Panics if the list is empty.
    #[expect(clippy::expect_used, reason = "only tests choose, from lists that they write out")]
    pub fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        *self.pick(list).expect("a list of choices is not empty")
    }

    /// An element of an iterator. `None`: it is empty.
    pub fn pick_from<T>(&mut self, all: impl Iterator<Item = T>) -> Option<T> {
        let mut all: Vec<T> = all.collect();
        self.index(all.len()).map(|index| all.swap_remove(index))
    }

    /// A text that occurs nowhere else in this test.
    pub fn token(&mut self) -> String {
        format!("{:016x}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_another_does_not() {
        let throw = |seed| {
            let mut dice = Dice::new(seed);
            let mut other = dice.fork();
            (dice.number(), dice.token(), other.number())
        };
        assert_eq!(throw(7), throw(7));
        assert_ne!(throw(7), throw(8));
        assert_ne!(throw(7).0, throw(7).2);
    }

    #[test]
    fn every_face_comes_up() {
        let mut dice = Dice::new(1);
        let seen: std::collections::BTreeSet<u64> = (0..200).map(|_| dice.within(3..=8)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8]);
        assert_eq!((dice.index(0), dice.below(0)), (None, 0));
    }
}
