//! The storage with the bounds of projects around it.

use std::sync::Arc;

use mlforge_plugin::store::inspection::counted;

use crate::limits::Limits;
use crate::storage::item_quota::{ItemKind, ItemQuota};
use crate::storage::quota::Quota;
use crate::storage::{Blobs, Records};

/// The quota of files. `None`: nothing bounds them.
pub(super) fn file_quota(limits: &Limits, blobs: &Arc<dyn Blobs>) -> Option<Quota> {
    let maxima = limits.project_maxima.map(|maxima| maxima.of_files());
    let is_bounded = maxima.values().any(|max| max.bytes.min(max.files) < u64::MAX);
    is_bounded.then(|| Quota::new(Arc::clone(blobs), maxima))
}

/// The records, whose items are counted if something bounds them. `is_shared`: other hosts change them too.
pub(super) fn bounded_records(limits: &Limits, records: Arc<dyn Records>, is_shared: bool) -> Arc<dyn Records> {
    let maxima = &limits.project_maxima;
    let bounds = [
        (counted::RUNS, maxima.map(|maxima| maxima.runs)),
        (counted::POINTS, maxima.map(|maxima| maxima.points)),
        (counted::TRACES, maxima.map(|maxima| maxima.traces)),
    ];
    let kinds = bounds
        .into_iter()
        .filter(|(_, max)| max.values().any(|max| max < u64::MAX));
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
    Arc::new(ItemQuota::new(records, kinds, is_shared))
}
