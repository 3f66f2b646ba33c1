//! Look-ups of CI jobs that the forge did not tell or that were not finished. A project is seen to after its maintenance, at
//! most once a minute, and again when the component says that the next look-up is due.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::host::HostState;
use crate::storage::ProjectId;

/// Least time between two turns of a project, and before the first one.
const PAUSE: Duration = Duration::from_secs(60);
/// Maximum number of passes in a turn.
const PASSES_PER_TURN: usize = 100;

/// The turns of all projects.
#[derive(Default)]
pub(crate) struct JobLookups {
    plans: Mutex<BTreeMap<ProjectId, Instant>>,
    /// One project has its turn at a time.
    turn: tokio::sync::Mutex<()>,
}

impl JobLookups {
    /// Plans the next turn of a project, unless one is planned that comes earlier.
    pub(crate) fn plan(&self, host: &Arc<HostState>, project: ProjectId, wait: Duration) {
        let at = Instant::now() + wait.max(PAUSE);
        let mut plans = self.plans();
        if plans.get(&project).is_none_or(|planned| at < *planned) {
            plans.insert(project, at);
            tokio::spawn(take_turn(at, Arc::downgrade(host), project));
        }
    }

    /// Takes a plan away. False if there is another by now.
    fn begin(&self, project: ProjectId, at: Instant) -> bool {
        let mut plans = self.plans();
        let is_current = plans.get(&project) == Some(&at);
        if is_current {
            plans.remove(&project);
        }
        is_current
    }

    fn plans(&self) -> MutexGuard<'_, BTreeMap<ProjectId, Instant>> {
        // No code that may panic runs under the lock.
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn take_turn(at: Instant, host: Weak<HostState>, project: ProjectId) {
    sleep_until(at).await;
    let Some(host) = host.upgrade() else { return };
    let _turn = host.job_lookups.turn.lock().await;
    if !host.job_lookups.begin(project, at) {
        return;
    }
    if let Some(wait) = host.link_jobs(project).await {
        host.job_lookups.plan(&host, project, wait);
    }
}

impl HostState {
    /// Makes the look-ups of a project that are due. Returns the time until the next one is. `None`: there is none.
    pub(crate) async fn link_jobs(self: &Arc<Self>, project: ProjectId) -> Option<Duration> {
        let (mut wait_ms, mut after): (Option<u64>, Option<Vec<u8>>) = (None, None);
        for _ in 0..PASSES_PER_TURN {
            let pass = self.run_maintenance_pass(project, "link-jobs", move |instance, deadline| {
                Box::pin(instance.link_jobs(after, deadline))
            });
            // A failed pass is repeated after a pause.
            let Some(pass) = pass.await else {
                return Some(PAUSE);
            };
            wait_ms = wait_ms.into_iter().chain(pass.wait_ms).min();
            after = pass.next;
            if after.is_none() {
                return wait_ms.map(Duration::from_millis);
            }
        }
        Some(PAUSE)
    }
}
