//! Decisions about the ID tokens of CI jobs, which need no call: the token tells the project, the user, the role and the job.
//!
//! A right that is withdrawn while a job runs stays until the job's token expires, which is the job's time limit.

use serde::{Deserialize, Deserializer};

use super::pages::Page;
use super::{GitlabForge, api, job, role};
use crate::forge::id_token::{IdToken, unverified_issuer};
use crate::forge::{
    Access, Actor, Credential, Decision, ForgeError, Job, Project, ProjectRef, Role, Scope, Visibility,
};
use crate::storage::ProjectId;

/// The claims of GitLab's ID tokens. All are texts, numbers too.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    iss: String,
    jti: Option<String>,
    /// The project of the code. For the merge request of a fork it is the fork, even if its target runs the job.
    project_id: String,
    project_path: String,
    /// The project that runs the job. `None`: GitLab does not tell, which it does since version 18.
    job_project_id: Option<String>,
    #[serde(deserialize_with = "api::visibility")]
    project_visibility: Visibility,
    user_id: String,
    user_login: String,
    /// `None`: GitLab is older than 16.9. `Some(None)`: the user is no member.
    #[serde(default, deserialize_with = "present")]
    user_access_level: Option<Option<String>>,
    job_id: String,
    pipeline_id: String,
    #[serde(rename = "ref")]
    git_ref: Option<String>,
    ref_path: Option<String>,
    sha: Option<String>,
}

/// The text of the credential if it is a JWT, which no other token of GitLab is.
pub(super) fn text(credential: &Credential) -> Option<&str> {
    let text = credential.token()?;
    unverified_issuer(text).map(|_| text)
}

impl GitlabForge {
    pub(super) async fn verify(&self, token: &str) -> Result<Option<IdToken<Claims>>, ForgeError> {
        self.id_tokens.verify(token).await
    }

    /// Decides about a token. It works only for the project that it names.
    pub(super) async fn decide_id_token(&self, asked: &ProjectRef, token: &str) -> Result<Decision, ForgeError> {
        let Some(token) = self.verify(token).await? else {
            return Ok(Decision::Unauthenticated);
        };
        let claims = token.claims;
        let (Ok(project), Ok(user)) = (claims.project_id.parse::<u64>(), claims.user_id.parse::<u64>()) else {
            tracing::info!("an ID token is refused: it names no project or no user");
            return Ok(Decision::Unauthenticated);
        };
        let project = if claims.is_for(asked, project) {
            match &claims.user_access_level {
                Some(word) => self.told(&claims, project, word.as_deref()),
                None if self.service.is_some() => self.decide_role(user, project).await?,
                None => return Ok(too_old()),
            }
        } else {
            None
        };
        let job = project.as_ref().and_then(|(project, _)| claims.job_of(project.id));
        let access = Access::new(claims.actor(), Scope::Api, project);
        Ok(Decision::from(Access {
            token_id: claims.jti,
            job: job.map(Box::new),
            holds_for: Some(token.remaining),
            ..access
        }))
    }

    /// The project and the role, as the token tells them.
    fn told(&self, claims: &Claims, project: u64, word: Option<&str>) -> Option<(Project, Role)> {
        let member = word.and_then(role::of_word);
        let role = member.or_else(|| role::of_stranger(claims.project_visibility))?;
        let mut told = Project::new(ProjectId(project), &claims.project_path, claims.project_visibility);
        if let Some(page) = claims.page() {
            self.pages.keep(project, &page);
            told.url = Some(page.url());
        }
        Some((told, role))
    }
}

impl Claims {
    /// The job, if it belongs to this project and not to the target of its merge request.
    pub(super) fn job_of(&self, project: ProjectId) -> Option<Job> {
        let runs_in = self.job_project_id.as_ref().unwrap_or(&self.project_id);
        if runs_in.parse::<u64>() != Ok(project.0) {
            return None;
        }
        let page = self.page();
        let url = |of: &dyn Fn(&Page) -> Option<String>| page.as_ref().and_then(of);
        let merge_request = self.ref_path.as_deref().and_then(job::merge_request_of_ref);
        Some(Job {
            id: self.job_id.clone(),
            // Only the REST API tells the name.
            name: String::new(),
            status: "running".to_owned(),
            is_finished: false,
            git_ref: self.git_ref.clone(),
            commit: self.sha.clone(),
            pipeline: Some(self.pipeline_id.clone()),
            user: Some(self.user_login.clone()),
            merge_request: merge_request.map(|number| format!("!{number}")),
            url: url(&|page| page.job(&self.job_id)),
            commit_url: url(&|page| page.commit(self.sha.as_ref()?)),
            pipeline_url: url(&|page| page.pipeline(&self.pipeline_id)),
            merge_request_url: url(&|page| page.merge_request(merge_request?)),
        })
    }

    fn is_for(&self, asked: &ProjectRef, project: u64) -> bool {
        match asked {
            ProjectRef::Id(id) => *id == project,
            // GitLab's paths do not differ by case alone.
            ProjectRef::Path(path) => path.eq_ignore_ascii_case(&self.project_path),
        }
    }

    fn actor(&self) -> Actor {
        Actor {
            url: self.page().and_then(|page| page.user(&self.user_login)),
            ..Actor::new(&self.user_id, &self.user_login)
        }
    }

    fn page(&self) -> Option<Page> {
        Page::below(&self.iss, &self.project_path)
    }
}

fn too_old() -> Decision {
    Decision::InsufficientScope {
        required: "`user_access_level`, which GitLab tells since version 16.9, or a service token of this server"
            .to_owned(),
    }
}

/// Reads a claim that is present, even if it is null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
