//! Removal of abandoned uploads, old audit records, old traces and files without a name. A project is swept after a request, at most
//! once an hour, and for as long as some of its uploads may still be completed, or files without a name are kept. Compaction does
//! not delay it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::host::HostState;
use crate::storage::ProjectId;

/// Least time between two sweeps of a project.
const PAUSE: Duration = Duration::from_secs(3_600);

/// The sweeps of all projects.
#[derive(Default)]
pub(crate) struct UploadGc {
    plans: Mutex<BTreeMap<ProjectId, Plan>>,
    /// One project is swept at a time.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Plan {
    /// The start of the last sweep.
    last: Option<Instant>,
    /// True if a task waits for the next sweep.
    is_planned: bool,
}

impl UploadGc {
    /// Plans a sweep of a project, unless one is planned.
    pub(crate) fn plan(&self, host: &Arc<HostState>, project: ProjectId) {
        let wait = {
            let mut plans = self.plans();
            let plan = plans.entry(project).or_default();
            if plan.is_planned {
                return;
            }
            plan.is_planned = true;
            plan.last
                .map_or(Duration::ZERO, |last| PAUSE.saturating_sub(last.elapsed()))
        };
        tokio::spawn(sweep_after(wait, Arc::downgrade(host), project));
    }

    /// Begins a sweep. Later requests of the project need a new plan.
    fn begin(&self, project: ProjectId) {
        let mut plans = self.plans();
        let plan = plans.entry(project).or_default();
        *plan = Plan {
            last: Some(Instant::now()),
            is_planned: false,
        };
    }

    fn plans(&self) -> MutexGuard<'_, BTreeMap<ProjectId, Plan>> {
        // No code that may panic runs under the lock.
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sweep_after(wait: Duration, host: Weak<HostState>, project: ProjectId) {
    sleep(wait).await;
    let Some(host) = host.upgrade() else { return };
    let _turn = host.upload_gc.turn.lock().await;
    host.upload_gc.begin(project);
    let is_empty = host.sweep_uploads(project).await;
    host.sweep_audit(project).await;
    host.sweep_traces(project).await;
    let is_collected = host.collect_files(project).await;
    if !(is_empty && is_collected) {
        host.upload_gc.plan(&host, project);
    }
}

impl HostState {
    /// Removes abandoned uploads. Returns `true` when no upload may still be completed.
    pub(crate) async fn sweep_uploads(self: &Arc<Self>, project: ProjectId) -> bool {
        let (mut alive, mut failed, mut after) = (0, 0, None);
        loop {
            let began = Instant::now();
            let pass = self.run_maintenance_pass(project, "sweep-uploads", move |instance, deadline| {
                Box::pin(instance.sweep_uploads(after, deadline))
            });
            let Some(pass) = pass.await else {
                tracing::warn!(target: "mlforge::maintenance", project = project.0, "abandoned uploads are not removed");
                return false;
            };
            alive += pass.alive;
            failed += pass.failed;
            after = pass.next;
            if after.is_none() {
                break;
            }
            // Requests of clients go first.
            sleep(began.elapsed() / 2).await;
        }
        if failed > 0 {
            tracing::warn!(target: "mlforge::maintenance", project = project.0, failed, "some abandoned uploads cannot be removed");
        }
        alive == 0 && failed == 0
    }
}
