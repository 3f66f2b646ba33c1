//! CI jobs, as the REST API tells them.

use http::HeaderMap;

use super::access::served;
use super::api::{self, Token};
use super::pages::Page;
use super::{GitlabForge, id_token};
use crate::forge::{Credential, ForgeError, Job};
use crate::storage::ProjectId;

/// The statuses that do not change any more.
const FINISHED: [&str; 4] = ["success", "failed", "canceled", "skipped"];

impl GitlabForge {
    /// Looks a job of a project up: 2 calls, or 1 when its ref names the merge request.
    ///
    /// The token of a job may not ask, so without a service token such a caller learns of its own job only.
    pub(super) async fn find_job(
        &self,
        project: ProjectId,
        id: &str,
        credential: Option<&Credential>,
    ) -> Result<Option<Job>, ForgeError> {
        // The id comes from a client.
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(None);
        }
        if let Some(service) = &self.service {
            let job = served(self.api.job(project.0, id, service).await?)?;
            return self.with_merge_request(project, job, service).await;
        }
        let Some(credential) = credential else {
            return Ok(None);
        };
        if let Some(text) = id_token::text(credential) {
            let job = self.verify(text).await?.and_then(|token| token.claims.job_of(project));
            return Ok(job.filter(|job| job.id == id));
        }
        match api::token(credential) {
            Some(Token::Access(headers)) => {
                let job = self.api.job(project.0, id, &headers).await?.found();
                self.with_merge_request(project, job, &headers).await
            }
            Some(Token::Job(text)) => {
                let job = self.api.current_job(text).await?.found();
                let is_asked = |job: &api::Job| job.pipeline.project_id == project.0 && job.id.to_string() == id;
                Ok(job.filter(is_asked).map(of_api))
            }
            None => Ok(None),
        }
    }

    async fn with_merge_request(
        &self,
        project: ProjectId,
        job: Option<api::Job>,
        headers: &HeaderMap,
    ) -> Result<Option<Job>, ForgeError> {
        let Some(job) = job.filter(|job| job.pipeline.project_id == project.0).map(of_api) else {
            return Ok(None);
        };
        let commit = match &job.commit {
            Some(commit) if job.merge_request.is_none() => commit,
            _ => return Ok(Some(job)),
        };
        let requests = self.api.merge_requests(project.0, commit, headers).await?.found();
        let requests = requests.unwrap_or_default();
        // The newest comes first.
        let opened = requests.iter().find(|request| request.state == "opened");
        let Some(request) = opened.or(requests.first()) else {
            return Ok(Some(job));
        };
        Ok(Some(Job {
            merge_request: Some(format!("!{}", request.iid)),
            merge_request_url: request.web_url.clone(),
            ..job
        }))
    }
}

/// The job, with the merge request only if the job's ref names it.
pub(super) fn of_api(job: api::Job) -> Job {
    let page = job.web_url.as_deref().and_then(Page::of_job);
    let merge_request = job.git_ref.as_deref().and_then(merge_request_of_ref);
    let merge_request_url = page
        .as_ref()
        .zip(merge_request)
        .and_then(|(page, number)| page.merge_request(number));
    let commit_url = job.commit.as_ref().and_then(|commit| {
        let built = || page.as_ref().and_then(|page| page.commit(&commit.id));
        commit.web_url.clone().or_else(built)
    });
    Job {
        id: job.id.to_string(),
        is_finished: FINISHED.contains(&job.status.as_str()),
        merge_request: merge_request.map(|number| format!("!{number}")),
        merge_request_url,
        commit_url,
        commit: job.commit.map(|commit| commit.id),
        name: job.name,
        status: job.status,
        git_ref: job.git_ref,
        pipeline: Some(job.pipeline.id.to_string()),
        pipeline_url: job.pipeline.web_url,
        user: job.user.map(|user| user.username),
        url: job.web_url,
    }
}

/// The number of the merge request of a ref such as `refs/merge-requests/12/head`.
pub(super) fn merge_request_of_ref(git_ref: &str) -> Option<&str> {
    let (number, _) = git_ref.strip_prefix("refs/merge-requests/")?.split_once('/')?;
    Some(number).filter(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}
