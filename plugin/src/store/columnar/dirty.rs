//! Dirty markers. Every change to a run rewrites its marker in the same commit. Compaction checks the marker's version, so it
//! never overwrites a newer run. Searches read marked runs from their own records.

use crate::domain::lifecycle::Lifecycle;
use crate::domain::run::Run;
use crate::error::Result;
use crate::store::codec::{Reader, Writer};

/// Why packing leaves a run as it is until it is changed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetAside {
    /// It has more than one record takes.
    TooLarge,
    /// It could not be packed, not even alone: a record of it cannot be read.
    Failed,
}

impl SetAside {
    /// For the operator.
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

/// What a search must know of a run before it reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirtyMarker {
    /// When the run started, in milliseconds since the Unix epoch.
    pub start_time_ms: i64,
    /// Its own stage, which the experiment may overrule.
    pub lifecycle: Lifecycle,
    /// When it was changed last, by the component's clock.
    pub changed_ms: i64,
    /// Why it was not packed when it was tried last; none if it was not tried since it was changed.
    pub set_aside: Option<SetAside>,
}

impl DirtyMarker {
    /// The mark of a run that is changed now.
    pub fn new(run: &Run, now_ms: i64) -> Self {
        DirtyMarker {
            start_time_ms: run.start_time_ms,
            lifecycle: run.lifecycle,
            changed_ms: now_ms,
            set_aside: None,
        }
    }

    /// True if the run was left alone since `since_ms`. A run that was changed in the future was: the clock was set back since,
    /// and who changes a run now leaves a mark of now.
    pub fn rests(&self, since_ms: i64, now_ms: i64) -> bool {
        self.changed_ms <= since_ms || self.changed_ms > now_ms
    }

    /// As it is stored.
    pub fn write(&self) -> Vec<u8> {
        Writer::new()
            .signed(self.start_time_ms)
            .lifecycle(self.lifecycle)
            .signed(self.changed_ms)
            .byte(SetAside::write(self.set_aside))
            .0
    }

    /// Reads what `write` wrote.
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
        fn a_mark_reads_back(times in any::<(i64, i64)>(), deleted in any::<bool>(), epoch in any::<u64>(), aside in 0_u8..3) {
            let stage = if deleted { Stage::Deleted } else { Stage::Active };
            let lifecycle = Lifecycle { stage, epoch };
            let set_aside = SetAside::read(aside);
            let mark = DirtyMarker { start_time_ms: times.0, changed_ms: times.1, lifecycle, set_aside };
            prop_assert_eq!(DirtyMarker::read(&mark.write()), Ok(mark));
        }
    }

    #[test]
    fn a_run_rests_after_a_while_and_when_the_clock_was_set_back() {
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
