//! A small forge with fixed projects, and a few tokens whose names say their rights.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use mlforge::forge::{
    Access, Actor, Credential, Decision, Forge, ForgeError, Job, JobRef, Project, ProjectRef, Role, Scope, Visibility,
};
use mlforge::storage::ProjectId;

/// Projects 1 (`group/one`) and 2 (`group/two`), of which all users but `stranger` are members, and 3
/// (`secret/three`), which has none. A token is the login of its user.
#[derive(Default)]
pub struct StaticForge {
    calls: AtomicUsize,
    down: AtomicBool,
    expelled: AtomicBool,
}

impl StaticForge {
    /// A forge that is up.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of times that the host asked the forge about a caller.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Makes every later request to the forge fail.
    pub fn go_down(&self) {
        self.down.store(true, Ordering::SeqCst);
    }

    /// Removes all users from all projects.
    pub fn expel(&self) {
        self.expelled.store(true, Ordering::SeqCst);
    }

    fn user(token: &str) -> Option<(u64, Scope, Option<Role>)> {
        Some(match token {
            "owner" => (1, Scope::Api, Some(Role::Owner)),
            "developer" => (2, Scope::Api, Some(Role::Developer)),
            "reporter" => (3, Scope::Api, Some(Role::Reporter)),
            // An owner's token that is good for reading only.
            "reading" => (4, Scope::ReadApi, Some(Role::Owner)),
            "stranger" => (5, Scope::Api, None),
            "reading-stranger" => (6, Scope::ReadApi, None),
            _ => return None,
        })
    }

    fn project(named: &ProjectRef) -> Option<Project> {
        let (id, path) = match named {
            ProjectRef::Id(1) => (1, "group/one"),
            ProjectRef::Id(2) => (2, "group/two"),
            ProjectRef::Path(path) if path == "group/one" => (1, "group/one"),
            ProjectRef::Path(path) if path == "group/two" => (2, "group/two"),
            _ => return None,
        };
        Some(Project::new(ProjectId(id), path, Visibility::Private))
    }
}

#[async_trait]
impl Forge for StaticForge {
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(ForgeError::new("unplugged"));
        }
        let token = credential.token().unwrap_or_default();
        let Some((id, scope, role)) = Self::user(token) else {
            return Ok(Decision::Unauthenticated);
        };
        let actor = Actor::new(id.to_string(), token);
        Ok(Access::new(
            actor,
            scope,
            Self::project(project)
                .zip(role)
                .filter(|_| !self.expelled.load(Ordering::SeqCst)),
        )
        .into())
    }

    fn is_cached(&self) -> bool {
        false
    }

    async fn job(&self, _: ProjectId, job: &JobRef, _: Option<&Credential>) -> Result<Option<Job>, ForgeError> {
        Ok((*job == JobRef::Id("7".into())).then(|| Job {
            id: "7".into(),
            name: "train".into(),
            status: "success".into(),
            ..Job::default()
        }))
    }
}
