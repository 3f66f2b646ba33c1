//! What the host asks of a forge: who presents this credential, and what may they do in this project?
//! It knows nothing of HTTP answers: `auth/mod.rs` turns a decision into one.

use std::fmt;

use async_trait::async_trait;

use crate::storage::ProjectId;

pub mod local;

/// How the caller named the project in the address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProjectRef {
    /// By its number.
    Id(u64),
    /// By its full path, percent-decoded, for example `group/sub/project`.
    Path(String),
}

impl From<&str> for ProjectRef {
    /// Digits alone are a number, all else is a path, as in the addresses of GitLab.
    fn from(text: &str) -> Self {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(id) if digits => Self::Id(id),
            _ => Self::Path(text.to_owned()),
        }
    }
}

impl std::fmt::Display for ProjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Path(path) => path.fmt(f),
        }
    }
}

/// The secret of a request. It is never logged and never reaches the component.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credential(pub String);

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Stable, unlike the login.
    pub id: u64,
    /// The user's name on the forge.
    pub login: String,
}

/// What a token may be used for, whatever its owner may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Reading only.
    ReadApi,
    /// Everything.
    Api,
}

/// What a user is in a project, weakest first. Guests read; developers write (GitLab's `project_policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads.
    Guest,
    /// Reads.
    Reporter,
    /// Reads and writes.
    Developer,
    /// Reads and writes.
    Maintainer,
    /// Reads and writes.
    Owner,
}

/// A project that the caller may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Stable; what its data is stored under.
    pub id: ProjectId,
    /// The full path now; it may change.
    pub path: String,
}

/// What the forge says to a credential and a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The credential is unknown, expired or revoked, or its user is.
    Unauthenticated,
    /// The credential is good.
    Known {
        /// Whose it is.
        actor: Actor,
        /// What it may be used for.
        scope: Scope,
        /// The project and the caller's role in it; none when the caller may not read it or it does not exist, which
        /// nobody can tell apart. A stranger who may read (a public or internal project) has the role `Guest`.
        project: Option<(Project, Role)>,
    },
}

/// A CI job of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// As the forge writes it.
    pub id: String,
    /// As the pipeline's file names it.
    pub name: String,
    /// The forge's own word, for example `success`.
    pub status: String,
    /// Branch or tag.
    pub git_ref: Option<String>,
    /// Full hash.
    pub commit: Option<String>,
    /// Login of the user who started it.
    pub user: Option<String>,
    /// The job's page.
    pub url: Option<String>,
    /// As the forge writes it, for example `!12`.
    pub merge_request: Option<String>,
}

/// A thing that has a page on the forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// By login.
    User(String),
    /// By full hash.
    Commit(String),
    /// By number.
    MergeRequest(String),
}

/// The forge cannot answer now; the text is for the log. The host answers 503 and never lets a request through.
#[derive(Debug)]
pub struct ForgeError(pub String);

impl fmt::Display for ForgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the forge does not answer: {}", self.0)
    }
}

impl std::error::Error for ForgeError {}

/// A forge: users, projects, roles, and what else only it knows.
#[async_trait]
pub trait Forge: Send + Sync + 'static {
    /// Who is it, and what are they in this project? Asked once a request.
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError>;

    /// A CI job of this project; none when there is no such job, or no CI.
    async fn job(&self, project: ProjectId, id: &str) -> Result<Option<Job>, ForgeError>;

    /// The address of a page; none when the forge has no page for it.
    async fn link(&self, project: ProjectId, target: &Target) -> Result<Option<String>, ForgeError>;
}
