//! Percentiles of durations and counts.

/// The value below which this percentage of some sorted values lies, between two values by their distance, as
/// MLflow's server computes it. `None`: there are no values.
pub fn percentile(sorted: &[f64], percent: f64) -> Option<f64> {
    let last = u32::try_from(sorted.len().checked_sub(1)?).unwrap_or(u32::MAX);
    let place = f64::from(last) * (percent / 100.0).clamp(0.0, 1.0);
    let below = sorted
        .iter()
        .zip(0_u32..)
        .take_while(|(_, index)| f64::from(*index) <= place)
        .last();
    let (low, index) = below?;
    let high = sorted.get(crate::convert::to_usize(index) + 1).unwrap_or(low);
    Some(low + (high - low) * (place - f64::from(index)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_percentile_lies_between_two_values() {
        let values = [10.0, 20.0, 30.0, 40.0];
        assert_eq!(percentile(&values, 0.0), Some(10.0));
        assert_eq!(percentile(&values, 50.0), Some(25.0));
        assert_eq!(percentile(&values, 100.0), Some(40.0));
        assert_eq!(percentile(&[7.0], 99.0), Some(7.0));
        assert_eq!(percentile(&[], 50.0), None);
    }

    proptest! {
        #[test]
        fn a_percentile_is_within_the_values(mut values in prop::collection::vec(-1e9_f64..1e9, 1..20), percent in 0.0_f64..100.0) {
            values.sort_by(f64::total_cmp);
            let found = percentile(&values, percent).unwrap_or(f64::NAN);
            prop_assert!(values[0] <= found && found <= values[values.len() - 1]);
        }
    }
}
