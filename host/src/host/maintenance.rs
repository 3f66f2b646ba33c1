//! Background maintenance: the host calls the component to compact what was logged, a little at a time.
//!
//! A project is scheduled after a change, and after its first request since the start. Projects take turns of a few passes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri};
use serde::Deserialize;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::headers::RIGHTS;
use super::log_limit::LogLimit;
use super::maintenance_schedule::{MaintenanceSchedule, Next, Progress, TurnEnd};
use crate::auth::Caller;
use crate::forge::{Actor, Project};
use crate::host::{Host, Inner};
use crate::storage::ProjectId;

/// Passes of one project before the next one has its turn.
const PASSES_PER_TURN: usize = 16;
/// How often the log tells of what fails, at most.
const LOG_PAUSE: Duration = Duration::from_secs(60);
/// Bytes of an answer that the log shows.
const SHOWN_BYTES_MAX: usize = 500;
/// Path by which the component knows this work.
const PATH: &str = "/host/upkeep";

/// Which projects are due, the task that sees to them, and what became of it.
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
    /// Projects that were asked for since the host began.
    seen: BTreeSet<ProjectId>,
    schedule: MaintenanceSchedule,
    task: Option<JoinHandle<()>>,
}

/// Counts of maintenance since the host's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaintenanceCounts {
    /// Passes of packing that were answered.
    pub passes: u64,
    /// Requests of the host's own that failed: passes of packing, and what removes uploads or deletes for good.
    pub failures: u64,
    /// How often a run was set aside, since it cannot be packed: searches read it from its own records until it is changed again.
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
    /// Takes note of a request to a project.
    pub(crate) fn note(&self, host: &Arc<Inner>, project: ProjectId, changed: bool) {
        let mut state = self.lock();
        let is_new = state.seen.insert(project);
        if !(changed || is_new) {
            return;
        }
        state.schedule.note(project, Instant::now());
        if state.task.as_ref().is_none_or(JoinHandle::is_finished) {
            state.task = Some(tokio::spawn(see_to(Arc::downgrade(host))));
        }
    }

    /// Takes the project that is next; where there is none, the task ends.
    fn next(&self) -> Next {
        let mut state = self.lock();
        let next = state.schedule.next(Instant::now());
        if next == Next::Never {
            state.task = None;
        }
        next
    }

    fn end_turn(&self, project: ProjectId, end: TurnEnd) {
        self.lock().schedule.end_turn(project, end, Instant::now());
    }

    /// Counts and logs that a request of the host's own failed.
    fn note_failure(&self, project: ProjectId, path: &str, reason: &str) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        if let Some(left_out) = self.log_failures.allows(Instant::now()) {
            tracing::warn!(target: "mlforge::upkeep", project = project.0, path, reason, left_out, "upkeep failed");
        }
    }

    /// Counts and logs what the component tells of a pass.
    fn note_pass(&self, project: ProjectId, pass: &Pass) {
        self.passes.fetch_add(1, Ordering::Relaxed);
        for SetAside {
            experiment,
            run,
            reason,
        } in &pass.set_aside
        {
            self.set_aside.fetch_add(1, Ordering::Relaxed);
            if let Some(left_out) = self.log_set_aside.allows(Instant::now()) {
                tracing::warn!(target: "mlforge::upkeep", project = project.0, experiment, run, reason, left_out,
                    "a run is set aside: it is not packed until it is changed");
            }
        }
        if pass.unreadable > 0 {
            let reason = format!("{} marks of runs cannot be read", pass.unreadable);
            self.note_failure(project, PATH, &reason);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that may panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn see_to(host: Weak<Inner>) {
    loop {
        // Nothing keeps the host alive while this waits.
        let pause = {
            let Some(host) = host.upgrade() else { return };
            match host.maintenance.next() {
                Next::Now(project, progress) => {
                    host.upload_gc.plan(&host, project);
                    let end = host.take_turn(project, progress).await;
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
    /// Lets the component compact a project now, whatever was changed a moment ago. It changes no answer, only
    /// how fast answers come.
    pub async fn run_maintenance(&self, project: ProjectId) {
        let mut after = None;
        while let Some(pass) = self.inner().pass(project, after.as_deref(), Some(Duration::ZERO)).await {
            after = pass.next;
            if pass.moved == 0 && after.is_none() {
                break;
            }
        }
        self.inner().sweep(project).await;
    }

    /// Counts of maintenance since the host's start.
    pub fn maintenance_counts(&self) -> MaintenanceCounts {
        let maintenance = &self.inner().maintenance;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        MaintenanceCounts {
            passes: read(&maintenance.passes),
            failures: read(&maintenance.failures),
            set_aside: read(&maintenance.set_aside),
        }
    }
}

/// The component's answer to one pass.
#[derive(Deserialize)]
struct Pass {
    moved: usize,
    waiting: usize,
    #[serde(default)]
    set_aside: Vec<SetAside>,
    #[serde(default)]
    unreadable: usize,
    #[serde(default)]
    next: Option<String>,
}

/// A run that the component set aside.
#[derive(Deserialize)]
struct SetAside {
    experiment: String,
    run: String,
    reason: String,
}

impl Inner {
    /// Lets the component do some of what is due in a project.
    async fn take_turn(self: &Arc<Self>, project: ProjectId, mut progress: Progress) -> TurnEnd {
        for _ in 0..PASSES_PER_TURN {
            let began = Instant::now();
            let Some(pass) = self.pass(project, progress.after.as_deref(), None).await else {
                return TurnEnd::Failed(progress);
            };
            progress.failures = 0;
            progress.is_left |= pass.waiting > pass.moved;
            progress.after = pass.next;
            if pass.moved == 0 && progress.after.is_none() {
                return match progress.is_left {
                    true => TurnEnd::Waiting,
                    false => TurnEnd::Done,
                };
            }
            // Whoever waits for an answer goes first.
            sleep(began.elapsed() / 2).await;
        }
        TurnEnd::More(progress)
    }

    /// Runs a request of the host's own, behind those of all others; none when it cannot be answered now.
    pub(crate) async fn run_for_host(
        self: &Arc<Self>,
        mut request: Request<Bytes>,
        project: ProjectId,
    ) -> Option<Bytes> {
        let nobody = Actor {
            id: 0,
            login: String::new(),
        };
        let caller = Caller {
            actor: nobody,
            project: Project {
                id: project,
                path: String::new(),
            },
            may_write: true,
            id: None,
        };
        request.headers_mut().insert(RIGHTS, HeaderValue::from_static("host"));
        let path = request.uri().path().to_owned();
        let permit = self.admission.run_permit(caller.claim()).await.ok()?;
        let host = Arc::clone(self);
        // Without waiting for a slot: what upkeep did makes the searches several times as fast that wait for one.
        let work = async move { host.run(request, &caller, None, host.limits.request_timeout).await };
        let answer = self.lane.run(work).await;
        drop(permit);
        let reason = match answer {
            Some(Ok(response)) if response.status().is_success() => return Some(response.into_body().into_bytes()),
            Some(Ok(response)) => shown(&response.into_body().into_bytes()),
            Some(Err(refusal)) => format!("{refusal:?}"),
            None => "it was broken off".to_owned(),
        };
        self.maintenance.note_failure(project, &path, &reason);
        None
    }

    async fn pass(self: &Arc<Self>, project: ProjectId, after: Option<&str>, rest: Option<Duration>) -> Option<Pass> {
        let rest_ms = rest.map(|rest| i64::try_from(rest.as_millis()).unwrap_or(i64::MAX));
        let body = json!({ "after": after.unwrap_or_default(), "rest_ms": rest_ms }).to_string();
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static(PATH);
        let answer = self.run_for_host(request, project).await?;
        match serde_json::from_slice(&answer) {
            Ok(pass) => {
                self.maintenance.note_pass(project, &pass);
                Some(pass)
            }
            Err(_) => {
                self.maintenance
                    .note_failure(project, PATH, "the component does no upkeep");
                None
            }
        }
    }
}

/// The beginning of an answer, for the log.
fn shown(answer: &[u8]) -> String {
    let beginning = answer.get(..SHOWN_BYTES_MAX).unwrap_or(answer);
    String::from_utf8_lossy(beginning).into_owned()
}
