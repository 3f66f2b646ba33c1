//! The forge of a tracker under test, and the environment of its host that a test can change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mlforge::forge::{
    Access, Actor, CommitStatus, Credential, Decision, Forge, ForgeError, Job, JobRef, Project, ProjectRef, Role,
    Scope, Visibility,
};
use mlforge::storage::ProjectId;

use crate::ci::Ci;

/// The state that a test changes while the host runs.
#[derive(Default)]
pub(crate) struct Environment {
    /// The time by which the clock was set forward, in milliseconds.
    pub(crate) passed_ms: AtomicU64,
    /// True if the writer may only read.
    pub(crate) is_demoted: AtomicBool,
    /// The CI jobs of both projects.
    pub(crate) ci: Ci,
}

/// Projects 1 and 2, a manager, a writer and a reader. Project 2 has the CI job 4242, whose texts all begin with
/// `secret`. The look-up of job 500 fails.
pub(crate) struct TwoProjects(pub(crate) Arc<Environment>);

#[async_trait::async_trait]
impl Forge for TwoProjects {
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        let token = credential.token().unwrap_or_default();
        let role = match token {
            "writer" if !self.0.is_demoted.load(Ordering::SeqCst) => Role::Developer,
            "writer" => Role::Reporter,
            "reader" => Role::Reporter,
            "manager" => Role::Maintainer,
            _ => return Ok(Decision::Unauthenticated),
        };
        let id = match project {
            ProjectRef::Id(id) => Some(*id),
            ProjectRef::Path(path) => path.strip_prefix("group/").and_then(|id| id.parse().ok()),
        };
        let project = id
            .filter(|id| (1..=2).contains(id))
            .map(|id| Project::new(ProjectId(id), format!("group/{id}"), Visibility::Private));
        let actor = self.0.ci.actor().unwrap_or_else(|| Actor::new("7", token));
        let project = project.map(|project| (project, role));
        Ok(Access {
            job: self.0.ci.own_job().map(Box::new),
            ..Access::new(actor, Scope::Api, project)
        }
        .into())
    }

    fn is_cached(&self) -> bool {
        false
    }

    async fn job(
        &self,
        project: ProjectId,
        job: &JobRef,
        credential: Option<&Credential>,
    ) -> Result<Option<Job>, ForgeError> {
        let id = match job {
            JobRef::Id(id) => id.as_str(),
            JobRef::OfRun { .. } => "",
        };
        match (project, id) {
            (_, "500") => Err(ForgeError::new("unplugged")),
            (ProjectId(2), "4242") => Ok(Some(Job {
                id: id.into(),
                name: "secret-job".into(),
                status: "secret-status".into(),
                git_ref: Some("secret-branch".into()),
                commit: Some("secret-commit".into()),
                user: Some("secret-user".into()),
                url: Some("https://secret.example/-/jobs/4242".into()),
                merge_request: Some("secret!1".into()),
                ..Job::default()
            })),
            _ => self.0.ci.job(project, job, credential).await,
        }
    }

    async fn set_commit_status(&self, project: ProjectId, status: &CommitStatus) -> Result<bool, ForgeError> {
        self.0.ci.set_status(project, status).await
    }
}
