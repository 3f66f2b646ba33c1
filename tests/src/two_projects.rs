//! The forge of a tracker under test, and what a test changes around its host.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mlforge::forge::{Actor, Credential, Decision, Forge, ForgeError, Job, Project, ProjectRef, Role, Scope, Target};
use mlforge::storage::ProjectId;

/// What a test changes while the host runs.
#[derive(Default)]
pub(crate) struct Around {
    /// How long the clock was set forward.
    pub(crate) passed_ms: AtomicU64,
    /// Whether the writer may only read.
    pub(crate) is_demoted: AtomicBool,
}

/// Projects 1 and 2, a writer and a reader.
pub(crate) struct TwoProjects(pub(crate) Arc<Around>);

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

    async fn job(&self, _: ProjectId, _: &str) -> Result<Option<Job>, ForgeError> {
        Ok(None)
    }

    async fn link(&self, _: ProjectId, _: &Target) -> Result<Option<String>, ForgeError> {
        Ok(None)
    }
}
