//! The CI of the forge under test: jobs that a test sets, and what the forge was asked for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use mlforge::forge::{Actor, Credential, ForgeError, Job, JobRef};
use mlforge::storage::ProjectId;

/// Jobs by project and by the name that a client gives them, and the caller's own.
#[derive(Default)]
pub struct Ci {
    state: Mutex<State>,
    is_down: AtomicBool,
    is_hanging: AtomicBool,
}

#[derive(Default)]
struct State {
    jobs: HashMap<(u64, JobRef), Job>,
    asked: Vec<(JobRef, Option<String>)>,
    own_job: Option<Job>,
    actor: Option<Actor>,
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

    /// Makes each look-up fail from now on, or no longer.
    pub fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    /// Makes each look-up hang from now on.
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
        if self.is_hanging.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.is_down.load(Ordering::SeqCst) {
            return Err(ForgeError::new("unplugged"));
        }
        Ok(self.with(|state| state.jobs.get(&(project.0, name.clone())).cloned()))
    }

    fn with<T>(&self, run: impl FnOnce(&mut State) -> T) -> T {
        run(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
