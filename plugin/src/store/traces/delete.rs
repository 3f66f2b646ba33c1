//! Deletes traces: by their ids, or by their time with the oldest first. A trace is deleted whole.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use crate::domain::id::ExperimentId;
use crate::domain::trace::id::TraceId;
use crate::error::{Error, Result};
use crate::host::records::{scan_all, scan_until};
use crate::store::keys::traces as keys;
use crate::store::keys::traces::List;
use crate::store::keys::{all_experiments, experiment_of};
use crate::store::tombstone;

/// Largest number of traces that one request deletes by their time. It keeps their ids.
const DELETED_BY_TIME_MAX: usize = 100_000;

/// Deletes those of some traces that an experiment has. Returns their number.
pub async fn by_ids(experiment: ExperimentId, ids: &[TraceId]) -> Result<usize> {
    let mut deleted = 0;
    for id in ids {
        deleted += usize::from(tombstone::traces::remove(experiment, id).await?);
    }
    Ok(deleted)
}

/// Deletes traces of an experiment that began at a time or before it, the oldest first, at most `count`.
/// Returns their number.
pub async fn by_time(experiment: ExperimentId, until_ms: i64, count: usize) -> Result<usize> {
    let count = count.min(DELETED_BY_TIME_MAX);
    let mut oldest: VecDeque<TraceId> = VecDeque::new();
    // The list has the newest first, so the last ones are the oldest.
    let list = List::Experiment(experiment).behind(&keys::before(until_ms));
    scan_all(vec![list], usize::MAX, |_, key, _| {
        let place = keys::sort_key_in(key).and_then(keys::read_sort_key);
        let (_, id) = place.ok_or_else(|| Error::Corrupt("key in a list of traces".to_owned()))?;
        oldest.push_back(id);
        if oldest.len() > count {
            oldest.pop_front();
        }
        Ok(())
    })
    .await?;
    let ids: Vec<TraceId> = oldest.into_iter().rev().collect();
    by_ids(experiment, &ids).await
}

/// Largest number of traces that one pass of a sweep removes.
const SWEPT_MAX: usize = 200;

/// The result of a pass of a sweep.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SweepPass {
    /// Number of traces that were removed.
    pub removed: usize,
    /// True if others are still to be removed.
    pub is_cut: bool,
}

/// Removes some traces of all experiments that began before a time.
pub async fn pass(before_ms: i64) -> Result<SweepPass> {
    let mut experiments = Vec::new();
    scan_all(vec![all_experiments()], usize::MAX, |_, key, _| {
        experiments.extend(experiment_of(key));
        Ok(())
    })
    .await?;
    // The default experiment has traces before it has a record.
    if !experiments.contains(&ExperimentId::DEFAULT) {
        experiments.push(ExperimentId::DEFAULT);
    }
    let until = keys::before(before_ms.saturating_sub(1));
    let lists = experiments
        .iter()
        .map(|id| List::Experiment(*id).behind(&until))
        .collect();
    let mut old = Vec::new();
    scan_until(lists, SWEPT_MAX, |index, key, _| {
        let place = keys::sort_key_in(key).and_then(keys::read_sort_key);
        let found = experiments.get(index).zip(place);
        let (experiment, (_, id)) = found.ok_or_else(|| Error::Corrupt("key in a list of traces".to_owned()))?;
        old.push((*experiment, id));
        Ok(match old.len() {
            SWEPT_MAX => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
    })
    .await?;
    for (experiment, id) in &old {
        tombstone::traces::remove(*experiment, id).await?;
    }
    Ok(SweepPass {
        removed: old.len(),
        is_cut: old.len() == SWEPT_MAX,
    })
}
