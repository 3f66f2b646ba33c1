//! Import `mlforge:plugin/forge`, implemented with the trait `Forge`.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Accessor;

use super::Granted;
use crate::forge::calls::ForgeCall;
use crate::forge::{CommitState, CommitStatus, Credential, EndedRun, ForgeError, Job, JobRef, Target};
use crate::runtime::bindings::forge as wit;
use crate::runtime::store_data::{Imports, StoreData};

/// Maximum time of a look-up of a job. A client may wait for it, and loses nothing if it is made later.
const JOB_TIME: Duration = Duration::from_secs(2);
/// Maximum time of setting a commit status. No client waits for it, and a pass of maintenance sets several.
const STATUS_TIME: Duration = Duration::from_secs(3);

impl wit::Host for &mut StoreData {
    fn caller_job(&mut self) -> Option<wit::Job> {
        let job = self.access()?.job.as_deref()?;
        Some(job.clone().into())
    }

    fn announce_ended_run(&mut self) -> bool {
        let Some((services, project)) = self.writable() else {
            return false;
        };
        let Some(statuses) = &services.commit_statuses else {
            return false;
        };
        statuses.announce(project);
        true
    }
}

impl<T: Send> wit::HostWithStore<T> for Imports {
    async fn get_job(accessor: &Accessor<T, Self>, reference: wit::JobRef) -> Result<Option<wit::Job>, wit::Error> {
        get_job(accessor.with(|mut call| Asker::of(call.get())), reference).await
    }

    async fn set_commit_status(accessor: &Accessor<T, Self>, ended: wit::EndedRun) -> Result<bool, wit::Error> {
        set_commit_status(accessor.with(|mut call| call.get().maintained()), ended).await
    }

    async fn get_link(accessor: &Accessor<T, Self>, target: wit::Target) -> Result<Option<String>, wit::Error> {
        get_link(accessor.with(|mut call| call.get().readable()), target).await
    }
}

/// The one for whom the forge is asked.
pub(super) struct Asker {
    granted: Granted,
    credential: Option<Arc<Credential>>,
    is_maintenance: bool,
}

impl Asker {
    pub(super) fn of(call: &StoreData) -> Self {
        Self {
            granted: call.readable(),
            credential: call.credential(),
            is_maintenance: call.maintained().is_some(),
        }
    }
}

pub(super) async fn get_job(asker: Asker, reference: wit::JobRef) -> Result<Option<wit::Job>, wit::Error> {
    let (services, project) = asker.granted.ok_or_else(outside)?;
    let credential = asker
        .credential
        .filter(|credential| **credential != Credential::Anonymous);
    let forge = services.forge.forge();
    let reference = JobRef::from(reference);
    let asked = forge.job(project, &reference, credential.as_deref());
    let job = services
        .forge
        .calls()
        .bounded(ForgeCall::Job, JOB_TIME, asked, Option::is_none)
        .await;
    if let Err(error) = &job
        && asker.is_maintenance
    {
        services.forge_rest.note(error, services.now_ms());
    }
    Ok(job?.map(wit::Job::from))
}

pub(super) async fn set_commit_status(maintained: Granted, ended: wit::EndedRun) -> Result<bool, wit::Error> {
    let (services, project) = maintained.ok_or(wit::Error::Denied)?;
    let Some(statuses) = &services.commit_statuses else {
        return Ok(false);
    };
    let status = CommitStatus::of_run(ended.into(), statuses.base_url());
    let status = status.ok_or_else(|| wit::Error::Other("no run has such an id, or no commit such a hash".into()))?;
    let asked = services.forge.forge().set_commit_status(project, &status);
    let calls = services.forge.calls();
    let set = calls
        .bounded(ForgeCall::CommitStatus, STATUS_TIME, asked, |set| !set)
        .await;
    if let Err(error) = &set {
        services.forge_rest.note(error, services.now_ms());
    }
    Ok(set?)
}

pub(super) async fn get_link(granted: Granted, target: wit::Target) -> Result<Option<String>, wit::Error> {
    let (services, project) = granted.ok_or_else(outside)?;
    Ok(services.forge.forge().link(project, &target.into()).await?)
}

fn outside() -> wit::Error {
    wit::Error::Other("no request is running".into())
}

impl From<wit::JobRef> for JobRef {
    fn from(reference: wit::JobRef) -> Self {
        match reference {
            wit::JobRef::Id(id) => Self::Id(id),
            wit::JobRef::OfRun(wit::RunJob { run, job }) => Self::OfRun { run, job },
        }
    }
}

impl From<wit::EndedRun> for EndedRun {
    fn from(run: wit::EndedRun) -> Self {
        Self {
            id: run.id,
            name: run.name,
            experiment: run.experiment,
            state: match run.end {
                wit::RunEnd::Finished => CommitState::Success,
                wit::RunEnd::Failed => CommitState::Failure,
                wit::RunEnd::Killed => CommitState::Canceled,
            },
            commit: run.commit,
        }
    }
}

impl From<Job> for wit::Job {
    fn from(job: Job) -> Self {
        Self {
            id: job.id,
            name: job.name,
            status: job.status,
            is_finished: job.is_finished,
            ref_: job.git_ref,
            commit: job.commit,
            pipeline: job.pipeline,
            user: job.user,
            merge_request: job.merge_request,
            url: job.url,
            commit_url: job.commit_url,
            pipeline_url: job.pipeline_url,
            merge_request_url: job.merge_request_url,
        }
    }
}

impl From<wit::Target> for Target {
    fn from(target: wit::Target) -> Self {
        match target {
            wit::Target::User(login) => Self::User(login),
            wit::Target::Commit(hash) => Self::Commit(hash),
            wit::Target::MergeRequest(number) => Self::MergeRequest(number),
        }
    }
}

impl From<ForgeError> for wit::Error {
    fn from(error: ForgeError) -> Self {
        tracing::error!(target: "mlforge::forge", reason = error.reason, "forge unavailable");
        Self::Unavailable("the forge cannot answer now".into())
    }
}
