//! A repository as the forge shows it to a caller.

use serde::Deserialize;

use super::api::Api;
use super::location::{Location, is_name, page_url};
use crate::forge::{ForgeError, Project, Role, Visibility};
use crate::storage::ProjectId;

/// The answer to `GET /repos/{owner}/{repo}` and `GET /repositories/{id}`.
#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    pub(super) id: u64,
    full_name: String,
    private: bool,
    /// True if the repository is public and its owner is not. Gogs does not know it.
    #[serde(default)]
    internal: bool,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    html_url: String,
    owner: Owner,
    permissions: Permissions,
}

#[derive(Debug, Deserialize)]
struct Owner {
    id: i64,
}

/// The rights of the caller. An Actions job has those of its token.
#[derive(Debug, Deserialize)]
struct Permissions {
    admin: bool,
    push: bool,
    pull: bool,
}

impl Repository {
    /// The role of a user, who is the caller. `None`: the caller may not read the code, but perhaps the issues.
    ///
    /// Nothing is pushed to an archived repository, so nobody has a role in it that writes.
    pub(super) fn role(&self, user: i64) -> Option<Role> {
        let role = match self.permissions {
            Permissions { admin: true, .. } if self.owner.id == user => Role::Owner,
            Permissions { admin: true, .. } => Role::Maintainer,
            Permissions { push: true, .. } => Role::Developer,
            Permissions { pull: true, .. } => Role::Guest,
            Permissions { .. } => return None,
        };
        Some(if self.archived { role.min(Role::Reporter) } else { role })
    }

    /// # Errors
    /// Fails when the forge's name for the repository is not understood.
    pub(super) fn location(&self, api: &Api) -> Result<Location, ForgeError> {
        let names = self.full_name.split_once('/');
        let Some((owner, name)) = names.filter(|(owner, name)| is_name(owner) && is_name(name)) else {
            return Err(ForgeError::new(
                "the answer is not understood: the name of the repository",
            ));
        };
        let page = page_url(self.html_url.clone()).unwrap_or_else(|| api.repository_page(owner, name));
        Ok(Location {
            owner: owner.to_owned(),
            name: name.to_owned(),
            page,
        })
    }

    pub(super) fn project(&self, location: &Location) -> Project {
        let visibility = if self.private {
            Visibility::Private
        } else if self.internal {
            Visibility::Internal
        } else {
            Visibility::Public
        };
        let project = Project::new(ProjectId(self.id), location.path(), visibility);
        Project {
            url: Some(location.page.clone()),
            ..project
        }
    }
}
