//! Projects of a forge, and the roles of users in them.

use std::fmt;

use crate::storage::ProjectId;

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

impl fmt::Display for ProjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Path(path) => path.fmt(f),
        }
    }
}

/// The users who may read a project of which they are no member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// No user.
    Private,
    /// Every user of the forge, except those whom the forge restricts.
    Internal,
    /// Everybody, also without signing in.
    Public,
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
    /// The users who may read it without being members.
    pub visibility: Visibility,
    /// URL of the project's page. `None`: the forge has none.
    pub url: Option<String>,
}

impl Project {
    /// A project without a page of its own.
    pub fn new(id: ProjectId, path: impl Into<String>, visibility: Visibility) -> Self {
        Self {
            id,
            path: path.into(),
            visibility,
            url: None,
        }
    }
}

/// A page of the projects that a caller may see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectPage {
    /// The projects. There may be none although others follow.
    pub projects: Vec<Project>,
    /// The place at which the next page begins. `None`: this is the last one.
    pub next: Option<String>,
}
