//! When the component removes what uploads in parts left behind that nobody ended: once after a project was asked for or
//! changed, an hour apart, for as long as some of its uploads may still go on. It waits for nothing else that a project needs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::host::HostState;
use crate::storage::ProjectId;

/// How long a project that was swept is left alone.
const PAUSE: Duration = Duration::from_secs(3_600);

/// When each project is swept.
#[derive(Default)]
pub(crate) struct UploadGc {
    plans: Mutex<BTreeMap<ProjectId, Plan>>,
    /// Of all projects one is swept at a time.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Plan {
    /// When it was swept last.
    last: Option<Instant>,
    /// A task waits for the next time.
    is_planned: bool,
}

impl UploadGc {
    /// Sees to it that a project is swept, unless that is planned already.
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

    /// A project is swept now; what happens to it from now on needs a new plan.
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
    if !is_empty {
        host.upload_gc.plan(&host, project);
    }
}

impl HostState {
    /// Lets the component remove what uploads left behind that were given up; `true` when no upload goes on.
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
            // Whoever waits for an answer goes first.
            sleep(began.elapsed() / 2).await;
        }
        if failed > 0 {
            tracing::warn!(target: "mlforge::maintenance", project = project.0, failed, "some abandoned uploads cannot be removed");
        }
        alive == 0 && failed == 0
    }
}
