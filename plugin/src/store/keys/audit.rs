//! The keys of audit records, newest first.

use super::{Key, descending, read_ascending};
use crate::domain::id::RunId;
use crate::domain::name::cut;
use crate::host::records::Span;

/// Largest number of characters of the caller's facts in a key. The facts are ASCII.
const CALLER_CHARS_MAX: usize = 600;

/// Key of the record of one change. `unique` tells changes of the same millisecond apart.
pub fn audited_change(time_ms: i64, unique: u64) -> Vec<u8> {
    at(time_ms).byte(b'c').number(unique).0
}

/// Key of the record of all logging of one caller to a run in the period that starts at a time. All requests
/// of that caller in that period write the same record.
pub fn audited_logging(period_ms: i64, run: RunId, caller: &str) -> Vec<u8> {
    at(period_ms)
        .byte(b'l')
        .run(run)
        .last(&cut(caller.to_owned(), CALLER_CHARS_MAX))
}

fn at(time_ms: i64) -> Key {
    Key::new(b'a').number(descending(time_ms))
}

/// Span of the records from the newest at `until_ms` to the oldest at `since_ms`, both included, in
/// milliseconds since the Unix epoch.
pub fn audit_records(since_ms: i64, until_ms: i64) -> Span {
    Span {
        start: at(until_ms).0,
        // No record has the earliest time that there is, so its successor is not needed.
        end: Key::new(b'a').number(descending(since_ms).saturating_add(1)).0,
    }
}

/// Returns the time of a key of `audit_records`, in milliseconds since the Unix epoch. The second is true if
/// the record is one of logging.
pub fn audited_at(key: &[u8]) -> Option<(i64, bool)> {
    let (time, rest) = key.strip_prefix(b"a")?.split_first_chunk::<8>()?;
    let time_ms = read_ascending(time.map(|byte| !byte));
    match rest.split_first()? {
        (b'c', unique) => (unique.len() == 8).then_some((time_ms, false)),
        (b'l', run) => (run.len() >= 16).then_some((time_ms, true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: [i64; 5] = [i64::MIN + 1, -1, 0, 1_700_000_000_000, i64::MAX];

    fn keys(time_ms: i64) -> [Vec<u8>; 4] {
        [
            audited_change(time_ms, 0),
            audited_change(time_ms, u64::MAX),
            audited_logging(time_ms, RunId([255; 16]), ""),
            audited_logging(time_ms, RunId([0; 16]), &"x".repeat(9_000)),
        ]
    }

    #[test]
    fn the_time_of_a_record_reads_back() {
        for time_ms in TIMES {
            let read: Vec<_> = keys(time_ms).iter().map(|key| audited_at(key)).collect();
            let expected = [false, false, true, true].map(|is_logging| Some((time_ms, is_logging)));
            assert_eq!(read, expected);
            assert!(keys(time_ms).iter().all(|key| key.len() <= 2_560));
        }
        for other in [
            &b"a"[..],
            b"a01234567",
            b"a01234567c",
            b"a01234567x01234567",
            b"a01234567l",
            b"b01234567c01234567",
        ] {
            assert_eq!(audited_at(other), None);
        }
    }

    #[test]
    fn newer_records_come_first_and_a_span_has_both_its_ends() {
        for (earlier, later) in TIMES.iter().zip(TIMES.iter().skip(1)) {
            let (older, newer) = (keys(*earlier), keys(*later));
            assert!(newer.iter().all(|newer| older.iter().all(|older| newer < older)));
            let holds = |since_ms, until_ms, key: &Vec<u8>| {
                let span = audit_records(since_ms, until_ms);
                span.start <= *key && *key < span.end
            };
            let both = older.iter().chain(&newer);
            assert!(both.clone().all(|key| holds(*earlier, *later, key)));
            assert!(
                older
                    .iter()
                    .all(|key| holds(*earlier, *earlier, key) && !holds(*later, *later, key))
            );
            assert!(
                newer
                    .iter()
                    .all(|key| holds(*later, *later, key) && !holds(*earlier, *earlier, key))
            );
            assert!(both.clone().all(|key| holds(i64::MIN, i64::MAX, key)));
        }
    }
}
