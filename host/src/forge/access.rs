//! The forge's decision about a credential and a project.

use std::sync::Arc;
use std::time::Duration;

use super::job::Job;
use super::project::{Project, Role};

/// The user who makes a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Actor {
    /// The user's id, as the forge writes it. It is stable, unlike the login.
    pub id: String,
    /// The user's name on the forge.
    pub login: String,
    /// The user's display name. `None`: the forge knows none.
    pub name: Option<String>,
    /// URL of the user's page. `None`: the forge has none.
    pub url: Option<String>,
}

impl Actor {
    /// A user of whom only the id and the login are known.
    pub fn new(id: impl Into<String>, login: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            login: login.into(),
            ..Self::default()
        }
    }
}

/// The rights that a token grants, whatever its owner may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Reading only.
    ReadApi,
    /// Reading and writing.
    Api,
}

/// The forge's decision about a credential and a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The credential or its user is unknown, expired or revoked.
    Unauthenticated,
    /// The credential is valid, but its scopes do not even permit reading.
    InsufficientScope {
        /// The scopes that the credential lacks, for the caller to read, for example `read_api`.
        required: String,
    },
    /// The project does not exist, or the caller may not read it. The forge does not tell who the caller is, nor whether
    /// the credential is valid.
    ProjectNotFound,
    /// The credential is valid.
    Known(Arc<Access>),
}

impl From<Access> for Decision {
    fn from(access: Access) -> Self {
        Self::Known(Arc::new(access))
    }
}

/// The caller to whom a valid credential belongs, and their rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The user to whom the credential belongs.
    pub actor: Actor,
    /// The rights that the credential grants.
    pub scope: Scope,
    /// The project, and the caller's role in it. `None`: it does not exist, or the caller may not read it; the two
    /// cannot be told apart. A caller who is no member but may read (a public or internal project) has the role
    /// `Guest`.
    pub project: Option<(Project, Role)>,
    /// The credential's id on the forge, for the audit log. `None`: the forge does not tell it.
    pub token_id: Option<String>,
    /// The CI job that makes the request, if the credential is that of a job and the forge tells it.
    pub job: Option<Box<Job>>,
    /// How long the decision holds, for example until the token expires. `None`: as long as the cache allows.
    pub holds_for: Option<Duration>,
}

impl Access {
    /// The access of a caller, without the facts that are optional.
    pub fn new(actor: Actor, scope: Scope, project: Option<(Project, Role)>) -> Self {
        Self {
            actor,
            scope,
            project,
            token_id: None,
            job: None,
            holds_for: None,
        }
    }
}
