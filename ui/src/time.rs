//! Times and durations as people read them.

use maud::{Markup, html};
use time::{Date, Duration, Month, OffsetDateTime};

use crate::words::{Words, fill};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Older times are shown as dates.
const AGO_DAYS_MAX: i64 = 30;

/// A time: how long ago it is, and in full on hover. Milliseconds since the Unix epoch.
pub fn ago(words: &Words, then_ms: i64, now_ms: i64) -> Markup {
    html! { time datetime=(iso(then_ms)) title=(exact(then_ms)) { (distance(words, then_ms, now_ms)) } }
}

/// The time in full.
pub fn exact_time(then_ms: i64) -> Markup {
    html! { time datetime=(iso(then_ms)) { (exact(then_ms)) } }
}

fn distance(words: &Words, then_ms: i64, now_ms: i64) -> String {
    let passed = now_ms.saturating_sub(then_ms);
    let said = |text: &str, count: i64| fill(text, &[&count.to_string()]);
    match passed {
        _ if passed < MINUTE_MS => words.common.just_now.to_owned(),
        _ if passed < HOUR_MS => said(words.common.minutes_ago, passed / MINUTE_MS),
        _ if passed < DAY_MS => said(words.common.hours_ago, passed / HOUR_MS),
        _ if passed < 2 * DAY_MS => words.common.yesterday.to_owned(),
        _ if passed < AGO_DAYS_MAX * DAY_MS => said(words.common.days_ago, passed / DAY_MS),
        _ => date(then_ms),
    }
}

/// A duration of milliseconds, in its two largest units.
pub fn duration(words: &Words, ms: i64) -> String {
    let ms = ms.max(0);
    let common = &words.common;
    let two = |first: (i64, &str), second: (i64, &str)| {
        let first = fill(first.1, &[&first.0.to_string()]);
        match second.0 {
            0 => first,
            count => format!("{first} {}", fill(second.1, &[&count.to_string()])),
        }
    };
    match ms {
        _ if ms < SECOND_MS => fill(common.milliseconds, &[&ms.to_string()]),
        _ if ms < MINUTE_MS => fill(common.seconds, &[&(ms / SECOND_MS).to_string()]),
        _ if ms < HOUR_MS => two(
            (ms / MINUTE_MS, common.minutes),
            (ms % MINUTE_MS / SECOND_MS, common.seconds),
        ),
        _ if ms < DAY_MS => two((ms / HOUR_MS, common.hours), (ms % HOUR_MS / MINUTE_MS, common.minutes)),
        _ => two((ms / DAY_MS, common.days), (ms % DAY_MS / HOUR_MS, common.hours)),
    }
}

/// A short duration of nanoseconds, with three significant digits: `0.42 ms`, `146 ms`, `4.82 s`. From a minute on it is
/// shown as `duration` shows it.
pub fn latency(words: &Words, ns: u64) -> String {
    const MS_NS: u64 = 1_000_000;
    let short = |thousandths: u64| {
        let (whole, rest) = (thousandths / 1_000, thousandths % 1_000);
        let text = match whole {
            0..10 => format!("{whole}.{:02}", rest / 10),
            10..100 => format!("{whole}.{}", rest / 100),
            _ => return whole.to_string(),
        };
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    match ns / MS_NS {
        0..1_000 => fill(words.common.milliseconds, &[&short(ns / 1_000)]),
        ms @ 1_000..60_000 => fill(words.common.seconds, &[&short(ms)]),
        ms => duration(words, i64::try_from(ms).unwrap_or(i64::MAX)),
    }
}

/// The time in UTC, as ISO 8601 writes it: `2026-11-28T10:02:11Z`.
pub fn iso(ms: i64) -> String {
    let (hour, minute, second) = clock(ms);
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", date(ms))
}

/// The begin of a day in UTC that is written as `2026-11-28`, in milliseconds since the Unix epoch. `None`: it is no such day.
pub fn day_begin_ms(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let mut number = |digits: usize| {
        let part = parts.next()?;
        let is_plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u16>().ok().filter(|_| is_plain)
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()?;
    date.midnight().assume_utc().unix_timestamp().checked_mul(SECOND_MS)
}

/// The time in UTC, for people.
pub(crate) fn exact(ms: i64) -> String {
    let (hour, minute, second) = clock(ms);
    format!("{} {hour:02}:{minute:02}:{second:02} UTC", date(ms))
}

/// Hour, minute and second of a time in UTC.
pub(crate) fn clock(ms: i64) -> (u8, u8, u8) {
    civil(ms).to_hms()
}

/// The day of a time in UTC.
pub(crate) fn date(ms: i64) -> String {
    let date = civil(ms).date();
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// A time beyond the year 9999 is shown as the epoch: clients may send any number.
fn civil(ms: i64) -> OffsetDateTime {
    let epoch = OffsetDateTime::UNIX_EPOCH;
    epoch.checked_add(Duration::milliseconds(ms)).unwrap_or(epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;
    use proptest::prelude::*;

    const NOW_MS: i64 = 1_795_860_000_000;

    #[test]
    fn a_time_is_shown_by_how_long_ago_it_is() {
        let words = Words::of(Language::English);
        for (passed, shown) in [
            (-5_000, "just now"),
            (59_000, "just now"),
            (60_000, "1 min ago"),
            (3 * HOUR_MS, "3 h ago"),
            (30 * HOUR_MS, "yesterday"),
            (6 * DAY_MS, "6 days ago"),
            (60 * DAY_MS, "2026-09-29"),
        ] {
            assert_eq!(distance(words, NOW_MS - passed, NOW_MS), shown, "{passed}");
        }
        assert_eq!(iso(NOW_MS), "2026-11-28T10:00:00Z");
        assert_eq!(exact(0), "1970-01-01 00:00:00 UTC");
    }

    #[test]
    fn a_day_begins_at_midnight_in_utc() {
        assert_eq!(day_begin_ms("1970-01-02"), Some(DAY_MS));
        assert_eq!(
            day_begin_ms("2026-11-28").map(iso).as_deref(),
            Some("2026-11-28T00:00:00Z")
        );
        for wrong in [
            "",
            "2026",
            "2026-11",
            "2026-02-30",
            "2026-13-01",
            "26-11-28",
            "+026-11-28",
            "2026-11-28T",
            "2026-1-2",
            "a-b-c",
        ] {
            assert_eq!(day_begin_ms(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_short_duration_has_three_digits() {
        let words = Words::of(Language::English);
        for (ns, shown) in [
            (0, "0 ms"),
            (420_000, "0.42 ms"),
            (5_000_000, "5 ms"),
            (42_100_000, "42.1 ms"),
            (146_900_000, "146 ms"),
            (4_820_000_000, "4.82 s"),
            (59_999_000_000, "59.9 s"),
            (60_000_000_000, "1 min"),
        ] {
            assert_eq!(latency(words, ns), shown, "{ns}");
        }
        assert!(!latency(words, u64::MAX).is_empty());
    }

    #[test]
    fn a_duration_has_its_two_largest_units() {
        let words = Words::of(Language::English);
        for (ms, shown) in [
            (250, "250 ms"),
            (12_345, "12 s"),
            (25 * MINUTE_MS + 12_000, "25 min 12 s"),
            (2 * HOUR_MS, "2 h"),
            (3 * DAY_MS + 5 * HOUR_MS, "3 d 5 h"),
            (-4, "0 ms"),
        ] {
            assert_eq!(duration(words, ms), shown, "{ms}");
        }
    }

    proptest! {
        #[test]
        fn no_time_of_a_client_is_too_much(then in any::<i64>(), now in any::<i64>()) {
            let words = Words::of(Language::Korean);
            let _ = (ago(words, then, now), duration(words, then), exact_time(then));
        }
    }
}
