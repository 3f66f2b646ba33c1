//! The forge: CI jobs of this project.

use crate::bindings::mlforge::plugin::forge as host;
use crate::domain::job::{Job, JobRef};
use crate::error::{Error, Result};

/// Returns a CI job of this project. `None`: the forge tells of no such job. Fails with `Unavailable` if the forge
/// does not answer.
pub async fn job(name: &JobRef) -> Result<Option<Job>> {
    let reference = match name {
        JobRef::Id(id) => host::JobRef::Id(id.clone()),
        JobRef::OfRun { run, job } => host::JobRef::OfRun(host::RunJob {
            run: run.clone(),
            job: job.clone(),
        }),
    };
    match host::get_job(reference).await {
        Ok(job) => Ok(job.map(Job::from)),
        Err(host::Error::Unavailable(text) | host::Error::Other(text)) => Err(Error::Unavailable(text)),
    }
}

/// Returns the CI job that makes the request. `None`: the caller is no job, or the forge does not tell.
pub fn caller_job() -> Option<Job> {
    host::caller_job().map(Job::from)
}

impl From<host::Job> for Job {
    fn from(job: host::Job) -> Self {
        Job {
            is_finished: job.is_finished,
            // The order of `SHOWING_TAGS`.
            texts: [
                Some(job.id),
                Some(job.name),
                Some(job.status),
                job.ref_,
                job.commit,
                job.pipeline,
                job.user,
                job.merge_request,
                job.url,
                job.commit_url,
                job.pipeline_url,
                job.merge_request_url,
            ],
        }
    }
}
