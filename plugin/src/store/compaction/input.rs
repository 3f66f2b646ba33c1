//! Reads the input of a compaction pass: dirty runs of one experiment, and as much of each as the pass moves.

use std::ops::ControlFlow;

use super::budget::{MOVED_MAX, READ_BYTES, RunBudget, share};
use crate::domain::id::{ExperimentId, RunId};
use crate::error::{Error, Result};
use crate::host::records::{Change, scan_until};
use crate::store::columnar::dirty::DirtyMarker;
use crate::store::keys;
use crate::store::runs::read::RunParts;

/// A dirty run at rest: it has not changed for a while.
#[derive(Clone, Copy, Debug)]
pub struct RestingRun {
    /// The run.
    pub id: RunId,
    /// Its dirty marker.
    pub mark: DirtyMarker,
    /// The version of the marker's record.
    pub version: u64,
}

/// A run as it was read.
pub struct RunInput {
    /// The run with its dirty marker.
    pub run: RestingRun,
    /// The records that were read of it.
    pub(crate) parts: RunParts,
    /// The keys of the records that are moved.
    pub moved: Vec<Vec<u8>>,
    /// True if no record of the run is left for another pass.
    pub is_whole: bool,
    budget: RunBudget,
}

impl RunInput {
    fn new(run: RestingRun, share: usize) -> Self {
        RunInput {
            run,
            parts: RunParts::default(),
            moved: Vec::new(),
            is_whole: true,
            budget: RunBudget::new(share),
        }
    }

    /// Adds one of the records that are to be moved, unless the budget has no room for it.
    fn take_in(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        // All later records stay, too: a part of a run is the first of its records.
        self.is_whole &= self.budget.takes(key.len() + value.len());
        if self.is_whole {
            self.moved.push(key.to_vec());
            self.parts.add(self.run.id, key, value)?;
        }
        Ok(())
    }

    /// Replaces the run's dirty marker, or removes it. The change then depends on the run being as it was
    /// read.
    pub fn put_mark(&self, change: &mut Change, experiment: ExperimentId, mark: Option<DirtyMarker>) {
        let key = keys::dirty_marker(experiment, self.run.id);
        change.require_version(key.clone(), self.run.version);
        match mark {
            Some(mark) => change.put(key, mark.write()),
            None => change.delete(key),
        }
    }
}

/// Reads the first of some runs, at least one if there are any, and as many as a pass has room for.
pub async fn read(resting: &[RestingRun]) -> Result<Vec<RunInput>> {
    let share = share(resting.len());
    let spans = resting.iter().flat_map(|run| keys::run_values(run.id)).collect();
    let (mut inputs, mut bytes, mut moved) = (Vec::new(), 0, 0);
    let mut is_full = false;
    scan_until(spans, share + 1, |index, key, value| {
        let run = index / 2;
        if run >= inputs.len() {
            is_full = bytes >= READ_BYTES || moved >= MOVED_MAX;
            // Earlier runs without records are read, too.
            let read = if is_full { run } else { run + 1 };
            let new = resting.get(inputs.len()..read).unwrap_or_default();
            inputs.extend(new.iter().map(|run| RunInput::new(*run, share)));
        }
        if is_full {
            return Ok(ControlFlow::Break(()));
        }
        let input = inputs.get_mut(run).ok_or_else(corrupt)?;
        if index % 2 == 0 {
            input.parts.add(input.run.id, key, value)?;
        } else {
            input.take_in(key, value)?;
            moved += usize::from(input.is_whole);
            // A run with large records is the last of the pass: its remaining records are not read.
            is_full = !input.is_whole && input.moved.len() < share;
        }
        bytes += key.len() + value.len();
        Ok(if is_full {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    })
    .await?;
    if !is_full {
        let rest = resting.get(inputs.len()..).unwrap_or_default();
        inputs.extend(rest.iter().map(|run| RunInput::new(*run, share)));
    }
    Ok(inputs)
}

fn corrupt() -> Error {
    Error::Corrupt("a record of a run that is compacted".to_owned())
}
