//! GitLab: its users, tokens, projects, roles, CI jobs and webhooks.
//!
//! Everything is asked for with the caller's own credential, so GitLab itself decides what the caller may see. A service
//! token, which is optional, serves what a caller's credential cannot: the tokens of jobs, jobs asked for later, and
//! statuses of commits.

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use http::HeaderMap;

use super::id_token::IdTokenVerifier;
use super::{
    CommitStatus, Credential, Decision, Event, Forge, ForgeAddress, ForgeClient, ForgeError, Job, JobRef, Project,
    ProjectPage, ProjectRef, Target, Webhook, WebhookError,
};
use crate::storage::ProjectId;

mod access;
mod api;
mod commit_status;
mod hooks;
mod id_token;
mod job;
mod pages;
mod role;
#[cfg(test)]
pub(super) mod tests;

use access::served;
use api::{Api, Token};
use hooks::Secret;
use pages::{Page, Pages};

/// The cookie of a browser's session.
const SESSION_COOKIE: &str = "_gitlab_session";

/// The settings of the adapter.
#[derive(Clone, Default)]
pub struct GitlabOptions {
    /// The location of GitLab.
    pub address: ForgeAddress,
    /// An access token with the scope `read_api` of a user who sees all projects; to set commit statuses, with the scope
    /// `api` of one who may push to all. `None`: callers with tokens of jobs are refused, jobs are only looked up while
    /// their caller asks, and no status is set.
    pub service_token: Option<String>,
    /// The secret token of webhooks. `None`: webhooks are refused.
    pub webhook_secret: Option<String>,
    /// The values of `aud` that the ID tokens of CI jobs may have. Empty: all ID tokens are refused.
    pub audience: Vec<String>,
}

/// A GitLab as the forge.
pub struct GitlabForge {
    api: Api,
    /// The headers of requests with the service token.
    service: Option<HeaderMap>,
    secret: Option<Secret>,
    id_tokens: IdTokenVerifier,
    pages: Pages,
}

impl GitlabForge {
    /// Sends no request yet.
    ///
    /// # Errors
    /// Fails when the URL, a certificate or a token has an invalid form, or a secret is empty.
    pub fn new(options: GitlabOptions) -> anyhow::Result<Self> {
        let client = ForgeClient::new(&options.address)?;
        Self::with_client(client, options)
    }

    fn with_client(client: ForgeClient, options: GitlabOptions) -> anyhow::Result<Self> {
        // Anyone could send an empty one.
        ensure!(
            options.webhook_secret.as_deref() != Some(""),
            "the secret of GitLab's webhooks is empty"
        );
        ensure!(
            options.service_token.as_deref() != Some(""),
            "the service token of GitLab is empty"
        );
        let service = match &options.service_token {
            Some(token) => {
                Some(api::bearer(token).context("the service token of GitLab has characters that no token has")?)
            }
            None => None,
        };
        Ok(Self {
            api: Api { client: client.clone() },
            service,
            secret: options.webhook_secret.as_deref().map(Secret::new),
            // GitLab itself is the issuer.
            id_tokens: IdTokenVerifier::new(client, &[], options.audience),
            pages: Pages::new(),
        })
    }

    /// The page of a project: no call if a caller has asked for the project before, else 1 with the service token.
    async fn page(&self, project: ProjectId) -> Result<Option<Page>, ForgeError> {
        if let Some(page) = self.pages.get(project.0) {
            return Ok(Some(page));
        }
        let Some(service) = &self.service else {
            return Ok(None);
        };
        let found = served(self.api.project(&ProjectRef::Id(project.0), service).await?)?;
        let page = found.and_then(|found| Page::of_project(found.web_url.as_deref()?, &found.path_with_namespace));
        if let Some(page) = &page {
            self.pages.keep(project.0, page);
        }
        Ok(page)
    }
}

#[async_trait]
impl Forge for GitlabForge {
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        if let Some(text) = id_token::text(credential) {
            return self.decide_id_token(project, text).await;
        }
        match (api::token(credential), credential) {
            (Some(Token::Job(text)), _) => self.decide_job(project, text).await,
            (Some(Token::Access(headers)), Credential::Cookie(_)) => self.decide_session(project, &headers).await,
            (Some(Token::Access(headers)), _) => self.decide_token(project, &headers).await,
            (None, _) => Ok(Decision::Unauthenticated),
        }
    }

    async fn public_project(&self, project: &ProjectRef) -> Result<Option<Project>, ForgeError> {
        self.find_public(project).await
    }

    async fn projects(&self, credential: &Credential, after: &str) -> Result<Option<ProjectPage>, ForgeError> {
        if id_token::text(credential).is_some() {
            return Ok(None);
        }
        match api::token(credential) {
            Some(Token::Access(headers)) => self.list(&headers, after.parse().unwrap_or_default()).await,
            Some(Token::Job(_)) | None => Ok(None),
        }
    }

    async fn job(
        &self,
        project: ProjectId,
        job: &JobRef,
        credential: Option<&Credential>,
    ) -> Result<Option<Job>, ForgeError> {
        match job {
            JobRef::Id(id) => self.find_job(project, id, credential).await,
            JobRef::OfRun { .. } => Ok(None),
        }
    }

    async fn set_commit_status(&self, project: ProjectId, status: &CommitStatus) -> Result<bool, ForgeError> {
        self.post_status(project, status).await
    }

    async fn link(&self, project: ProjectId, target: &Target) -> Result<Option<String>, ForgeError> {
        let page = self.page(project).await?;
        Ok(page.and_then(|page| match target {
            Target::User(login) => page.user(login),
            Target::Commit(hash) => page.commit(hash),
            Target::MergeRequest(number) => page.merge_request(number),
        }))
    }

    fn session_cookie(&self) -> Option<&str> {
        Some(SESSION_COOKIE)
    }

    fn events(&self, webhook: Webhook<'_>) -> Result<Vec<Event>, WebhookError> {
        hooks::events(webhook, self.secret.as_ref())
    }

    /// Fetches the keys of ID tokens, and tests the service token.
    async fn probe(&self) -> Result<(), ForgeError> {
        self.id_tokens.fetch_keys().await?;
        if let Some(service) = &self.service {
            let version = served(self.api.version(service).await?)?;
            let version = version.map_or_else(|| "unknown".to_owned(), |known| known.version);
            tracing::info!(version, "GitLab answers");
        }
        Ok(())
    }
}
