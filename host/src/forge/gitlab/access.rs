//! Decisions about access tokens, browser sessions and the tokens of CI jobs.
//!
//! | credential | calls, of which `+` are concurrent |
//! |---|---|
//! | personal, project or group access token | user + token + project, then member: 4 in 2 rounds |
//! | token of an OAuth application | user + token + project, then OAuth token + member: 5 in 2 rounds |
//! | browser session | user + project, then member: 3 in 2 rounds |
//! | none, for a public project | project, then project with the service token: 2 in 2 rounds |
//! | token of a job | job + project, then member: 3 in 2 rounds |
//!
//! A page of a caller's projects is one call.

use std::time::Duration;

use http::HeaderMap;

use super::api::{self, Answer};
use super::pages::Page;
use super::{GitlabForge, job, role};
use crate::forge::{Access, Actor, Decision, ForgeError, Project, ProjectPage, ProjectRef, Role, Scope};
use crate::storage::ProjectId;

/// The scope that permits reading. Writing needs `api`.
const READ_SCOPE: &str = "read_api";

/// The rights that a token grants.
struct Grant {
    scopes: Vec<String>,
    token_id: Option<String>,
    expires_in: Option<Duration>,
}

impl Grant {
    /// `None`: not even reading is permitted.
    fn scope(&self) -> Option<Scope> {
        let has = |scope: &str| self.scopes.iter().any(|own| own == scope);
        match (has("api"), has(READ_SCOPE)) {
            (true, _) => Some(Scope::Api),
            (false, true) => Some(Scope::ReadApi),
            (false, false) => None,
        }
    }
}

impl GitlabForge {
    /// Decides about an access token.
    pub(super) async fn decide_token(&self, asked: &ProjectRef, headers: &HeaderMap) -> Result<Decision, ForgeError> {
        let api = &self.api;
        let (user, token) = (api.user(headers), api.access_token(headers));
        let (user, token, project) = tokio::try_join!(user, token, api.project(asked, headers))?;
        let user = match user {
            Answer::Found(user) => user,
            Answer::OutOfScope => return Ok(insufficient()),
            // A blocked user is hidden.
            Answer::Unauthenticated | Answer::Hidden => return Ok(Decision::Unauthenticated),
        };
        let role = self.role(&user, project, headers);
        let (grant, project) = tokio::try_join!(self.grant(token, headers), role)?;
        let Some(grant) = grant else {
            return Ok(Decision::Unauthenticated);
        };
        let Some(scope) = grant.scope() else {
            return Ok(insufficient());
        };
        let access = Access::new(actor(user), scope, project);
        Ok(Decision::from(Access {
            token_id: grant.token_id,
            holds_for: grant.expires_in,
            ..access
        }))
    }

    /// Decides about the session of a browser. It may do whatever its user may.
    pub(super) async fn decide_session(&self, asked: &ProjectRef, headers: &HeaderMap) -> Result<Decision, ForgeError> {
        let (user, project) = tokio::try_join!(self.api.user(headers), self.api.project(asked, headers))?;
        let Some(user) = user.found() else {
            return Ok(Decision::Unauthenticated);
        };
        let project = self.role(&user, project, headers).await?;
        Ok(Access::new(actor(user), Scope::Api, project).into())
    }

    /// Decides about the token of a running job. It works only for the job's own project. GitLab tells neither the
    /// project nor the role to such a token, so the service token asks for them.
    pub(super) async fn decide_job(&self, asked: &ProjectRef, token: &str) -> Result<Decision, ForgeError> {
        let Some(service) = &self.service else {
            tracing::warn!("the token of a CI job is refused: it needs a service token of GitLab");
            return Ok(Decision::Unauthenticated);
        };
        let (job, project) = tokio::try_join!(self.api.current_job(token), self.api.project(asked, service))?;
        let Some(job) = job.found() else {
            return Ok(Decision::Unauthenticated);
        };
        let Some(user) = job.user.clone() else {
            return Ok(Decision::Unauthenticated);
        };
        let project = match served(project)?.filter(|project| project.id == job.pipeline.project_id) {
            Some(project) => self.role_of_other(user.id, project, service).await?,
            None => None,
        };
        let access = Access::new(actor(user), Scope::Api, project);
        // Whoever asks for another project learns nothing of it, nor does that project of the job.
        let job = access.project.is_some().then(|| Box::new(job::of_api(job)));
        Ok(Decision::from(Access { job, ..access }))
    }

    /// The role of a user in a project of which only the ids are known, asked for with the service token.
    pub(super) async fn decide_role(&self, user: u64, project: u64) -> Result<Option<(Project, Role)>, ForgeError> {
        let Some(service) = &self.service else {
            return Ok(None);
        };
        let project = served(self.api.project(&ProjectRef::Id(project), service).await?)?;
        match project {
            Some(project) => self.role_of_other(user, project, service).await,
            None => Ok(None),
        }
    }

    /// Finds a project that GitLab shows to everybody: one request without a credential. To strangers GitLab does not tell the
    /// switches of the project's features, so the service token asks for them. Without one no project is public.
    pub(super) async fn find_public(&self, asked: &ProjectRef) -> Result<Option<Project>, ForgeError> {
        let shown = self.api.shown_project(asked).await?.found();
        let (Some(shown), Some(service)) = (shown, &self.service) else {
            return Ok(None);
        };
        let project = served(self.api.project(&ProjectRef::Id(shown.id), service).await?)?;
        let guest = project.and_then(|project| self.known(&project, None, role::of_stranger(project.visibility)));
        Ok(guest.map(|(project, _)| project))
    }

    /// Lists the projects of which the owner of a credential is a member. Those that GitLab shows to everybody besides are
    /// left out, as there may be millions.
    pub(super) async fn list(&self, headers: &HeaderMap, after: u64) -> Result<Option<ProjectPage>, ForgeError> {
        let Some(listed) = self.api.own_projects(headers, after).await?.found() else {
            return Ok(None);
        };
        let last = listed.last().filter(|_| listed.len() >= api::PROJECTS_PER_PAGE);
        let next = last.map(|last| last.id.to_string());
        let shown = listed.iter().filter_map(|project| {
            // The list does not tell a role that comes with a share of the project.
            let own = role::strongest(project, None).or(Some(Role::Guest));
            self.known(project, own, None).map(|(project, _)| project)
        });
        Ok(Some(ProjectPage {
            projects: shown.collect(),
            next,
        }))
    }

    /// The rights of a token that GitLab knows. `None`: it is neither an access token nor an application's.
    async fn grant(&self, token: Answer<api::AccessToken>, headers: &HeaderMap) -> Result<Option<Grant>, ForgeError> {
        if let Some(token) = token.found() {
            return Ok(Some(Grant {
                scopes: token.scopes,
                token_id: Some(token.id.to_string()),
                expires_in: None,
            }));
        }
        let token = self.api.oauth_token(headers).await?.found();
        Ok(token.map(|token| Grant {
            scopes: token.scope,
            token_id: None,
            expires_in: token.expires_in.map(Duration::from_secs),
        }))
    }

    /// The project and the role of a user in it to whom GitLab showed it.
    async fn role(
        &self,
        user: &api::User,
        project: Answer<api::Project>,
        headers: &HeaderMap,
    ) -> Result<Option<(Project, Role)>, ForgeError> {
        let Some(project) = project.found() else {
            return Ok(None);
        };
        let member = self.api.member(project.id, user.id, headers).await?.found();
        let own = role::strongest(&project, member.as_ref());
        let other = role::of_viewer(project.visibility, user.is_admin);
        Ok(self.known(&project, own, other))
    }

    /// The project and the role of a user in it, asked for with the service token.
    async fn role_of_other(
        &self,
        user: u64,
        project: api::Project,
        service: &HeaderMap,
    ) -> Result<Option<(Project, Role)>, ForgeError> {
        let member = served(self.api.member(project.id, user, service).await?)?;
        let own = member.as_ref().and_then(role::of_member);
        Ok(self.known(&project, own, role::of_stranger(project.visibility)))
    }

    /// The project with the role of a member, or else that of another user. `None`: the user may not see it.
    fn known(&self, project: &api::Project, own: Option<Role>, other: Option<Role>) -> Option<(Project, Role)> {
        let role = own.or(other)?;
        // An administrator passes as a member.
        let is_member = own.is_some() || role == Role::Owner;
        if !role::is_open(project, is_member) {
            return None;
        }
        let path = &project.path_with_namespace;
        if let Some(page) = project.web_url.as_deref().and_then(|url| Page::of_project(url, path)) {
            self.pages.keep(project.id, &page);
        }
        let mut known = Project::new(ProjectId(project.id), path, project.visibility);
        known.url.clone_from(&project.web_url);
        Some((known, role))
    }
}

/// The answer to a request with the service token. `None`: there is no such thing.
///
/// # Errors
/// Fails when GitLab refuses the token, which is the mistake of no caller.
pub(super) fn served<T>(answer: Answer<T>) -> Result<Option<T>, ForgeError> {
    match answer {
        Answer::Found(found) => Ok(Some(found)),
        Answer::Hidden => Ok(None),
        Answer::Unauthenticated => Err(ForgeError::new("it refuses the service token")),
        Answer::OutOfScope => Err(ForgeError::new("the service token lacks the scope `read_api`")),
    }
}

pub(super) fn insufficient() -> Decision {
    Decision::InsufficientScope {
        required: READ_SCOPE.to_owned(),
    }
}

fn actor(user: api::User) -> Actor {
    Actor {
        id: user.id.to_string(),
        login: user.username,
        name: user.name,
        url: user.web_url,
    }
}
