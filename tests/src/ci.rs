//! The CI of the forge under test: jobs that a test sets, what the forge was asked for, and the commit statuses that it got.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mlforge::forge::{Actor, CommitState, CommitStatus, Credential, ForgeError, Job, JobRef};
use mlforge::storage::ProjectId;
use tokio::sync::Notify;

/// Jobs by project and by the name that a client gives them, and the caller's own.
#[derive(Default)]
pub struct Ci {
    state: Mutex<State>,
    is_down: AtomicBool,
    /// Seconds for which the forge asks to be left alone while it is down. 0: it does not ask.
    rest_s: AtomicU64,
    is_hanging: AtomicBool,
    knows_no_commit: AtomicBool,
}

/// A commit status that the forge got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GotStatus {
    /// The project.
    pub project: u64,
    /// The commit's hash.
    pub commit: String,
    /// The state.
    pub state: CommitState,
    /// The name.
    pub context: String,
    /// The sentence.
    pub description: String,
    /// The link, in a project whose path is `group/` and its number.
    pub url: String,
}

/// A point at which the forge waits with a commit status.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    reached: Arc<Notify>,
    opened: Arc<Notify>,
}

impl Gate {
    /// Waits until the forge has got the status.
    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets the forge answer.
    pub(crate) fn open(&self) {
        self.opened.notify_one();
    }
}

#[derive(Default)]
struct State {
    jobs: HashMap<(u64, JobRef), Job>,
    asked: Vec<(JobRef, Option<String>)>,
    own_job: Option<Job>,
    actor: Option<Actor>,
    statuses: Vec<GotStatus>,
    status_calls: usize,
    gate: Option<Gate>,
}

impl Ci {
    /// Sets a job of a project, by its id.
    pub fn set_job(&self, project: u64, job: Job) {
        self.set_job_as(project, JobRef::Id(job.id.clone()), job);
    }

    /// Sets a job of a project, by any name.
    pub fn set_job_as(&self, project: u64, name: JobRef, job: Job) {
        self.with(|state| state.jobs.insert((project, name), job));
    }

    /// Sets the job that makes all requests from now on.
    pub fn set_own_job(&self, job: Option<Job>) {
        self.with(|state| state.own_job = job);
    }

    /// Sets the user who makes all requests from now on.
    pub fn set_actor(&self, actor: Actor) {
        self.with(|state| state.actor = Some(actor));
    }

    /// Makes the forge know no commit from now on.
    pub fn forget_commits(&self) {
        self.knows_no_commit.store(true, Ordering::SeqCst);
    }

    /// Makes the forge wait with the next commit status.
    pub(crate) fn hold_next_status(&self) -> Gate {
        let gate = Gate::default();
        self.with(|state| state.gate = Some(gate.clone()));
        gate
    }

    /// The commit statuses that the forge took since the last call.
    pub fn take_statuses(&self) -> Vec<GotStatus> {
        self.with(|state| std::mem::take(&mut state.statuses))
    }

    /// Number of commit statuses that the forge was sent since the last call, also of those that it did not take.
    pub fn take_status_calls(&self) -> usize {
        self.with(|state| std::mem::take(&mut state.status_calls))
    }

    /// Makes each look-up and each commit status fail from now on, and ask to be left alone for some seconds.
    pub fn set_down_for(&self, rest_s: u64) {
        self.rest_s.store(rest_s, Ordering::SeqCst);
        self.set_down(true);
    }

    /// Makes each look-up and each commit status fail from now on, or no longer.
    pub fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    /// Makes each look-up and each commit status hang from now on.
    pub fn hang(&self) {
        self.is_hanging.store(true, Ordering::SeqCst);
    }

    /// The jobs that the forge was asked for since the last call, each with the token of the question.
    pub fn take_asked(&self) -> Vec<(JobRef, Option<String>)> {
        self.with(|state| std::mem::take(&mut state.asked))
    }

    pub(crate) fn own_job(&self) -> Option<Job> {
        self.with(|state| state.own_job.clone())
    }

    pub(crate) fn actor(&self) -> Option<Actor> {
        self.with(|state| state.actor.clone())
    }

    pub(crate) async fn job(
        &self,
        project: ProjectId,
        name: &JobRef,
        credential: Option<&Credential>,
    ) -> Result<Option<Job>, ForgeError> {
        let token = credential.and_then(Credential::token).map(str::to_owned);
        self.with(|state| state.asked.push((name.clone(), token)));
        self.answers().await?;
        Ok(self.with(|state| state.jobs.get(&(project.0, name.clone())).cloned()))
    }

    pub(crate) async fn set_status(&self, project: ProjectId, status: &CommitStatus) -> Result<bool, ForgeError> {
        let gate = self.with(|state| {
            state.status_calls += 1;
            state.gate.take()
        });
        if let Some(gate) = gate {
            gate.reached.notify_one();
            gate.opened.notified().await;
        }
        self.answers().await?;
        if self.knows_no_commit.load(Ordering::SeqCst) {
            return Ok(false);
        }
        let got = GotStatus {
            project: project.0,
            commit: status.commit.clone(),
            state: status.state,
            context: status.context.clone(),
            description: status.description.clone(),
            url: status.url(&format!("group/{}", project.0)),
        };
        self.with(|state| state.statuses.push(got));
        Ok(true)
    }

    /// Fails while the forge is down, and does not end while it hangs.
    async fn answers(&self) -> Result<(), ForgeError> {
        if self.is_hanging.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let rest_s = self.rest_s.load(Ordering::SeqCst);
        match self.is_down.load(Ordering::SeqCst) {
            true => Err(ForgeError {
                retry_after: (rest_s > 0).then(|| Duration::from_secs(rest_s)),
                ..ForgeError::new("unplugged")
            }),
            false => Ok(()),
        }
    }

    fn with<T>(&self, run: impl FnOnce(&mut State) -> T) -> T {
        run(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
