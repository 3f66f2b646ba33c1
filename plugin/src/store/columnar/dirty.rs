//! Dirty markers. Every change to a run rewrites its marker in the same commit. Compaction checks the
//! marker's version, so it never overwrites a newer run. Searches read dirty runs from their own records.

use crate::domain::lifecycle::Lifecycle;
use crate::domain::run::Run;
use crate::error::Result;
use crate::store::codec::{Reader, Writer};

/// The reason why compaction leaves a run as it is until it is changed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetAside {
    /// The run has more values than one record takes.
    TooLarge,
    /// The run could not be compacted, not even alone: one of its records cannot be read.
    Failed,
}

impl SetAside {
    /// Returns the reason in words for the operator.
    pub fn reason(self) -> &'static str {
        match self {
            SetAside::TooLarge => "too large",
            SetAside::Failed => "failed",
        }
    }

    fn write(of: Option<SetAside>) -> u8 {
        match of {
            None => 0,
            Some(SetAside::TooLarge) => 1,
            Some(SetAside::Failed) => 2,
        }
    }

    fn read(byte: u8) -> Option<SetAside> {
        match byte {
            0 => None,
            1 => Some(SetAside::TooLarge),
            _ => Some(SetAside::Failed),
        }
    }
}

/// A dirty marker: the data of a changed run that a search needs before it reads the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirtyMarker {
    /// Start time of the run in milliseconds since the Unix epoch.
    pub start_time_ms: i64,
    /// The run's own stage, which the experiment may override.
    pub lifecycle: Lifecycle,
    /// Time of the last change in milliseconds, by the component's clock.
    pub changed_ms: i64,
    /// The reason why the last attempt did not compact the run. `None`: there was no attempt since its last
    /// change.
    pub set_aside: Option<SetAside>,
}

impl DirtyMarker {
    /// Returns the dirty marker of a run that is changed now.
    pub fn new(run: &Run, now_ms: i64) -> Self {
        DirtyMarker {
            start_time_ms: run.start_time_ms,
            lifecycle: run.lifecycle,
            changed_ms: now_ms,
            set_aside: None,
        }
    }

    /// True if the run has not changed since `since_ms`. A change in the future counts as old: the clock was
    /// set back since, and a change now writes a marker with the present time.
    pub fn rests(&self, since_ms: i64, now_ms: i64) -> bool {
        self.changed_ms <= since_ms || self.changed_ms > now_ms
    }

    /// Writes the marker in its stored form.
    pub fn write(&self) -> Vec<u8> {
        Writer::new()
            .signed(self.start_time_ms)
            .lifecycle(self.lifecycle)
            .signed(self.changed_ms)
            .byte(SetAside::write(self.set_aside))
            .0
    }

    /// Reads a marker that `write` wrote.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("mark", bytes)?;
        let mark = DirtyMarker {
            start_time_ms: reader.signed()?,
            lifecycle: reader.lifecycle()?,
            changed_ms: reader.signed()?,
            set_aside: SetAside::read(reader.byte()?),
        };
        reader.end(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::lifecycle::Stage;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_dirty_marker_reads_back(times in any::<(i64, i64)>(), deleted in any::<bool>(), epoch in any::<u64>(), aside in 0_u8..3) {
            let stage = if deleted { Stage::Deleted } else { Stage::Active };
            let lifecycle = Lifecycle { stage, epoch };
            let set_aside = SetAside::read(aside);
            let mark = DirtyMarker { start_time_ms: times.0, changed_ms: times.1, lifecycle, set_aside };
            prop_assert_eq!(DirtyMarker::read(&mark.write()), Ok(mark));
        }
    }

    #[test]
    fn a_run_is_at_rest_after_a_while_or_when_the_clock_was_set_back() {
        let mark = |changed_ms| DirtyMarker {
            start_time_ms: 0,
            lifecycle: Lifecycle {
                stage: Stage::Active,
                epoch: 0,
            },
            changed_ms,
            set_aside: None,
        };
        assert_eq!(
            [89, 90, 91, 100, 101].map(|time| mark(time).rests(90, 100)),
            [true, true, false, false, true]
        );
    }
}
