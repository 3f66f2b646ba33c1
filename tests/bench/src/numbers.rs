//! Arithmetic for measurements: conversions without loss, percentiles, and numbers formatted for people.

use std::time::Duration;

/// A whole number as a float; exact below 2^53.
pub fn float(number: u64) -> f64 {
    let half = |bits: u64| f64::from(u32::try_from(bits).unwrap_or(u32::MAX));
    half(number >> 32) * 4_294_967_296.0 + half(number & 0xffff_ffff)
}

/// A length as a number of the same type on every machine.
pub fn whole(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A duration in nanoseconds. Durations of more than 500 years count as 500 years.
pub fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds in milliseconds.
pub fn millis(nanos: u64) -> f64 {
    float(nanos) / 1e6
}

/// The smallest value that is not below `percent` of all values (nearest rank). `None`: there are no values.
pub fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = sorted.len().checked_mul(percent)?.div_ceil(100).max(1);
    sorted.get(rank - 1).or(sorted.last()).copied()
}

/// Numbers that look random and are the same in each run (SplitMix64).
pub fn mix(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A number with three significant digits, and a comma for each thousand: `0.042`, `7.31`, `58.2`, `12,345`.
pub fn readable(number: f64) -> String {
    if number < 0.995 {
        return format!("{number:.3}");
    }
    if number < 9.995 {
        return format!("{number:.2}");
    }
    if number < 99.95 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 50), Some(50));
        assert_eq!(percentile(&hundred, 99), Some(99));
        assert_eq!(percentile(&hundred, 100), Some(100));
        assert_eq!(percentile(&hundred, 0), Some(1));
    }

    #[test]
    fn a_percentile_of_few_values_is_the_next_higher_one() {
        assert_eq!(percentile(&[], 50), None);
        assert_eq!(percentile(&[7], 1), Some(7));
        assert_eq!(percentile(&[7, 9], 50), Some(7));
        assert_eq!(percentile(&[7, 9], 51), Some(9));
        assert_eq!(percentile(&[1, 2, 3], 99), Some(3));
    }

    #[test]
    fn large_numbers_survive_the_conversion() {
        assert_eq!(float(0), 0.0);
        assert_eq!(float((1 << 53) - 1), 9_007_199_254_740_991.0);
    }

    #[test]
    fn numbers_are_shown_with_three_significant_digits() {
        let shown: Vec<String> = [0.0421, 7.314, 99.97, 999.6, 12_345.0, 1_234_567.0]
            .map(readable)
            .into();
        assert_eq!(shown, ["0.042", "7.31", "100", "1,000", "12,345", "1,234,567"]);
    }
}
