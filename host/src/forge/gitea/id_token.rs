//! ID tokens of Actions jobs. The forge signs them, so they are verified without a request.
//!
//! Forgejo 15 issues them, and so does Gitea 1.28, with claims of the same names. Neither issues one to a workflow of a
//! pull request from a fork. The claims do not show that, so a pull request's job writes only if its run does.

use std::sync::Arc;

use serde::Deserialize;

use super::api::{Answer, Api};
use super::location::{Location, is_name};
use super::{Flavor, GiteaForge, run};
use crate::forge::id_token::{IdToken, IdTokenVerifier, unverified_issuer};
use crate::forge::{
    Access, Actor, Credential, Decision, ForgeError, Job, Project, ProjectRef, Role, Scope, Visibility,
};
use crate::storage::ProjectId;

/// The issuer of Forgejo's tokens, below the forge's URL.
const FORGEJO: &[&str] = &["api", "actions"];
/// The issuer of Gitea's tokens, below the forge's URL.
const GITEA: &[&str] = &["api", "actions", "oidc"];

/// The verifiers of one forge. Its kind shows in the tokens.
pub(super) struct IdTokens {
    forgejo: IdTokenVerifier,
    gitea: IdTokenVerifier,
}

/// The claims of a job. The ids came with Forgejo 16.
#[derive(Deserialize)]
struct Claims {
    /// The token's own id. Forgejo gives none.
    jti: Option<String>,
    actor: String,
    actor_id: Option<String>,
    repository: String,
    repository_id: Option<String>,
    /// Gitea only.
    repository_visibility: Option<String>,
    #[serde(default)]
    event_name: String,
    /// The full name of the branch, tag or pull request.
    #[serde(default, rename = "ref")]
    reference: String,
    run_id: String,
    /// The number of the run within its repository.
    run_number: Option<String>,
    sha: Option<String>,
}

impl IdTokens {
    /// The verifiers for these audiences. `None`: no ID token is taken.
    pub(super) fn new(api: &Api, audience: &[String]) -> Option<Self> {
        if audience.is_empty() || api.flavor() == Flavor::Gogs {
            return None;
        }
        let verifier = |issuer| IdTokenVerifier::new(api.client().clone(), issuer, audience.to_vec());
        Some(Self {
            forgejo: verifier(FORGEJO),
            gitea: verifier(GITEA),
        })
    }

    /// The verifier for a token that claims to be an ID token of this forge. `None`: it is another kind of token.
    fn verifier(&self, token: &str) -> Option<&IdTokenVerifier> {
        let issuer = unverified_issuer(token)?;
        if issuer.ends_with("/api/actions/oidc") {
            Some(&self.gitea)
        } else {
            issuer.ends_with("/api/actions").then_some(&self.forgejo)
        }
    }
}

impl GiteaForge {
    /// The verifier and the token, if a credential is an ID token.
    pub(super) fn id_token<'a>(&self, credential: &'a Credential) -> Option<(&IdTokenVerifier, &'a str)> {
        let token = credential.token()?;
        Some((self.id_tokens.as_ref()?.verifier(token)?, token))
    }

    /// Decides about an ID token: without a request, except for a token without `repository_id` and for a pull request.
    pub(super) async fn resolve_id_token(
        &self,
        project: &ProjectRef,
        verifier: &IdTokenVerifier,
        token: &str,
    ) -> Result<Decision, ForgeError> {
        let Some(token) = verifier.verify::<Claims>(token).await? else {
            return Ok(Decision::Unauthenticated);
        };
        let IdToken { claims, remaining } = token;
        let mut access = Access::new(claims.actor(&self.api), Scope::Api, None);
        if let Some((found, location)) = self.repository_of(&claims, project).await? {
            let role = self.role_of(&claims, found.id, &location).await?;
            access.job = Some(Box::new(claims.job(&location)));
            access.project = Some((found, role));
        }
        access.token_id = claims.jti;
        access.holds_for = Some(remaining);
        Ok(access.into())
    }

    /// The repository of the job. `None`: it is not the project that is asked for.
    async fn repository_of(
        &self,
        claims: &Claims,
        project: &ProjectRef,
    ) -> Result<Option<(Project, Arc<Location>)>, ForgeError> {
        let Some(location) = claims.location(&self.api) else {
            return Err(ForgeError::new(
                "the ID token is not understood: the name of the repository",
            ));
        };
        // Names of users and repositories ignore case.
        if matches!(project, ProjectRef::Path(path) if !path.eq_ignore_ascii_case(&claims.repository)) {
            return Ok(None);
        }
        let found = match claims.repository_id.as_deref().map(str::parse) {
            Some(Ok(id)) => Project {
                url: Some(location.page.clone()),
                ..Project::new(ProjectId(id), location.path(), claims.visibility())
            },
            Some(Err(_)) => return Err(ForgeError::new("the ID token is not understood: `repository_id`")),
            None => {
                let headers = self.service.clone().unwrap_or_default();
                match self.api.repository(&location.project_ref(), &headers).await? {
                    Answer::Found(repository) => repository.project(&location),
                    // Without a service token, private repositories cannot be found.
                    _ => return Ok(None),
                }
            }
        };
        if matches!(project, ProjectRef::Id(id) if *id != found.id.0) {
            return Ok(None);
        }
        let known = self.locations.get(found.id);
        let location = known.unwrap_or_else(|| self.locations.insert(found.id, location));
        Ok(Some((found, location)))
    }

    /// The role of a job. A pull request's job may run a stranger's code. So it only reads, unless the service token shows
    /// that the run is not for a fork.
    async fn role_of(&self, claims: &Claims, id: ProjectId, location: &Location) -> Result<Role, ForgeError> {
        if !claims.is_pull_request() {
            return Ok(Role::Developer);
        }
        let is_own = match &self.service {
            Some(service) => run::is_of_repository(&self.api, id, location, &claims.run_id, service).await?,
            None => false,
        };
        Ok(if is_own { Role::Developer } else { Role::Guest })
    }
}

impl Claims {
    /// The user who started the run. Without an id, the login is not enough: it may pass to another user.
    fn actor(&self, api: &Api) -> Actor {
        match &self.actor_id {
            Some(id) => Actor {
                url: api.user_page(&self.actor),
                ..Actor::new(id, &self.actor)
            },
            None => Actor::new("-2", "forgejo-actions"),
        }
    }

    fn location(&self, api: &Api) -> Option<Location> {
        let (owner, name) = self.repository.split_once('/')?;
        (is_name(owner) && is_name(name)).then(|| Location {
            owner: owner.to_owned(),
            name: name.to_owned(),
            page: api.repository_page(owner, name),
        })
    }

    /// The visibility. Forgejo does not tell it, and then nothing is shown to more users than may see it.
    fn visibility(&self) -> Visibility {
        match self.repository_visibility.as_deref() {
            Some("public") => Visibility::Public,
            Some("internal") => Visibility::Internal,
            _ => Visibility::Private,
        }
    }

    /// True if the job's workflow may be from a pull request. A reusable workflow has the event `workflow_call`, and only
    /// the reference shows that. `pull_request_target` runs the workflow of the repository's own branch.
    fn is_pull_request(&self) -> bool {
        self.event_name == "pull_request" || self.reference.starts_with("refs/pull/")
    }

    /// The job, as far as the claims tell. They name its run only, and the token is issued while the job runs.
    fn job(&self, location: &Location) -> Job {
        let short = ["refs/heads/", "refs/tags/"]
            .iter()
            .find_map(|prefix| self.reference.strip_prefix(prefix));
        let pull_request = run::pull_request(&self.reference);
        let run_url = self
            .run_number
            .as_deref()
            .and_then(|number| location.below(&["actions", "runs", number]));
        Job {
            id: self.run_id.clone(),
            status: "running".to_owned(),
            git_ref: Some(short.unwrap_or(&self.reference).to_owned()).filter(|name| !name.is_empty()),
            commit_url: self.sha.as_deref().and_then(|hash| location.commit_page(hash)),
            commit: self.sha.clone(),
            pipeline: Some(self.run_id.clone()),
            // Gitea's tokens, which have an id, belong to runs whose pages are named otherwise.
            pipeline_url: run_url.filter(|_| self.jti.is_none()),
            user: Some(self.actor.clone()),
            merge_request_url: pull_request.and_then(|number| location.pull_request_page(number)),
            merge_request: pull_request.map(|number| format!("#{number}")),
            ..Job::default()
        }
    }
}
