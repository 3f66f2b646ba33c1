//! The keys of which a project may have a bounded number, for a host that counts them.

use super::points::POINT_BYTES;

/// Keys from one (included) to another one (excluded).
pub type KeyRange = (&'static [u8], &'static [u8]);

/// The keys of a run's parts, among them one of each run.
pub const RUNS: &[KeyRange] = &[(b"r", b"s")];
/// The keys of single points and of chunks.
pub const POINTS: &[KeyRange] = &[(b"H", b"I"), (b"h", b"i")];
/// The places of traces in lists, among them one of each trace.
pub const TRACES: &[KeyRange] = &[(b"i", b"j")];

/// Bytes of the number of an experiment.
const EXPERIMENT_BYTES: usize = 8;
/// Bytes of the id of a run.
const RUN_BYTES: usize = 16;

/// True for the key of a run itself.
pub fn is_run(key: &[u8]) -> bool {
    key.len() == 1 + RUN_BYTES + 1 && key.first() == Some(&b'r') && key.last() == Some(&b'a')
}

/// True for the place of a trace in the list of its experiment.
pub fn is_trace(key: &[u8]) -> bool {
    key.first() == Some(&b'i') && key.get(1 + EXPERIMENT_BYTES) == Some(&b't')
}

/// True for the key of a single point.
pub fn is_point(key: &[u8]) -> bool {
    key.first() == Some(&b'h') && key.len() > RUN_BYTES + POINT_BYTES
}

/// True for the key of a chunk.
pub fn is_chunk(key: &[u8]) -> bool {
    key.first() == Some(&b'H')
}

#[cfg(test)]
mod tests {
    use super::super::{chunk, packed_run, point, run, run_param};
    use super::*;
    use crate::domain::id::RunId;
    use crate::domain::metric::Point;

    fn within(ranges: &[KeyRange], key: &[u8]) -> bool {
        ranges.iter().any(|(start, end)| (*start..*end).contains(&key))
    }

    #[test]
    fn runs_and_points_are_told_from_other_keys() {
        let (id, at) = (RunId([b'a'; 16]), Point::new(1.0, 2, 3));
        assert!(is_run(&run(id)) && within(RUNS, &run(id)));
        for other in [packed_run(id), run_param(id, "a"), point(id, "m", at)] {
            assert!(!is_run(&other));
        }
        let (single, many) = (point(id, "m", at), chunk(id, "m", at));
        assert!(is_point(&single) && !is_chunk(&single) && within(POINTS, &single));
        assert!(is_chunk(&many) && !is_point(&many) && within(POINTS, &many));
    }
}
