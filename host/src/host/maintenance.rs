//! Background maintenance: the host calls the component to compact what was logged, a little at a time.
//!
//! A project is scheduled after a change, and after its first request since the start. Projects take turns of a few passes.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::log_limit::LogLimit;
use super::maintenance_schedule::{MaintenanceSchedule, Next, Progress, TurnEnd};
use crate::host::{Host, HostState};
use crate::limits::budget::Claim;
use crate::runtime::bindings::{CompactionPass, SetAsideRun};
use crate::runtime::instance::error::InstanceError;
use crate::runtime::instance::{Instance, InstanceKind};
use crate::storage::ProjectId;

/// Number of passes in a turn of one project.
const PASSES_PER_TURN: usize = 16;
/// Least time between two log lines about failures.
const LOG_PAUSE: Duration = Duration::from_secs(60);

/// The projects that are due, the task that works on them, and counts of its passes.
pub(crate) struct Maintenance {
    state: Mutex<State>,
    passes: AtomicU64,
    failures: AtomicU64,
    set_aside: AtomicU64,
    log_failures: LogLimit,
    log_set_aside: LogLimit,
}

#[derive(Default)]
struct State {
    /// Projects that had a request since the host's start.
    seen: BTreeSet<ProjectId>,
    schedule: MaintenanceSchedule,
    task: Option<JoinHandle<()>>,
}

/// Counts of maintenance since the host's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaintenanceCounts {
    /// Number of passes of compaction that succeeded.
    pub passes: u64,
    /// Number of passes that failed: of compaction, of the removal of uploads, of look-ups of CI jobs, of commit
    /// statuses, and of purges.
    pub failures: u64,
    /// Number of runs that were set aside because they cannot be compacted. Searches read such a run from its own records
    /// until it is changed again.
    pub set_aside: u64,
}

impl Default for Maintenance {
    fn default() -> Self {
        Maintenance {
            state: Mutex::default(),
            passes: AtomicU64::default(),
            failures: AtomicU64::default(),
            set_aside: AtomicU64::default(),
            log_failures: LogLimit::new(LOG_PAUSE),
            log_set_aside: LogLimit::new(LOG_PAUSE),
        }
    }
}

impl Maintenance {
    /// Schedules a project after a request: if it changed something, or was the first since the start.
    pub(crate) fn schedule(&self, host: &Arc<HostState>, project: ProjectId, changed: bool) {
        let mut state = self.lock();
        let is_new = state.seen.insert(project);
        if !(changed || is_new) {
            return;
        }
        state.schedule.note(project, Instant::now());
        if state.task.as_ref().is_none_or(JoinHandle::is_finished) {
            state.task = Some(tokio::spawn(run_scheduler(Arc::downgrade(host))));
        }
    }

    /// Takes the next project. If there is none, the task ends.
    fn next(&self) -> Next {
        let mut state = self.lock();
        let next = state.schedule.next(Instant::now());
        if next == Next::Never {
            state.task = None;
        }
        next
    }

    pub(crate) fn counts(&self) -> MaintenanceCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        MaintenanceCounts {
            passes: read(&self.passes),
            failures: read(&self.failures),
            set_aside: read(&self.set_aside),
        }
    }

    /// Number of scheduled projects, and the time for which the first of them is overdue.
    pub(crate) fn backlog(&self) -> (usize, Duration) {
        let state = self.lock();
        (state.schedule.len(), state.schedule.lag(Instant::now()))
    }

    fn end_turn(&self, project: ProjectId, end: TurnEnd) {
        self.lock().schedule.end_turn(project, end, Instant::now());
    }

    /// Counts and logs a pass that failed.
    fn note_failure(&self, project: ProjectId, pass: &str, reason: &str) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        if let Some(left_out) = self.log_failures.allows(Instant::now()) {
            tracing::warn!(target: "mlforge::maintenance", project = project.0, pass, reason, left_out, "maintenance failed");
        }
    }

    /// Counts a pass of compaction, and logs what it set aside or could not read.
    fn note_pass(&self, project: ProjectId, pass: &CompactionPass) {
        self.passes.fetch_add(1, Ordering::Relaxed);
        for SetAsideRun {
            experiment,
            run,
            reason,
        } in &pass.set_aside
        {
            self.set_aside.fetch_add(1, Ordering::Relaxed);
            if let Some(left_out) = self.log_set_aside.allows(Instant::now()) {
                tracing::warn!(target: "mlforge::maintenance", project = project.0, experiment, run, reason, left_out,
                    "a run is not compacted until it is changed");
            }
        }
        if pass.unreadable_markers > 0 {
            let reason = format!("{} dirty markers of runs cannot be read", pass.unreadable_markers);
            self.note_failure(project, "compact", &reason);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that may panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run_scheduler(host: Weak<HostState>) {
    loop {
        // Nothing keeps the host alive while this waits.
        let pause = {
            let Some(host) = host.upgrade() else { return };
            match host.maintenance.next() {
                Next::Now(project, progress) => {
                    host.upload_gc.plan(&host, project);
                    host.plan_forge_calls(project);
                    let end = host.take_turn_alone(project, progress).await;
                    host.maintenance.end_turn(project, end);
                    continue;
                }
                Next::In(pause) => pause,
                Next::Never => return,
            }
        };
        sleep(pause).await;
    }
}

impl Host {
    /// Asks the forge for the CI jobs of a project that are due, and sets the commit statuses that are. Compacts the project,
    /// including runs that were changed a moment ago, and removes its abandoned uploads, old audit records and old traces. But for these
    /// jobs, answers stay the same and become faster.
    pub async fn run_maintenance(&self, project: ProjectId) {
        self.state().call_forge_for_all(project).await;
        let mut after = None;
        while let Some(pass) = self.state().compact(project, after, Some(Duration::ZERO)).await {
            after = pass.next;
            if pass.compacted == 0 && after.is_none() {
                break;
            }
        }
        self.state().sweep_uploads(project).await;
        self.state().sweep_audit(project).await;
        self.state().sweep_traces(project).await;
        self.state().collect_files(project).await;
    }

    /// Counts of maintenance since the host's start.
    pub fn maintenance_counts(&self) -> MaintenanceCounts {
        self.state().maintenance.counts()
    }
}

/// One pass of maintenance on an instance, until a deadline.
type PassFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, InstanceError>> + Send + 'a>>;

impl HostState {
    /// Compacts a project for one turn, unless another host of the database does. It compacts what this host's requests have
    /// changed, too, if it comes to that; else this host tries again later. Two at once would be safe, but waste work.
    async fn take_turn_alone(self: &Arc<Self>, project: ProjectId, progress: Progress) -> TurnEnd {
        let Some(shared) = &self.services.shared else {
            return self.take_turn(project, progress).await;
        };
        match shared.lease(format!("maintenance/{}", project.0)).await {
            Some(_lease) => self.take_turn(project, progress).await,
            None => TurnEnd::Waiting,
        }
    }

    /// Compacts a project for one turn.
    async fn take_turn(self: &Arc<Self>, project: ProjectId, mut progress: Progress) -> TurnEnd {
        for _ in 0..PASSES_PER_TURN {
            let began = Instant::now();
            let Some(pass) = self.compact(project, progress.after.clone(), None).await else {
                return TurnEnd::Failed(progress);
            };
            progress.failures = 0;
            progress.is_left |= pass.pending > pass.compacted;
            progress.after = pass.next;
            if pass.compacted == 0 && progress.after.is_none() {
                return if progress.is_left {
                    TurnEnd::Waiting
                } else {
                    TurnEnd::Done
                };
            }
            // Requests of clients go first.
            sleep(began.elapsed() / 2).await;
        }
        TurnEnd::More(progress)
    }

    /// Makes one pass of compaction. `None`: it failed; the log says why.
    async fn compact(
        self: &Arc<Self>,
        project: ProjectId,
        after: Option<Vec<u8>>,
        quiet: Option<Duration>,
    ) -> Option<CompactionPass> {
        let quiet_ms = quiet.map(|quiet| u64::try_from(quiet.as_millis()).unwrap_or(u64::MAX));
        let pass = self.run_maintenance_pass(project, "compact", move |instance, deadline| {
            Box::pin(instance.compact(after, quiet_ms, deadline))
        });
        let pass = pass.await?;
        self.maintenance.note_pass(project, &pass);
        Some(pass)
    }

    /// Runs one pass on the threads of lower priority. `None`: it failed; the log says why.
    pub(crate) async fn run_maintenance_pass<T: Send + 'static>(
        self: &Arc<Self>,
        project: ProjectId,
        name: &'static str,
        pass: impl for<'a> FnOnce(&'a mut Instance, Instant) -> PassFuture<'a, T> + Send + 'static,
    ) -> Option<T> {
        let claim = Claim { project, caller: None };
        let permit = self.admission.run_permit(claim).await.ok()?;
        let host = Arc::clone(self);
        let work = async move {
            let deadline = Instant::now() + host.limits.request_timeout;
            // A general instance: query instances keep their caches for queries.
            let mut instance = host.instance(project, InstanceKind::General, deadline).await?;
            let result = pass(&mut instance, deadline).await;
            host.put_back(instance);
            result
        };
        // It waits for no slot: compaction makes the searches that hold the slots several times as fast.
        let result = self.threads.run_maintenance(work).await;
        drop(permit);
        let reason = match result {
            Some(Ok(pass)) => return Some(pass),
            // A pass that fails by itself is no fault of the instance.
            Some(Err(InstanceError::Maintenance(reason))) => reason,
            Some(Err(fault)) => format!("{:?}", self.note_fault(fault, project, name)),
            None => "it was interrupted".to_owned(),
        };
        self.maintenance.note_failure(project, name, &reason);
        None
    }
}
