//! Numbers as people read them. The full value is in the title of a cell, in CSV and in JSON.

/// The minus sign of shown numbers.
const MINUS: char = '\u{2212}';
/// From this size on a number is shown with an exponent.
const LARGE: f64 = 1e15;
/// Below this size a number is shown with an exponent.
const SMALL: f64 = 1e-3;

/// A value of a metric: four digits after the point below 10, else four significant ones.
pub fn metric(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    let digits = magnitude(value.abs());
    if value.is_sign_negative() && value != 0.0 {
        format!("{MINUS}{digits}")
    } else {
        digits
    }
}

fn magnitude(value: f64) -> String {
    // MLflow stores infinity as the largest number.
    if value >= f64::MAX {
        return "∞".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(SMALL..LARGE).contains(&value) {
        return scientific(value);
    }
    if value.fract() == 0.0 {
        return grouped(&format!("{value:.0}"));
    }
    let places = match value {
        ..10.0 => 4,
        ..100.0 => 2,
        ..1000.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.places$}");
    match text.split_once('.') {
        Some((whole, places)) => format!("{}.{places}", grouped(whole)),
        None => grouped(&text),
    }
}

/// Three significant digits and an exponent of two digits or more, as Python writes it: `3.1e-05`.
fn scientific(value: f64) -> String {
    let text = format!("{value:.2e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

/// Digits with commas between the thousands.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A value in full, as it can be parsed again.
pub fn full(value: f64) -> String {
    if value.is_finite() || value.is_nan() {
        value.to_string()
    } else if value > 0.0 {
        "Infinity".to_owned()
    } else {
        "-Infinity".to_owned()
    }
}

/// A count, for example of runs.
pub fn count(count: u64) -> String {
    grouped(&count.to_string())
}

/// A step of a metric.
pub fn step(step: i64) -> String {
    let digits = grouped(&step.unsigned_abs().to_string());
    if step < 0 { format!("{MINUS}{digits}") } else { digits }
}

/// A size in bytes, with a unit.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    // Sizes of which the exact bytes do not matter.
    #[allow(clippy::cast_precision_loss)]
    let mut rest = bytes as f64;
    let mut unit = "B";
    for name in UNITS {
        if rest < 999.5 {
            break;
        }
        rest /= 1000.0;
        unit = name;
    }
    if rest < 9.95 {
        format!("{rest:.1} {unit}")
    } else {
        format!("{rest:.0} {unit}")
    }
}

/// True if a text is a number as people write it, so that a column of such texts is aligned to the right.
pub fn is_number(text: &str) -> bool {
    let text = text.trim();
    text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_shown_as_people_read_them() {
        for (value, shown) in [
            (0.9312, "0.9312"),
            (0.93119, "0.9312"),
            (1.805, "1.8050"),
            (3.0, "3"),
            (-3.5, "−3.5000"),
            (21.304, "21.30"),
            (997.06, "997.1"),
            (12_000.0, "12,000"),
            (1_241.7, "1,242"),
            (3.1e-5, "3.1e-05"),
            (1.93e-8, "1.93e-08"),
            (3e-4, "3e-04"),
            (0.0, "0"),
            (-0.0, "0"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "∞"),
            (f64::NEG_INFINITY, "−∞"),
            (f64::MAX, "∞"),
            (f64::MIN, "−∞"),
            (1e300, "1e+300"),
            (123_456_789.0, "123,456,789"),
        ] {
            assert_eq!(metric(value), shown, "{value}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (size, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_100, "1.1 KB"),
            (98_300_000, "98 MB"),
            (999_999, "1.0 MB"),
            (u64::MAX, "18447 PB"),
        ] {
            assert_eq!(bytes(size), shown);
        }
    }

    #[test]
    fn a_number_is_told_from_a_word() {
        for number in ["3e-4", "0.1", "-5", "256", ".5"] {
            assert!(is_number(number), "{number}");
        }
        for word in ["", "nan", "inf", "resnet50", "1,2", "True", "1e"] {
            assert!(!is_number(word), "{word}");
        }
    }

    proptest! {
        #[test]
        fn a_full_value_reads_back(value in any::<f64>()) {
            let read: f64 = full(value).parse().unwrap();
            prop_assert!(read == value || (read.is_nan() && value.is_nan()));
        }

        #[test]
        fn every_number_is_short(value in any::<f64>()) {
            prop_assert!(metric(value).chars().count() <= 21, "{}", metric(value));
        }
    }
}
