//! Work that nobody waits for: the component packs what was logged, a little at a time, when the host asks for it.
//!
//! A project is due after a change, and after the first request since the host began, whatever a former one left undone.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri};
use serde::Deserialize;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::access::Caller;
use crate::forge::{Actor, Project};
use crate::heads::RIGHTS;
use crate::host::{Host, Inner};
use crate::storage::ProjectId;

/// How long a project that is due waits, and one that has more to do.
const PAUSE: Duration = Duration::from_secs(1);
/// What the component knows the work by.
const PATH: &str = "/host/upkeep";

/// Which projects are due, and the task that sees to them.
#[derive(Default)]
pub(crate) struct Upkeep {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Projects that were asked for since the host began.
    seen: BTreeSet<ProjectId>,
    due: BTreeSet<ProjectId>,
    task: Option<JoinHandle<()>>,
}

impl Upkeep {
    /// Takes note of a request to a project.
    pub(crate) fn note(&self, host: &Arc<Inner>, project: ProjectId, changed: bool) {
        let mut state = self.lock();
        let is_new = state.seen.insert(project);
        if !(changed || is_new) || !state.due.insert(project) {
            return;
        }
        if state.task.as_ref().is_none_or(JoinHandle::is_finished) {
            state.task = Some(tokio::spawn(see_to(Arc::downgrade(host))));
        }
    }

    /// The projects that are due; none ends the task.
    fn take_due(&self) -> Option<BTreeSet<ProjectId>> {
        let mut state = self.lock();
        let due = std::mem::take(&mut state.due);
        if due.is_empty() {
            state.task = None;
            return None;
        }
        Some(due)
    }

    fn put_back(&self, project: ProjectId) {
        self.lock().due.insert(project);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that may panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn see_to(host: Weak<Inner>) {
    loop {
        sleep(PAUSE).await;
        let Some(host) = host.upgrade() else { return };
        let Some(due) = host.upkeep.take_due() else { return };
        for project in due {
            host.upload_gc.plan(&host, project);
            if !host.tidy(project, None).await {
                host.upkeep.put_back(project);
            }
        }
    }
}

impl Host {
    /// Lets the component do its upkeep in a project now, whatever was changed a moment ago. It changes no answer, only
    /// how fast answers come.
    pub async fn keep_up(&self, project: ProjectId) {
        self.inner().tidy(project, Some(Duration::ZERO)).await;
        self.inner().sweep(project).await;
    }
}

/// The component's answer to one pass.
#[derive(Deserialize)]
struct Pass {
    moved: usize,
    waiting: usize,
    #[serde(default)]
    next: Option<String>,
}

impl Inner {
    /// Lets the component do what is due in a project, all of it once; `true` when nothing is left for later. `rest`
    /// overrules for how long a thing must have been unchanged.
    pub(crate) async fn tidy(self: &Arc<Self>, project: ProjectId, rest: Option<Duration>) -> bool {
        let (mut after, mut left) = (None, false);
        loop {
            let began = Instant::now();
            let Some(pass) = self.pass(project, after.as_deref(), rest).await else {
                return false;
            };
            left |= pass.waiting > pass.moved;
            after = pass.next;
            if pass.moved == 0 && after.is_none() {
                return !left;
            }
            if rest.is_none() {
                // Whoever waits for an answer goes first.
                sleep(began.elapsed() / 2).await;
            }
        }
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
        };
        request.headers_mut().insert(RIGHTS, HeaderValue::from_static("host"));
        let seat = self.take_seat().await.ok()?;
        let host = Arc::clone(self);
        // Without waiting for a slot: what upkeep did makes the searches several times as fast that wait for one.
        let work = async move { host.run(request, &caller, None, host.limits.request_time).await };
        let response = self.lane.run(work).await?.ok()?;
        drop(seat);
        response
            .status()
            .is_success()
            .then(|| response.into_body().into_bytes())
    }

    async fn pass(self: &Arc<Self>, project: ProjectId, after: Option<&str>, rest: Option<Duration>) -> Option<Pass> {
        let rest_ms = rest.map(|rest| i64::try_from(rest.as_millis()).unwrap_or(i64::MAX));
        let body = json!({ "after": after.unwrap_or_default(), "rest_ms": rest_ms }).to_string();
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static(PATH);
        let answer = self.run_for_host(request, project).await?;
        let pass = serde_json::from_slice(&answer);
        if pass.is_err() {
            tracing::warn!(target: "mlforge::upkeep", project = project.0, "the component does no upkeep");
        }
        pass.ok()
    }
}
