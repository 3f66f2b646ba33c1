//! The forge: CI jobs of this project, and the statuses of its commits.

use crate::bindings::mlforge::plugin::forge as host;
use crate::domain::commit_status::{EndedRun, RunEnd};
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
    let job = host::get_job(reference).await.map_err(failed)?;
    Ok(job.map(Job::from))
}

/// Returns the CI job that makes the request. `None`: the caller is no job, or the forge does not tell.
pub fn caller_job() -> Option<Job> {
    host::caller_job().map(Job::from)
}

/// Announces that this request may leave a pending commit status, so that the host makes a pass over them soon. False: the
/// host sets no commit statuses, so nothing is to be stored.
pub fn announce_ended_run() -> bool {
    host::announce_ended_run()
}

/// Sets the status of a commit to the end of a run that names it. False: the forge knows no such commit, or takes no
/// status for it. Fails with `Unavailable` if the forge does not answer, and outside maintenance with `Denied`.
pub async fn set_commit_status(ended: &EndedRun) -> Result<bool> {
    let ended = host::EndedRun {
        id: ended.id.to_string(),
        name: ended.name.clone(),
        experiment: ended.experiment.clone(),
        end: match ended.end {
            RunEnd::Finished => host::RunEnd::Finished,
            RunEnd::Failed => host::RunEnd::Failed,
            RunEnd::Killed => host::RunEnd::Killed,
        },
        commit: ended.commit.as_str().to_owned(),
    };
    host::set_commit_status(ended).await.map_err(failed)
}

fn failed(error: host::Error) -> Error {
    match error {
        host::Error::Unavailable(text) | host::Error::Other(text) => Error::Unavailable(text),
        host::Error::Denied => Error::Denied,
    }
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
