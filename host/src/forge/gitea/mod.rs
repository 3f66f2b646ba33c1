//! The adapter for Gitea, Forgejo and Gogs, whose API is an older form of theirs.
//!
//! A decision costs these requests to the forge; the first two are sent at once:
//!
//! | credential | requests |
//! |---|---|
//! | access token, Gitea 1.27 or later | repository, token |
//! | access token on other forges, OAuth token, password | repository, user; then the write probe, if the role permits writing |
//! | token of an Actions job | repository, user |
//! | any, on Gogs | repository, user |
//! | ID token of an Actions job | none; its repository if the token lacks the id, and its run if it is for a pull request |
//!
//! The table leaves out two rare requests. An access token costs one more request, once an hour, on a forge without
//! `GET /token`. The token of an Actions job costs one or two more when the project is named by its number.

use anyhow::Context as _;
use async_trait::async_trait;
use http::HeaderMap;

use super::{
    Access, CommitStatus, Credential, Decision, Event, Forge, ForgeAddress, ForgeError, Job, JobRef, Project,
    ProjectPage, ProjectRef, Role, Scope, Target, Webhook, WebhookError,
};
use crate::storage::ProjectId;

mod api;
mod caller;
mod id_token;
mod location;
mod repository;
mod run;
#[cfg(test)]
mod tests;
mod webhook;

use api::{Answer, Api, lacks_scope};
use caller::{Caller, Identity};
use id_token::IdTokens;
use location::{Location, Locations};
use repository::Repository;

/// The id of no user: of somebody who is not signed in.
const NOBODY: i64 = 0;
/// The scope that reading a repository needs.
const READ_REPOSITORY: &str = "read:repository";

/// The kind of forge at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// Gitea or Forgejo.
    Gitea,
    /// Gogs. It takes access tokens only, and knows no scopes, no CI, no redirects and no repository by its number.
    Gogs,
}

/// The settings of the adapter.
#[derive(Clone)]
pub struct GiteaOptions {
    /// The location of the forge.
    pub address: ForgeAddress,
    /// The kind of forge.
    pub flavor: Flavor,
    /// An access token of the forge's administrator or of a bot, with which CI jobs are looked up and commit statuses
    /// are set. `None`: jobs are looked up with the caller's credential, and no status is set.
    pub service_token: Option<String>,
    /// The secret that the forge signs webhooks with. `None`: webhooks are refused.
    pub webhook_secret: Option<String>,
    /// The audiences for which ID tokens of Actions jobs are taken. Empty: none is taken.
    pub audience: Vec<String>,
}

/// Gitea, Forgejo or Gogs.
pub struct GiteaForge {
    api: Api,
    locations: Locations,
    /// `None`: no ID token is taken.
    id_tokens: Option<IdTokens>,
    /// The headers that prove the service token. `None`: there is none.
    service: Option<HeaderMap>,
    webhook_secret: Option<String>,
}

impl GiteaForge {
    /// # Errors
    /// Fails when the URL, a certificate or a secret is invalid.
    pub fn new(options: GiteaOptions) -> anyhow::Result<Self> {
        let api = Api::new(&options.address, options.flavor)?;
        let service = match options.service_token {
            Some(token) => {
                let headers = api.headers(&Credential::Bearer(token));
                Some(headers.context("the service token has characters that no token has")?)
            }
            None => None,
        };
        Ok(Self {
            id_tokens: IdTokens::new(&api, &options.audience),
            api,
            locations: Locations::default(),
            service,
            webhook_secret: options.webhook_secret,
        })
    }

    /// Finds the repository that the caller asks for. `None`: it does not exist, or the caller may not see it.
    async fn visible(
        &self,
        project: &ProjectRef,
        caller: &Caller,
        answer: Answer<Repository>,
        headers: &HeaderMap,
    ) -> Result<Option<Repository>, ForgeError> {
        let found = match answer {
            Answer::Found(repository) => Some(repository),
            // 403: the token is limited to public repositories, or to others.
            Answer::NotFound | Answer::Forbidden(_) | Answer::Unauthenticated => None,
        };
        match project {
            ProjectRef::Id(id) if caller.is_actions_job() => self.of_actions_job(ProjectId(*id), found, headers).await,
            _ => Ok(found),
        }
    }

    /// Finds a repository by its number for an Actions job. `GET /repositories/{id}` ignores the rights of such a token,
    /// and `GET /repos/{owner}/{repo}` obeys them, so the name is found first.
    async fn of_actions_job(
        &self,
        id: ProjectId,
        found: Option<Repository>,
        headers: &HeaderMap,
    ) -> Result<Option<Repository>, ForgeError> {
        let location = match (found, self.locations.get(id)) {
            (Some(repository), _) => Some(repository.location(&self.api)?.into()),
            (None, Some(location)) => Some(location),
            (None, None) => match &self.service {
                Some(service) => self.locations.find(&self.api, id, service).await?,
                None => None,
            },
        };
        let Some(location) = location else { return Ok(None) };
        match self.api.repository(&location.project_ref(), headers).await? {
            // Another repository may have taken the name meanwhile.
            Answer::Found(repository) if repository.id == id.0 => Ok(Some(repository)),
            _ => Ok(None),
        }
    }

    /// The rights that the caller's credential grants in a repository.
    async fn scope(
        &self,
        caller: &Caller,
        role: Role,
        location: &Location,
        headers: &HeaderMap,
    ) -> Result<Scope, ForgeError> {
        if let Some(token) = &caller.token {
            return Ok(token.scope);
        }
        // The permissions of an Actions job are those of its token, and a role that reads needs no scope for writing.
        let is_known = self.api.flavor() == Flavor::Gogs || caller.is_actions_job() || role < Role::Developer;
        if is_known || self.api.may_write(location, headers).await? {
            Ok(Scope::Api)
        } else {
            Ok(Scope::ReadApi)
        }
    }
}

#[async_trait]
impl Forge for GiteaForge {
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        if let Some((verifier, token)) = self.id_token(credential) {
            return self.resolve_id_token(project, verifier, token).await;
        }
        let Some(headers) = self.api.headers(credential) else {
            return Ok(Decision::Unauthenticated);
        };
        let (identity, answer) = tokio::join!(
            self.api.identify(credential, &headers),
            self.api.repository(project, &headers)
        );
        let caller = match identity? {
            Identity::Known(caller) => caller,
            Identity::Unauthenticated => return Ok(Decision::Unauthenticated),
            Identity::InsufficientScope(required) => return Ok(insufficient(required)),
        };
        let answer = answer?;
        match &answer {
            Answer::Unauthenticated => return Ok(Decision::Unauthenticated),
            Answer::Forbidden(message) if lacks_scope(message) => return Ok(insufficient(READ_REPOSITORY)),
            _ => {}
        }
        let repository = self.visible(project, &caller, answer, &headers).await?;
        let member = repository.and_then(|repository| Some((repository.role(caller.id)?, repository)));
        let mut access = Access::new(caller.actor.clone(), Scope::Api, None);
        if let Some((role, repository)) = member {
            let location = repository.location(&self.api)?;
            access.scope = self.scope(&caller, role, &location, &headers).await?;
            access.project = Some((repository.project(&location), role));
            self.locations.insert(ProjectId(repository.id), location);
        }
        access.token_id = caller.token.map(|token| token.id);
        Ok(access.into())
    }

    /// One request without a credential. It finds nothing on a forge that wants a sign-in for everything.
    async fn public_project(&self, project: &ProjectRef) -> Result<Option<Project>, ForgeError> {
        match self.api.repository(project, &HeaderMap::new()).await? {
            Answer::Found(repository) if repository.role(NOBODY).is_some() => {
                Ok(Some(repository.project(&repository.location(&self.api)?)))
            }
            _ => Ok(None),
        }
    }

    /// The repositories that a user owns or contributes to: two requests. A place in the list is the number of a page.
    async fn projects(&self, credential: &Credential, after: &str) -> Result<Option<ProjectPage>, ForgeError> {
        let headers = self.api.headers(credential);
        let Some(headers) =
            headers.filter(|_| self.api.flavor() == Flavor::Gitea && self.id_token(credential).is_none())
        else {
            return Ok(None);
        };
        let caller = match self.api.identify(credential, &headers).await? {
            Identity::Known(caller) if !caller.is_actions_job() => caller,
            _ => return Ok(None),
        };
        let number = after.parse().ok().filter(|number| *number > 0).unwrap_or(1_u32);
        let Some(found) = self.api.repositories_of(caller.id, number, &headers).await? else {
            return Ok(None);
        };
        let mut projects = Vec::with_capacity(found.repositories.len());
        for repository in &found.repositories {
            if repository.role(caller.id).is_some() {
                projects.push(repository.project(&repository.location(&self.api)?));
            }
        }
        Ok(Some(ProjectPage {
            projects,
            next: found.has_next.then(|| number.saturating_add(1).to_string()),
        }))
    }

    async fn job(
        &self,
        project: ProjectId,
        job: &JobRef,
        credential: Option<&Credential>,
    ) -> Result<Option<Job>, ForgeError> {
        // An ID token proves something to this server, and nothing to the forge's API.
        let own = || {
            let credential = credential.filter(|credential| self.id_token(credential).is_none())?;
            self.api.headers(credential)
        };
        let Some(headers) = self.service.clone().or_else(own) else {
            return Ok(None);
        };
        if self.api.flavor() == Flavor::Gogs {
            return Ok(None);
        }
        match self.locations.find(&self.api, project, &headers).await? {
            Some(location) => run::job(&self.api, project, &location, job, &headers).await,
            None => Ok(None),
        }
    }

    /// Costs two requests.
    async fn set_commit_status(&self, project: ProjectId, status: &CommitStatus) -> Result<bool, ForgeError> {
        let (Some(service), Flavor::Gitea) = (&self.service, self.api.flavor()) else {
            return Ok(false);
        };
        // A name that is remembered may have passed to another repository, so it is asked for anew.
        let location = match self.api.repository(&ProjectRef::Id(project.0), service).await? {
            Answer::Found(repository) => self.locations.insert(project, repository.location(&self.api)?),
            Answer::NotFound => return Ok(false),
            Answer::Unauthenticated | Answer::Forbidden(_) => {
                return Err(ForgeError::new("the service token may not read the repository"));
            }
        };
        self.api.set_status(&location, status, service).await
    }

    async fn link(&self, project: ProjectId, target: &Target) -> Result<Option<String>, ForgeError> {
        if let Target::User(login) = target {
            return Ok(self.api.user_page(login));
        }
        let location = match (self.locations.get(project), &self.service) {
            (Some(location), _) => Some(location),
            (None, Some(service)) => self.locations.find(&self.api, project, service).await?,
            (None, None) => None,
        };
        Ok(location.and_then(|location| match target {
            Target::Commit(hash) => location.commit_page(hash),
            Target::MergeRequest(number) => location.pull_request_page(number),
            Target::User(_) => None,
        }))
    }

    fn events(&self, webhook: Webhook<'_>) -> Result<Vec<Event>, WebhookError> {
        let secret = self.webhook_secret.as_deref().ok_or(WebhookError::Unsupported)?;
        webhook::events(webhook, secret)
    }

    async fn probe(&self) -> Result<(), ForgeError> {
        self.api.probe(self.service.as_ref()).await
    }
}

fn insufficient(required: &str) -> Decision {
    Decision::InsufficientScope {
        required: required.to_owned(),
    }
}
