//! The marks of an axis: few, at round numbers, with short labels.

use super::Axis;
use super::scale::Scale;
use crate::time::{clock, date};
use crate::words::{Words, fill};

/// Largest number of marks of an axis.
pub(super) const TICKS_MAX: usize = 5;

/// From this step on labels have a suffix for thousands.
const THOUSAND: f64 = 1e3;
/// Largest number of digits after the point.
const PLACES_MAX: usize = 9;
/// Rounding errors of marks, as a part of their step.
const SLACK: f64 = 1e-9;

/// A mark of an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    /// A value within the scale.
    pub(super) value: f64,
    pub(super) label: String,
}

/// The marks of an axis of numbers.
pub(super) fn numbers(scale: Scale) -> Vec<Tick> {
    if scale.is_log
        && let Some(ticks) = powers(scale)
    {
        return ticks;
    }
    let step = round_step(width(scale));
    let ticks = multiples(scale, step);
    ticks
        .into_iter()
        .map(|value| Tick {
            value,
            label: label(value, step),
        })
        .collect()
}

/// The marks of a horizontal axis, the unit with the last one.
pub(super) fn horizontal(words: &Words, axis: Axis, scale: Scale) -> Vec<Tick> {
    match axis {
        Axis::Step => {
            let step = round_step(width(scale)).max(1.0).ceil();
            with_unit(multiples(scale, step), words.charts.step_unit, |value| {
                label(value, step)
            })
        }
        Axis::Run => {
            let step = round_step(width(scale)).max(1.0).ceil();
            with_unit(multiples(scale, step), words.charts.run_unit, |value| {
                label(value, step)
            })
        }
        Axis::Time => {
            let step = time_step(width(scale));
            with_unit(multiples(scale, step), "{0} UTC", |value| time_label(value, step))
        }
        Axis::Relative => {
            let step = time_step(width(scale));
            let (unit, word) = unit_of(words, step);
            with_unit(multiples(scale, step), word, |value| label(value / unit, step / unit))
        }
    }
}

/// The least step with which an axis has no more than `TICKS_MAX` marks.
fn width(scale: Scale) -> f64 {
    (scale.high / 2.0 - scale.low / 2.0) / super::float(TICKS_MAX - 1) * 2.0
}

fn with_unit(values: Vec<f64>, unit: &str, label: impl Fn(f64) -> String) -> Vec<Tick> {
    let last = values.len().saturating_sub(1);
    let tick = |(index, value): (usize, f64)| {
        let text = label(value);
        Tick {
            value,
            label: if index == last { fill(unit, &[&text]) } else { text },
        }
    };
    values.into_iter().enumerate().map(tick).collect()
}

/// 1, 2, 2.5 or 5 with a power of ten, and not below this width.
fn round_step(width: f64) -> f64 {
    let power = 10f64.powf(width.log10().floor());
    if !power.is_normal() {
        return width;
    }
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .map(|digit| digit * power)
        .into_iter()
        .find(|step| *step >= width * (1.0 - 1e-9))
        .unwrap_or(width)
}

/// The multiples of a step within the scale, `TICKS_MAX` at most.
fn multiples(scale: Scale, step: f64) -> Vec<f64> {
    let first = (scale.low / step - SLACK).ceil();
    let mut found: Vec<f64> = Vec::new();
    for index in 0..=TICKS_MAX {
        let value = (first + super::float(index)) * step;
        let Some(value) = within(scale, value, step * SLACK) else {
            continue;
        };
        if found.len() < TICKS_MAX && found.last().is_none_or(|last| value > *last) {
            found.push(value);
        }
    }
    found
}

/// A value that is on the scale but for a rounding error.
fn within(scale: Scale, value: f64, slack: f64) -> Option<f64> {
    let is_on = value.is_finite() && value >= scale.low - slack && value <= scale.high + slack;
    is_on.then(|| value.clamp(scale.low, scale.high))
}

/// The marks of a logarithmic axis: powers of ten, and within few of them 2 and 5 times as much. `None`: it is too short to
/// have two of these.
fn powers(scale: Scale) -> Option<Vec<Tick>> {
    let (low, high) = (scale.low.log10(), scale.high.log10());
    let stride = ((high - low) / super::float(TICKS_MAX)).ceil().max(1.0);
    let digits: &[f64] = if high - low < 1.7 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let first = (low / stride).floor() * stride;
    let mut found = Vec::new();
    for index in 0..=TICKS_MAX + 1 {
        let power = 10f64.powf(first + stride * super::float(index));
        for value in digits.iter().map(|digit| digit * power) {
            let on_scale = within(scale, value, value * SLACK).filter(|_| value.is_normal());
            if let Some(value) = on_scale.filter(|_| found.len() < TICKS_MAX) {
                let label = label(value, value);
                found.push(Tick { value, label });
            }
        }
    }
    (found.len() > 1).then_some(found)
}

/// A number of a mark, with the digits that tell it from its neighbours a step away.
pub(super) fn label(value: f64, step: f64) -> String {
    let size = value.abs();
    if size < step.abs() * 1e-6 {
        return "0".to_owned();
    }
    let is_tiny = step < 1e-3 && (size < 1e-3 || size < step * 1e3);
    let text = if size >= 1e15 || is_tiny {
        scientific(size, step)
    } else {
        let units = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (THOUSAND, "k"), (1.0, "")];
        let unit = units.iter().find(|(unit, _)| step >= *unit);
        let (unit, suffix) = unit.copied().unwrap_or((1.0, ""));
        format!("{}{suffix}", trimmed(size / unit, step / unit))
    };
    if value < 0.0 { format!("\u{2212}{text}") } else { text }
}

/// A number with as many digits after the point as its step has, at most `PLACES_MAX`.
fn trimmed(size: f64, step: f64) -> String {
    let mut scaled = step;
    let mut places = 0;
    while places < PLACES_MAX && (scaled - scaled.round()).abs() > 1e-6 * scaled {
        scaled *= 10.0;
        places += 1;
    }
    let text = format!("{size:.places$}");
    if places == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number as `1.5e-4`.
fn scientific(size: f64, step: f64) -> String {
    let wanted = size.log10().floor() - step.log10().floor();
    let places = (0..PLACES_MAX).find(|count| super::float(*count) >= wanted);
    let places = places.unwrap_or(PLACES_MAX);
    let text = format!("{size:.places$e}");
    match text.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => {
            format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

const SECOND_MS: f64 = 1e3;
const MINUTE_MS: f64 = 60.0 * SECOND_MS;
const HOUR_MS: f64 = 60.0 * MINUTE_MS;
const DAY_MS: f64 = 24.0 * HOUR_MS;

/// The steps of clocks, below which steps are round numbers of milliseconds.
const CLOCK_STEPS_MS: [f64; 18] = [
    SECOND_MS,
    2.0 * SECOND_MS,
    5.0 * SECOND_MS,
    10.0 * SECOND_MS,
    20.0 * SECOND_MS,
    30.0 * SECOND_MS,
    MINUTE_MS,
    2.0 * MINUTE_MS,
    5.0 * MINUTE_MS,
    10.0 * MINUTE_MS,
    20.0 * MINUTE_MS,
    30.0 * MINUTE_MS,
    HOUR_MS,
    2.0 * HOUR_MS,
    4.0 * HOUR_MS,
    8.0 * HOUR_MS,
    12.0 * HOUR_MS,
    DAY_MS,
];

/// The step of an axis of milliseconds: as clocks have it, and of whole days beyond.
fn time_step(width: f64) -> f64 {
    if width <= SECOND_MS {
        return round_step(width).max(1.0).ceil();
    }
    let step = CLOCK_STEPS_MS.into_iter().find(|step| *step >= width);
    step.unwrap_or_else(|| round_step(width / DAY_MS).max(1.0).ceil() * DAY_MS)
}

/// The unit of durations with this step, in milliseconds, and its word.
fn unit_of(words: &Words, step: f64) -> (f64, &'static str) {
    let common = &words.common;
    match step {
        ..SECOND_MS => (1.0, common.milliseconds),
        ..MINUTE_MS => (SECOND_MS, common.seconds),
        ..HOUR_MS => (MINUTE_MS, common.minutes),
        ..DAY_MS => (HOUR_MS, common.hours),
        _ => (DAY_MS, common.days),
    }
}

/// A time of a mark: the part of it that changes with the step.
fn time_label(value: f64, step: f64) -> String {
    let ms = whole(value);
    if step >= DAY_MS {
        return date(ms);
    }
    let (hour, minute, second) = clock(ms);
    match step {
        ..SECOND_MS => format!("{minute:02}:{second:02}.{:03}", ms.rem_euclid(1000)),
        ..MINUTE_MS => format!("{hour:02}:{minute:02}:{second:02}"),
        _ => format!("{hour:02}:{minute:02}"),
    }
}

/// A float as an integer. Beyond what a float holds exactly it is cut.
pub(super) fn whole(value: f64) -> i64 {
    format!("{:.0}", value.clamp(-9e15, 9e15)).parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;
    use proptest::prelude::*;

    fn labels(low: f64, high: f64, is_log: bool) -> Vec<String> {
        let ticks = numbers(Scale { low, high, is_log });
        ticks.into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn marks_are_round_numbers() {
        assert_eq!(labels(0.33, 1.0, false), ["0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(-1.0, 1.0, false), ["−1", "−0.5", "0", "0.5", "1"]);
        assert_eq!(labels(0.0, 23_980.0, false), ["0", "10k", "20k"]);
        assert_eq!(labels(0.0, 3.1e-4, false), ["0", "1e-4", "2e-4", "3e-4"]);
        assert_eq!(labels(0.0, 2.4e6, false), ["0", "1M", "2M"]);
        assert_eq!(labels(0.03, 1.5, true), ["0.05", "0.1", "0.2", "0.5", "1"]);
        assert_eq!(labels(1e-6, 10.0, true), ["1e-6", "1e-4", "0.01", "1"]);
        assert_eq!(labels(5.0, 5.4, true), ["5", "5.1", "5.2", "5.3", "5.4"]);
    }

    #[test]
    fn times_have_the_steps_of_clocks() {
        let words = Words::of(Language::English);
        let shown = |axis, low: f64, high: f64| -> Vec<String> {
            let scale = Scale {
                low,
                high,
                is_log: false,
            };
            let ticks = horizontal(words, axis, scale);
            ticks.into_iter().map(|tick| tick.label).collect()
        };
        assert_eq!(shown(Axis::Relative, 0.0, 25.0 * MINUTE_MS), ["0", "10", "20 min"]);
        assert_eq!(shown(Axis::Relative, 0.0, 900.0), ["0", "250", "500", "750 ms"]);
        assert_eq!(
            shown(Axis::Time, 1_795_860_000_000.0, 1_795_863_600_000.0),
            ["10:00", "10:20", "10:40", "11:00 UTC"]
        );
        assert_eq!(shown(Axis::Step, 0.0, 2.0), ["0", "1", "2 step"]);
    }

    proptest! {
        #[test]
        fn marks_are_few_lie_within_and_differ(low in any::<f64>(), high in any::<f64>(), is_log in any::<bool>()) {
            let Some(scale) = Scale::of([low, high], is_log) else {
                return Ok(());
            };
            let ticks = numbers(scale);
            prop_assert!(ticks.len() <= TICKS_MAX, "{ticks:?}");
            prop_assert!(ticks.iter().all(|tick| tick.value >= scale.low && tick.value <= scale.high));
            prop_assert!(ticks.is_sorted_by(|a, b| a.value < b.value), "{ticks:?}");
        }

        #[test]
        fn marks_of_usual_ranges_have_short_labels(low in -1e6..1e6, width in 1e-3..1e6) {
            let scale = Scale { low, high: low + width, is_log: false };
            let ticks = numbers(scale);
            prop_assert!(ticks.len() >= 2, "{ticks:?}");
            for axis in [Axis::Step, Axis::Time, Axis::Relative] {
                prop_assert!(horizontal(Words::of(Language::Korean), axis, scale).len() <= TICKS_MAX);
            }
            let mut labels: Vec<&str> = ticks.iter().map(|tick| tick.label.as_str()).collect();
            labels.dedup();
            prop_assert_eq!(labels.len(), ticks.len(), "{:?}", ticks);
        }
    }
}
