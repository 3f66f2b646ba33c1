//! Removal of traces that were kept long enough. It happens with the removal of abandoned uploads: after a request of the
//! project, at most once an hour.

use std::sync::Arc;

use tokio::time::{Instant, sleep};

use crate::host::HostState;
use crate::storage::ProjectId;

/// Maximum number of passes of one removal.
const PASSES_MAX: usize = 10_000;

impl HostState {
    /// Removes the traces of a project that began long enough ago. Without a retention all traces stay.
    pub(crate) async fn sweep_traces(self: &Arc<Self>, project: ProjectId) {
        let Some(kept_for) = self.config.traces_kept_for else {
            return;
        };
        let kept_ms = u64::try_from(kept_for.as_millis()).unwrap_or(u64::MAX);
        let before_ms = self.services.now_ms().saturating_sub(kept_ms);
        for _ in 0..PASSES_MAX {
            let began = Instant::now();
            let pass = self.run_maintenance_pass(project, "sweep-traces", move |instance, deadline| {
                Box::pin(instance.sweep_traces(before_ms, deadline))
            });
            // A failure is logged, and the next sweep tries again.
            if !pass.await.is_some_and(|pass| pass.more) {
                return;
            }
            // Requests of clients go first.
            sleep(began.elapsed() / 2).await;
        }
    }
}
