//! The correlation of two conditions on traces: normalized pointwise mutual information, as MLflow's server computes it.

/// Numbers of traces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that are looked at.
    pub total: u32,
    /// Traces that meet the first condition.
    pub first: u32,
    /// Traces that meet the second condition.
    pub second: u32,
    /// Traces that meet both conditions.
    pub both: u32,
}

/// The number added to each count, so that few traces say little.
const SMOOTHING: f64 = 0.5;

impl Counts {
    /// The correlation, from -1 (never together) to 1 (always together). `None`: no trace meets one of the conditions.
    pub fn correlation(self) -> Option<f64> {
        match self.both {
            0 if self.first > 0 && self.second > 0 => Some(-1.0),
            _ => self.information(0.0),
        }
    }

    /// The correlation in which few traces say little.
    pub fn smoothed(self) -> Option<f64> {
        self.information(SMOOTHING)
    }

    fn information(self, smoothing: f64) -> Option<f64> {
        if self.first == 0 || self.second == 0 {
            return None;
        }
        let only_first = self.first.checked_sub(self.both)?;
        let only_second = self.second.checked_sub(self.both)?;
        let neither = self.total.checked_sub(self.first)?.checked_sub(only_second)?;
        let cells = [self.both, only_first, only_second, neither].map(|count| f64::from(count) + smoothing);
        let [both, only_first, only_second, neither] = cells;
        if only_first == 0.0 && only_second == 0.0 && neither == 0.0 {
            return Some(1.0);
        }
        let all = both + only_first + only_second + neither;
        let (first, second) = (both + only_first, both + only_second);
        let information = both.ln() + all.ln() - first.ln() - second.ln();
        Some((information / (all.ln() - both.ln())).clamp(-1.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn counts(both: u32, first: u32, second: u32, total: u32) -> Counts {
        Counts {
            total,
            first,
            second,
            both,
        }
    }

    #[test]
    fn conditions_that_meet_always_or_never_or_by_chance() {
        assert_eq!(counts(0, 2, 3, 10).correlation(), Some(-1.0));
        assert_eq!(counts(4, 4, 4, 4).correlation(), Some(1.0));
        assert!(counts(25, 50, 50, 100).correlation().unwrap().abs() < 1e-9);
        assert!((counts(5, 5, 5, 10).correlation().unwrap() - 1.0).abs() < 1e-9);
        assert_eq!(counts(0, 0, 3, 10).correlation(), None);
        assert_eq!(Counts::default().smoothed(), None);
    }

    proptest! {
        #[test]
        fn a_correlation_lies_between_its_ends(both in 0u32..50, one in 0u32..50, two in 0u32..50, rest in 0u32..50) {
            let counts = counts(both, both + one, both + two, both + one + two + rest);
            for value in [counts.correlation(), counts.smoothed()].into_iter().flatten() {
                prop_assert!((-1.0..=1.0).contains(&value));
            }
        }
    }
}
