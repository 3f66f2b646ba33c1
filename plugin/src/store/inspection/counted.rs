//! The items of which a host may bound the number in a project.

use crate::store::codec;
use crate::store::keys::counted::{self, KeyRange};

/// A kind of items.
#[derive(Clone, Copy, Debug)]
pub struct CountedItems {
    /// Their name for people, for example `runs`.
    pub name: &'static str,
    /// The keys among which theirs are.
    pub ranges: &'static [KeyRange],
    /// Number of items in a record. `None`: it has none of this kind.
    pub count: fn(&[u8], &[u8]) -> Option<u64>,
}

/// Runs, those of versions included, and deleted ones until they are purged.
pub const RUNS: CountedItems = CountedItems {
    name: "runs",
    ranges: counted::RUNS,
    count: |key, _| counted::is_run(key).then_some(1),
};

/// Points of metrics of runs.
pub const POINTS: CountedItems = CountedItems {
    name: "metric values",
    ranges: counted::POINTS,
    count: |key, value| {
        if counted::is_chunk(key) {
            return Some(codec::points_of_chunk(value));
        }
        counted::is_point(key).then_some(1)
    },
};

/// Traces.
pub const TRACES: CountedItems = CountedItems {
    name: "traces",
    ranges: counted::TRACES,
    count: |key, _| counted::is_trace(key).then_some(1),
};
