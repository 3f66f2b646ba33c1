//! The forge of a tracker under test, and the environment of its host that a test can change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mlforge::forge::{Actor, Credential, Decision, Forge, ForgeError, Job, Project, ProjectRef, Role, Scope, Target};
use mlforge::storage::ProjectId;

/// The state that a test changes while the host runs.
#[derive(Default)]
pub(crate) struct Environment {
    /// The time by which the clock was set forward, in milliseconds.
    pub(crate) passed_ms: AtomicU64,
    /// True if the writer may only read.
    pub(crate) is_demoted: AtomicBool,
}

/// Projects 1 and 2, a writer and a reader. Project 2 has the CI job 4242, whose texts all begin with
/// `secret`. The look-up of job 500 fails.
pub(crate) struct TwoProjects(pub(crate) Arc<Environment>);

#[async_trait::async_trait]
impl Forge for TwoProjects {
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        let role = match credential.0.as_str() {
            "writer" if !self.0.is_demoted.load(Ordering::SeqCst) => Role::Developer,
            "writer" => Role::Reporter,
            "reader" => Role::Reporter,
            _ => return Ok(Decision::Unauthenticated),
        };
        let project = match project {
            ProjectRef::Id(id @ 1..=2) => Some(Project {
                id: ProjectId(*id),
                path: format!("group/{id}"),
            }),
            _ => None,
        };
        let actor = Actor {
            id: 7,
            login: credential.0.clone(),
        };
        Ok(Decision::Known {
            actor,
            scope: Scope::Api,
            project: project.map(|project| (project, role)),
        })
    }

    async fn job(&self, project: ProjectId, id: &str) -> Result<Option<Job>, ForgeError> {
        match (project, id) {
            (_, "500") => Err(ForgeError("unplugged".into())),
            (ProjectId(2), "4242") => Ok(Some(Job {
                id: id.into(),
                name: "secret-job".into(),
                status: "secret-status".into(),
                git_ref: Some("secret-branch".into()),
                commit: Some("secret-commit".into()),
                user: Some("secret-user".into()),
                url: Some("https://secret.example/-/jobs/4242".into()),
                merge_request: Some("secret!1".into()),
            })),
            _ => Ok(None),
        }
    }

    async fn link(&self, _: ProjectId, _: &Target) -> Result<Option<String>, ForgeError> {
        Ok(None)
    }
}
