//! The forge Redmine: API keys, projects and roles, asked for by its REST API.
//!
//! A decision costs two requests, which are sent at the same time: the user with their memberships, and the project. Redmine
//! sends no webhooks, so a right that is withdrawn there ends here once the last decision no longer holds.

use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName};
use mlforge::forge::Visibility::{Private, Public};
use mlforge::forge::{
    Access, Actor, Credential, Decision, Forge, ForgeClient, ForgeError, Project, ProjectRef, Role, Scope,
    secret_header,
};
use mlforge::storage::ProjectId;
use serde::Deserialize;
use serde::de::DeserializeOwned;

const API_KEY: HeaderName = HeaderName::from_static("x-redmine-api-key");
const USER: &[&str] = &["users", "current.json"];
/// The status of an open project. In a closed one Redmine lets nobody write.
const STATUS_ACTIVE: u8 = 1;
/// A project that does not exist or is hidden. With 406 answers a page of Redmine with a project's address.
const NO_PROJECT: &[u16] = &[401, 403, 404, 406];

/// A Redmine.
pub(crate) struct Redmine {
    pub(crate) client: ForgeClient,
    /// The time after which Redmine is asked again about a caller. The host asks after 60 s at the latest.
    pub(crate) holds_for: Duration,
}

impl Redmine {
    async fn project(&self, project: &ProjectRef, headers: &HeaderMap) -> Result<Option<RedmineProject>, ForgeError> {
        let name = project.to_string();
        if name.contains(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))) {
            return Ok(None);
        }
        self.get(&["projects", &format!("{name}.json")], headers, NO_PROJECT)
            .await
    }

    /// Asks for an object. `None`: the answer has one of the statuses `absent`.
    async fn get<T>(&self, path: &[&str], headers: &HeaderMap, absent: &[u16]) -> Result<Option<T>, ForgeError>
    where
        T: DeserializeOwned,
    {
        let include = [("include", "memberships")];
        let reply = self.client.get(path, &include, headers.clone()).await?;
        match reply.status.as_u16() {
            200 => Ok(Some(reply.json::<Answer<T>>()?.object)),
            status if absent.contains(&status) => Ok(None),
            _ => Err(reply.unexpected()),
        }
    }
}

#[async_trait]
impl Forge for Redmine {
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        let Some(key) = credential.token().and_then(secret_header) else {
            return Ok(Decision::Unauthenticated);
        };
        let headers = HeaderMap::from_iter([(API_KEY, key)]);
        let (user, found) = tokio::try_join!(
            self.get::<User>(USER, &headers, &[401]),
            self.project(project, &headers)
        )?;
        let Some(user) = user else {
            return Ok(Decision::Unauthenticated);
        };
        let project = found.and_then(|found| {
            let role = role(&user, &found)?;
            let url = Some(self.client.link(&["projects", &found.identifier]));
            let visibility = if found.is_public { Public } else { Private };
            let project = Project::new(ProjectId(found.id), found.identifier, visibility);
            Some((Project { url, ..project }, role))
        });
        let id = user.id.to_string();
        let actor = Actor {
            name: Some(format!("{} {}", user.firstname, user.lastname)),
            url: Some(self.client.link(&["users", &id])),
            ..Actor::new(id, user.login)
        };
        let mut access = Access::new(actor, Scope::Api, project);
        access.holds_for = Some(self.holds_for);
        Ok(access.into())
    }

    async fn probe(&self) -> Result<(), ForgeError> {
        // Without a key the answer is 401, or 403 when the REST API is switched off.
        self.get::<User>(USER, &HeaderMap::new(), &[401]).await.map(drop)
    }
}

/// The role of a user in a project that they see. `None`: it is private, and they are no member.
fn role(user: &User, project: &RedmineProject) -> Option<Role> {
    let here = |membership: &&Membership| membership.project.id == project.id;
    let roles = user
        .memberships
        .iter()
        .filter(here)
        .flat_map(|membership| &membership.roles);
    let member = roles.map(|role| match role.name.as_str() {
        "Manager" => Role::Maintainer,
        "Developer" => Role::Developer,
        "Reporter" => Role::Reporter,
        _ => Role::Guest,
    });
    let role = if user.admin { Some(Role::Owner) } else { member.max() };
    let role = role.or(project.is_public.then_some(Role::Guest))?;
    let is_active = project.status == STATUS_ACTIVE;
    Some(if is_active { role } else { role.min(Role::Reporter) })
}

#[derive(Deserialize)]
struct Answer<T> {
    #[serde(alias = "user", alias = "project")]
    object: T,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    firstname: String,
    lastname: String,
    admin: bool,
    memberships: Vec<Membership>,
}

#[derive(Deserialize)]
struct Membership {
    project: Named,
    roles: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: u64,
    name: String,
}

#[derive(Deserialize)]
struct RedmineProject {
    id: u64,
    identifier: String,
    is_public: bool,
    status: u8,
}
