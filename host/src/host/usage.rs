//! The storage that projects use: the bytes of their records and files. They are counted in the background, since that takes as long
//! as a project is large, and the last count is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::time::sleep;

use crate::host::HostState;
use crate::storage::usage::files_of;
use crate::storage::{ProjectId, StorageError};

/// Milliseconds after which a project is counted anew when somebody looks.
const FRESH_MS: u64 = 10 * 60 * 1_000;
/// Number of records that one read measures.
const RECORDS_AT_ONCE: u32 = 5_000;
/// Maximum number of such reads for a project. What is beyond is not counted.
const READS_MAX: u32 = 1_000_000;
/// Maximum number of projects whose counts are kept.
const COUNTS_MAX: usize = 10_000;

/// The storage that a project used at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Bytes of keys and values of the component's records.
    pub(crate) records: u64,
    /// Bytes of files.
    pub(crate) files: u64,
    /// The time of the count, in milliseconds since the Unix epoch.
    pub(crate) counted_ms: u64,
}

/// The last counts, and what is to be counted.
#[derive(Default)]
pub(crate) struct UsageCounts(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    counted: BTreeMap<ProjectId, Usage>,
    wanted: BTreeSet<ProjectId>,
    is_running: bool,
}

impl UsageCounts {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        // No code that may panic runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next project to count. `None`: there is none, and the counting ends.
    fn next(&self) -> Option<ProjectId> {
        let mut counts = self.counts();
        let next = counts.wanted.pop_first();
        counts.is_running = next.is_some();
        next
    }

    fn keep(&self, project: ProjectId, usage: Usage) {
        let mut counts = self.counts();
        if counts.counted.len() >= COUNTS_MAX {
            counts.counted.clear();
        }
        counts.counted.insert(project, usage);
    }
}

impl HostState {
    /// The storage that a project used when it was counted last. If that is long ago it is counted again in the background, one
    /// project after the other. `None`: it is not counted yet.
    pub(crate) fn usage(self: &Arc<Self>, project: ProjectId) -> Option<Usage> {
        let mut counts = self.usage_counts.counts();
        let last = counts.counted.get(&project).copied();
        let now_ms = self.services.now_ms();
        if last.is_some_and(|last| now_ms.saturating_sub(last.counted_ms) < FRESH_MS) {
            return last;
        }
        if counts.wanted.len() < COUNTS_MAX {
            counts.wanted.insert(project);
        }
        if !counts.is_running {
            counts.is_running = true;
            let host = Arc::clone(self);
            tokio::spawn(async move {
                while let Some(project) = host.usage_counts.next() {
                    match host.count_usage(project).await {
                        Ok(usage) => host.usage_counts.keep(project, usage),
                        Err(error) => {
                            let project = project.0;
                            tracing::warn!(target: "mlforge::storage", %error, project, "cannot count a project's storage");
                        }
                    }
                }
            });
        }
        last
    }

    async fn count_usage(&self, project: ProjectId) -> Result<Usage, StorageError> {
        let files = match &self.services.quota {
            Some(quota) => quota.used(project).await?,
            None => files_of(&*self.services.blobs, project, u64::MAX).await?.bytes,
        };
        let (mut records, mut after) = (0_u64, Vec::new());
        for _ in 0..READS_MAX {
            let began = Instant::now();
            let measured = self.services.records.measure(project, &after, RECORDS_AT_ONCE).await?;
            records = records.saturating_add(measured.bytes);
            let Some(last) = measured.last else { break };
            after = last;
            // Requests go first.
            sleep(began.elapsed()).await;
        }
        Ok(Usage {
            records,
            files,
            counted_ms: self.services.now_ms(),
        })
    }
}
