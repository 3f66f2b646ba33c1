//! Marks of runs that are not packed: everything that changes a run sets its mark anew, in the same commit. So whoever packs
//! a run sees by the mark's version whether the run is still what was read, and searches know which runs to read themselves.

use super::codec::{Reader, Writer};
use crate::domain::lifecycle::Lifecycle;
use crate::domain::run::Run;
use crate::error::Result;

/// What a search must know of a run before it reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When the run started, in milliseconds since the Unix epoch.
    pub start_time_ms: i64,
    /// Its own stage, which the experiment may overrule.
    pub lifecycle: Lifecycle,
    /// When it was changed last, by the component's clock.
    pub changed_ms: i64,
    /// Whether it was too large to be packed when it was tried last.
    pub too_large: bool,
}

impl Mark {
    /// The mark of a run that is changed now.
    pub fn new(run: &Run, now_ms: i64) -> Self {
        Mark {
            start_time_ms: run.start_time_ms,
            lifecycle: run.lifecycle,
            changed_ms: now_ms,
            too_large: false,
        }
    }

    /// As it is stored.
    pub fn write(&self) -> Vec<u8> {
        Writer::new()
            .signed(self.start_time_ms)
            .lifecycle(self.lifecycle)
            .signed(self.changed_ms)
            .byte(u8::from(self.too_large))
            .0
    }

    /// Reads what `write` wrote.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("mark", bytes)?;
        let mark = Mark {
            start_time_ms: reader.signed()?,
            lifecycle: reader.lifecycle()?,
            changed_ms: reader.signed()?,
            too_large: reader.byte()? == 1,
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
        fn a_mark_reads_back(times in any::<(i64, i64)>(), deleted in any::<bool>(), epoch in any::<u64>(), too_large in any::<bool>()) {
            let stage = if deleted { Stage::Deleted } else { Stage::Active };
            let lifecycle = Lifecycle { stage, epoch };
            let mark = Mark { start_time_ms: times.0, changed_ms: times.1, lifecycle, too_large };
            prop_assert_eq!(Mark::read(&mark.write()), Ok(mark));
        }
    }
}
