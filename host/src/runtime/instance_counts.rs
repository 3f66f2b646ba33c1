//! Counts of instances since the host's start.

use super::instance::InstanceKind;
use super::instance::error::InstanceError;
use crate::metrics::Counter;

/// Counts of all instances.
#[derive(Debug, Default)]
pub(crate) struct InstanceCounts {
    general: KindCounts,
    query: KindCounts,
    faults: [Counter; FAULTS.len()],
}

/// Counts of the instances of one kind.
#[derive(Debug, Default)]
pub(crate) struct KindCounts {
    /// Instances that were made.
    pub(crate) made: Counter,
    /// Idle instances that were taken for another request.
    pub(crate) reused: Counter,
}

/// The reasons why an instance gave no answer, by their names in the metrics.
const FAULTS: [&str; 5] = ["timed_out", "no_room", "memory_bound", "trapped", "failed"];

impl InstanceCounts {
    pub(crate) fn of(&self, kind: InstanceKind) -> &KindCounts {
        match kind {
            InstanceKind::General => &self.general,
            InstanceKind::Query => &self.query,
        }
    }

    /// Counts an instance that gave no answer.
    pub(crate) fn note_fault(&self, fault: &InstanceError) {
        let index = match fault {
            InstanceError::TimedOut => 0,
            InstanceError::NoRoom(_) => 1,
            InstanceError::MemoryBound(_) => 2,
            InstanceError::Trapped(_) => 3,
            InstanceError::Handler(_) | InstanceError::InvalidResponse(_) | InstanceError::Maintenance(_) => 4,
        };
        if let Some(count) = self.faults.get(index) {
            count.increment();
        }
    }

    /// The reasons with their counts.
    pub(crate) fn faults(&self) -> impl Iterator<Item = (&'static str, u64)> {
        FAULTS.into_iter().zip(self.faults.iter().map(Counter::get))
    }
}
