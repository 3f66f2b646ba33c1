//! The storage with the bounds of projects around it.

use std::sync::Arc;

use mlforge_plugin::store::inspection::counted;

use crate::limits::Limits;
use crate::storage::item_quota::{ItemKind, ItemQuota};
use crate::storage::quota::Quota;
use crate::storage::{Blobs, Records};

/// The quota of files. `None`: nothing bounds them.
pub(super) fn file_quota(limits: &Limits, blobs: &Arc<dyn Blobs>) -> Option<Quota> {
    let (bytes_max, files_max) = (limits.project_bytes_max, limits.project_files_max);
    (bytes_max.min(files_max) < u64::MAX).then(|| Quota::new(Arc::clone(blobs), bytes_max, files_max))
}

/// The records, whose items are counted if something bounds them.
pub(super) fn bounded_records(limits: &Limits, records: Arc<dyn Records>) -> Arc<dyn Records> {
    let bounds = [
        (counted::RUNS, limits.project_runs_max),
        (counted::POINTS, limits.project_points_max),
        (counted::TRACES, limits.project_traces_max),
    ];
    let kinds = bounds.into_iter().filter(|(_, max)| *max < u64::MAX);
    let kinds: Vec<ItemKind> = kinds
        .map(|(items, max)| ItemKind {
            name: items.name,
            ranges: items.ranges,
            count: items.count,
            max,
        })
        .collect();
    if kinds.is_empty() {
        return records;
    }
    Arc::new(ItemQuota::new(records, kinds))
}
