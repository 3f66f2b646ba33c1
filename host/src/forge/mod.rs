//! The interface to a forge, which identifies callers and knows their role in a project. It knows nothing of
//! HTTP answers: `auth/mod.rs` turns a decision into one.

use std::fmt;

use async_trait::async_trait;

use crate::storage::ProjectId;

pub mod local;

/// The project as the caller named it in the URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProjectRef {
    /// The project's number.
    Id(u64),
    /// The full path, percent-decoded, for example `group/sub/project`.
    Path(String),
}

impl From<&str> for ProjectRef {
    /// Digits alone are a number, and all other text is a path, as in GitLab's URLs.
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

/// The user who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The user's number. It is stable, unlike the login.
    pub id: u64,
    /// The user's name on the forge.
    pub login: String,
}

/// The rights that a token grants, whatever its owner may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Reading only.
    ReadApi,
    /// Reading and writing.
    Api,
}

/// A user's role in a project, weakest first. Guests read and developers write, as in GitLab's
/// `project_policy`.
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
    /// The project's number. It is stable, and the project's data is stored under it.
    pub id: ProjectId,
    /// The current full path, which may change.
    pub path: String,
}

/// The forge's decision about a credential and a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The credential or its user is unknown, expired or revoked.
    Unauthenticated,
    /// The credential is valid.
    Known {
        /// The user to whom the credential belongs.
        actor: Actor,
        /// The rights that the credential grants.
        scope: Scope,
        /// The project, and the caller's role in it. `None`: it does not exist, or the caller may not read
        /// it; the two cannot be told apart. A caller who is no member but may read (a public or internal
        /// project) has the role `Guest`.
        project: Option<(Project, Role)>,
    },
}

/// A CI job of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// The job's id, as the forge writes it.
    pub id: String,
    /// The job's name, as in the pipeline's file.
    pub name: String,
    /// The job's status in the forge's own word, for example `success`.
    pub status: String,
    /// The branch or tag.
    pub git_ref: Option<String>,
    /// The full commit hash.
    pub commit: Option<String>,
    /// Login of the user who started the job.
    pub user: Option<String>,
    /// URL of the job's page.
    pub url: Option<String>,
    /// The merge request, as the forge writes it, for example `!12`.
    pub merge_request: Option<String>,
}

/// An entity that has a page on the forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A user, by login.
    User(String),
    /// A commit, by full hash.
    Commit(String),
    /// A merge request, by number.
    MergeRequest(String),
}

/// The forge cannot answer now. The text is for the log. The host answers 503 and never lets the request
/// through.
#[derive(Debug)]
pub struct ForgeError(pub String);

impl fmt::Display for ForgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the forge does not answer: {}", self.0)
    }
}

impl std::error::Error for ForgeError {}

/// A forge: its users, projects, roles, CI jobs and pages.
#[async_trait]
pub trait Forge: Send + Sync + 'static {
    /// Identifies the caller and their role in this project. It is called once a request.
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError>;

    /// Returns a CI job of this project. `None`: there is no such job, or no CI.
    async fn job(&self, project: ProjectId, id: &str) -> Result<Option<Job>, ForgeError>;

    /// Returns the URL of a page. `None`: the forge has no page for it.
    async fn link(&self, project: ProjectId, target: &Target) -> Result<Option<String>, ForgeError>;
}
