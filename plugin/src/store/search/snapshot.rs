//! A snapshot of the experiments that are searched: their dirty markers and zone maps.

use std::collections::BTreeMap;

use crate::domain::id::{ExperimentId, RunId};
use crate::domain::lifecycle::{Lifecycle, View};
use crate::error::{Error, Result};
use crate::host::records::{Span, scan_all};
use crate::store::columnar::cache::BlockRevision;
use crate::store::columnar::dirty::DirtyMarker;
use crate::store::columnar::zone_map::{Zone, ZoneMap};
use crate::store::keys::RUN_SORT_KEY_BYTES;
use crate::store::{codec, keys};

/// An experiment that is searched.
pub(super) struct ExperimentSnapshot {
    pub(super) experiment: ExperimentId,
    pub(super) lifecycle: Lifecycle,
    pub(super) zones: ZoneMap,
}

/// A run that must be read from its own records, given by its sort key. There may be very many.
pub(super) struct DirtyRun {
    pub(super) sort_key: [u8; RUN_SORT_KEY_BYTES],
}

impl DirtyRun {
    pub(super) fn id(&self) -> RunId {
        keys::run_of_sort_key(&self.sort_key).1
    }
}

/// A block of a searched experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BlockId {
    /// Index of the experiment in the snapshot.
    pub(super) experiment: usize,
    /// Number of the block in the experiment.
    pub(super) number: u32,
}

/// A block that may hold matching runs.
pub(super) struct BlockRef {
    pub(super) id: BlockId,
    pub(super) zone: Zone,
}

/// Everything that is searched, as of one time.
pub(super) struct SearchSnapshot {
    pub(super) experiments: Vec<ExperimentSnapshot>,
    /// The dirty runs that the view shows, in default order.
    pub(super) dirty: Vec<DirtyRun>,
    /// All dirty runs, by id: their values in blocks may be outdated.
    all_dirty: Vec<RunId>,
    /// Lifecycles of all experiments that exist.
    pub(super) lifecycles: BTreeMap<ExperimentId, Lifecycle>,
}

impl SearchSnapshot {
    /// Reads the snapshot of some experiments. One that does not exist is empty.
    pub(super) async fn read(within: &[ExperimentId], view: View) -> Result<Self> {
        let spans = within.iter().flat_map(|id| {
            let (experiment, zones) = (keys::experiment(*id), keys::zones(*id));
            [Span::of_key(experiment), keys::dirty_markers(*id), Span::of_key(zones)]
        });
        let mut found = SearchSnapshot {
            experiments: Vec::new(),
            dirty: Vec::new(),
            all_dirty: Vec::new(),
            lifecycles: BTreeMap::new(),
        };
        // Dirty markers and zone maps come after their experiment: spans are read in their order.
        scan_all(spans.collect(), usize::MAX, |index, key, value| {
            let id = within.get(index / 3).copied().ok_or_else(corrupt)?;
            match index % 3 {
                0 => found.experiments.push(ExperimentSnapshot {
                    experiment: id,
                    lifecycle: codec::read_experiment(id, value)?.lifecycle,
                    zones: ZoneMap::default(),
                }),
                1 => found.add_mark(key, &DirtyMarker::read(value)?, view)?,
                _ => found.experiment()?.zones = ZoneMap::read(value)?,
            }
            Ok(())
        })
        .await?;
        found.dirty.sort_unstable_by_key(|run| run.sort_key);
        found.all_dirty.sort_unstable();
        found.lifecycles = found
            .experiments
            .iter()
            .map(|experiment| (experiment.experiment, experiment.lifecycle))
            .collect();
        Ok(found)
    }

    /// Number of dirty runs.
    pub(super) fn dirty_count(&self) -> usize {
        self.all_dirty.len()
    }

    /// True if a run's values in blocks may be outdated.
    pub(super) fn is_dirty(&self, id: RunId) -> bool {
        self.all_dirty.binary_search(&id).is_ok()
    }

    fn experiment(&mut self) -> Result<&mut ExperimentSnapshot> {
        self.experiments.last_mut().ok_or_else(corrupt)
    }

    fn add_mark(&mut self, key: &[u8], mark: &DirtyMarker, view: View) -> Result<()> {
        let (_, id) = keys::dirty_run_of(key).ok_or_else(corrupt)?;
        self.all_dirty.push(id);
        if view.shows(mark.lifecycle.of_run(self.experiment()?.lifecycle)) {
            let sort_key = keys::run_sort_key(mark.start_time_ms, id);
            self.dirty.push(DirtyRun { sort_key });
        }
        Ok(())
    }

    /// Returns the revision of a block. `None`: there is no such block.
    pub(super) fn revision(&self, block: BlockId) -> Option<BlockRevision> {
        let experiment = self.experiments.get(block.experiment)?;
        Some(BlockRevision {
            experiment: experiment.experiment,
            revision: experiment.zones.block(block.number)?.revision,
        })
    }

    /// Returns the blocks that may hold runs.
    pub(super) fn blocks(&self) -> Vec<BlockRef> {
        let blocks = self.experiments.iter().enumerate().flat_map(|(experiment, searched)| {
            let block = move |(number, zone)| BlockRef {
                id: BlockId { experiment, number },
                zone,
            };
            searched.zones.blocks().map(block)
        });
        blocks.collect()
    }
}

fn corrupt() -> Error {
    Error::Corrupt("a dirty marker or zone map".to_owned())
}
