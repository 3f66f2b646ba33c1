//! Background work for which the forge is asked: look-ups of CI jobs that it did not tell or that were not finished, and
//! statuses of commits.
//!
//! A project is seen to after its maintenance, at most once a minute, and again when the component says that the next call
//! is due. For a run that ends it is seen to within seconds. While the forge asks to be left alone, by `Retry-After`, all
//! projects wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::host::HostState;
use crate::runtime::bindings::ForgePass;
use crate::storage::ProjectId;

/// Least time between two turns of a project that nothing hurries, and before the first one.
const PAUSE: Duration = Duration::from_secs(60);
/// Time from the end of a run to the turn that sets the status of its commit. Runs that end together share a turn.
const SOON: Duration = Duration::from_secs(2);
/// Maximum number of passes in a turn.
const PASSES_PER_TURN: usize = 100;

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForgeWork {
    JobLookups,
    CommitStatuses,
}

/// The turns of all projects for one kind of work.
pub(crate) struct ForgeTurns {
    work: ForgeWork,
    plans: Mutex<BTreeMap<ProjectId, Instant>>,
    /// One project has its turn at a time.
    turn: tokio::sync::Mutex<()>,
}

impl ForgeTurns {
    pub(crate) fn new(work: ForgeWork) -> Self {
        Self {
            work,
            plans: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Plans the next turn of a project, unless one is planned that comes earlier.
    pub(crate) fn plan(&self, host: &Arc<HostState>, project: ProjectId, wait: Duration) {
        self.plan_at(host, project, Instant::now() + wait.max(PAUSE));
    }

    /// Plans a turn of a project within seconds.
    pub(crate) fn plan_soon(&self, host: &Arc<HostState>, project: ProjectId) {
        self.plan_at(host, project, Instant::now() + SOON);
    }

    fn plan_at(&self, host: &Arc<HostState>, project: ProjectId, at: Instant) {
        let mut plans = self.plans();
        if plans.get(&project).is_none_or(|planned| at < *planned) {
            plans.insert(project, at);
            tokio::spawn(take_turn(at, Arc::downgrade(host), project, self.work));
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

async fn take_turn(at: Instant, host: Weak<HostState>, project: ProjectId, work: ForgeWork) {
    sleep_until(at).await;
    let Some(host) = host.upgrade() else { return };
    let turns = host.forge_turns(work);
    let _turn = turns.turn.lock().await;
    if !turns.begin(project, at) {
        return;
    }
    if let Some(wait) = host.call_forge(project, work).await {
        turns.plan(&host, project, wait);
    }
}

impl HostState {
    fn forge_turns(&self, work: ForgeWork) -> &ForgeTurns {
        match work {
            ForgeWork::JobLookups => &self.job_lookups,
            ForgeWork::CommitStatuses => &self.commit_statuses,
        }
    }

    /// The kinds of work that this host does.
    fn forge_works(&self) -> impl Iterator<Item = ForgeWork> + use<> {
        let sets_statuses = self.services.commit_statuses.is_some();
        let statuses = sets_statuses.then_some(ForgeWork::CommitStatuses);
        std::iter::once(ForgeWork::JobLookups).chain(statuses)
    }

    /// Plans the turns of a project after its maintenance.
    pub(crate) fn plan_forge_calls(self: &Arc<Self>, project: ProjectId) {
        for work in self.forge_works() {
            self.forge_turns(work).plan(self, project, Duration::ZERO);
        }
    }

    /// Plans the turn that sets commit statuses of a project, if one of its runs has just ended.
    pub(crate) fn plan_commit_statuses(self: &Arc<Self>, project: ProjectId) {
        let statuses = self.services.commit_statuses.as_ref();
        if statuses.is_some_and(|statuses| statuses.take(project)) {
            self.commit_statuses.plan_soon(self, project);
        }
    }

    /// Makes all calls of the forge for a project that are due.
    pub(crate) async fn call_forge_for_all(self: &Arc<Self>, project: ProjectId) {
        for work in self.forge_works() {
            self.call_forge(project, work).await;
        }
    }

    /// Makes the calls of a project that are due, unless the forge asked to be left alone. Returns the time until the next turn.
    /// `None`: there is none.
    async fn call_forge(self: &Arc<Self>, project: ProjectId, work: ForgeWork) -> Option<Duration> {
        if let Some(rest) = self.services.forge_rest.left(self.services.now_ms()) {
            return Some(rest);
        }
        let (mut wait_ms, mut after): (Option<u64>, Option<Vec<u8>>) = (None, None);
        for _ in 0..PASSES_PER_TURN {
            // A failed pass is repeated after a pause.
            let Some(pass) = self.forge_pass(project, work, after).await else {
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

    async fn forge_pass(
        self: &Arc<Self>,
        project: ProjectId,
        work: ForgeWork,
        after: Option<Vec<u8>>,
    ) -> Option<ForgePass> {
        match work {
            ForgeWork::JobLookups => {
                self.run_maintenance_pass(project, "link-jobs", move |instance, deadline| {
                    Box::pin(instance.link_jobs(after, deadline))
                })
                .await
            }
            ForgeWork::CommitStatuses => {
                self.run_maintenance_pass(project, "set-commit-statuses", move |instance, deadline| {
                    Box::pin(instance.set_commit_statuses(after, deadline))
                })
                .await
            }
        }
    }
}
