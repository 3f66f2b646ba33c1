//! Import `mlforge:plugin/forge`, implemented with the trait `Forge`.

use wasmtime::component::Accessor;

use crate::forge::{ForgeError, Job, JobRef, Target};
use crate::runtime::bindings::forge as wit;
use crate::runtime::store_data::{Imports, StoreData};

impl wit::Host for &mut StoreData {}

impl<T: Send> wit::HostWithStore<T> for Imports {
    async fn get_job(accessor: &Accessor<T, Self>, id: String) -> Result<Option<wit::Job>, wit::Error> {
        let (services, project) = accessor.with(|mut call| call.get().readable()).ok_or_else(outside)?;
        let job = services.forge.forge().job(project, &JobRef::Id(id), None).await?;
        Ok(job.map(wit::Job::from))
    }

    async fn get_link(accessor: &Accessor<T, Self>, target: wit::Target) -> Result<Option<String>, wit::Error> {
        let (services, project) = accessor.with(|mut call| call.get().readable()).ok_or_else(outside)?;
        Ok(services.forge.forge().link(project, &target.into()).await?)
    }
}

fn outside() -> wit::Error {
    wit::Error::Other("no request is running".into())
}

impl From<Job> for wit::Job {
    fn from(job: Job) -> Self {
        Self {
            id: job.id,
            name: job.name,
            status: job.status,
            ref_: job.git_ref,
            commit: job.commit,
            user: job.user,
            url: job.url,
            merge_request: job.merge_request,
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
