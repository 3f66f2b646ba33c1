//! Requests to the API of the forge, below `/api/v1`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, LINK};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::json;

use super::Flavor;
use super::caller::TokenEndpoint;
use super::location::{Location, is_name};
use super::repository::Repository;
use crate::forge::commit_status::is_set;
use crate::forge::{
    CommitState, CommitStatus, Credential, ForgeAddress, ForgeClient, ForgeError, ForgeReply, ProjectRef, secret_header,
};

/// A commit hash that no repository has.
const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// Number of repositories on a page. By default the forge gives no more.
const REPOSITORIES_PER_PAGE: &str = "50";

/// An answer of the API.
#[derive(Debug)]
pub(super) enum Answer<T> {
    /// 200.
    Found(T),
    /// 404: it does not exist, or the caller may not see it.
    NotFound,
    /// 401: the credential is unknown, expired or revoked.
    Unauthenticated,
    /// 403, with the forge's message.
    Forbidden(String),
}

/// The API of one forge.
pub(super) struct Api {
    client: ForgeClient,
    flavor: Flavor,
    pub(super) token_endpoint: TokenEndpoint,
}

/// A page of repositories.
pub(super) struct FoundRepositories {
    pub(super) repositories: Vec<Repository>,
    pub(super) has_next: bool,
}

/// The answer to `GET /repos/search`.
#[derive(Deserialize)]
struct SearchResult {
    data: Vec<Repository>,
}

/// The answer to `GET /version`.
#[derive(Deserialize)]
struct Version {
    #[serde(rename = "version")]
    _version: String,
}

impl Api {
    pub(super) fn new(address: &ForgeAddress, flavor: Flavor) -> anyhow::Result<Self> {
        Ok(Self {
            client: ForgeClient::new(address)?,
            flavor,
            token_endpoint: TokenEndpoint::default(),
        })
    }

    pub(super) fn client(&self) -> &ForgeClient {
        &self.client
    }

    pub(super) fn flavor(&self) -> Flavor {
        self.flavor
    }

    /// The headers that pass a credential on. `None`: the forge takes no such credential.
    ///
    /// Gogs knows no `Bearer`, and its `GET /user` wants a token, so there the password of `Basic` is sent as a token.
    pub(super) fn headers(&self, credential: &Credential) -> Option<HeaderMap> {
        let text = match (self.flavor, credential) {
            (Flavor::Gogs, _) => format!("token {}", credential.token()?),
            (Flavor::Gitea, Credential::Basic { user, password }) => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
            }
            (Flavor::Gitea, _) => format!("Bearer {}", credential.token()?),
        };
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, secret_header(&text)?);
        Some(headers)
    }

    /// Asks for a repository as the caller sees it. A redirect of a renamed one is followed.
    pub(super) async fn repository(
        &self,
        project: &ProjectRef,
        headers: &HeaderMap,
    ) -> Result<Answer<Repository>, ForgeError> {
        match project {
            ProjectRef::Id(id) => self.get(&["repositories", &id.to_string()], headers).await,
            ProjectRef::Path(path) => match path.split_once('/') {
                // `/repos/issues/search` is no repository: the forge reserves the name.
                Some((owner, name)) if is_name(owner) && is_name(name) && owner != "issues" => {
                    self.get(&["repos", owner, name], headers).await
                }
                _ => Ok(Answer::NotFound),
            },
        }
    }

    /// The repositories that a user owns or contributes to, as the caller sees them: a page of them, by number. Pages are counted
    /// from 1. `None`: the caller may not search.
    pub(super) async fn repositories_of(
        &self,
        user: i64,
        page: u32,
        headers: &HeaderMap,
    ) -> Result<Option<FoundRepositories>, ForgeError> {
        let (user, page) = (user.to_string(), page.to_string());
        let query = [
            ("uid", &*user),
            ("sort", "id"),
            ("order", "asc"),
            ("limit", REPOSITORIES_PER_PAGE),
            ("page", &*page),
        ];
        let reply = self
            .client
            .get(&path(&["repos", "search"]), &query, headers.clone())
            .await?;
        let has_next = has_next(&reply);
        Ok(match answer::<SearchResult>(&reply)? {
            Answer::Found(found) => Some(FoundRepositories {
                repositories: found.data,
                has_next,
            }),
            Answer::NotFound | Answer::Unauthenticated | Answer::Forbidden(_) => None,
        })
    }

    /// Tests if the scopes of a token permit writing to a repository to which its user may push.
    ///
    /// The probe asks to set a commit's status, with a body that is none and a commit that does not exist. The forge
    /// checks the scopes first, then the right to push, then the body, so nothing is ever written.
    pub(super) async fn may_write(&self, location: &Location, headers: &HeaderMap) -> Result<bool, ForgeError> {
        let segments = path(&["repos", &location.owner, &location.name, "statuses", NO_COMMIT]);
        let no_status = serde_json::Value::Array(Vec::new());
        let reply = self.client.post(&segments, headers.clone(), &no_status).await?;
        match reply.status {
            // 404: a token that is limited to other repositories.
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Ok(false),
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Ok(true),
            _ => Err(reply.unexpected()),
        }
    }

    /// Sets a status of a commit: one request, and a second one if it fails. False: the repository has no such commit, or
    /// takes no status.
    pub(super) async fn set_status(
        &self,
        location: &Location,
        status: &CommitStatus,
        headers: &HeaderMap,
    ) -> Result<bool, ForgeError> {
        let segments = path(&["repos", &location.owner, &location.name, "statuses", &status.commit]);
        let state = match status.state {
            CommitState::Success => "success",
            CommitState::Failure => "failure",
            CommitState::Canceled => "error",
        };
        let body = json!({
            "state": state,
            "context": status.context,
            "description": status.description,
            "target_url": status.url(&location.path()),
        });
        match self.client.post(&segments, headers.clone(), &body).await {
            Ok(reply) => is_set(&reply),
            // The forge fails (500) for a commit that it does not know.
            Err(failure) if failure.retry_after.is_none() => {
                let found = self.commit(location, &status.commit, headers).await;
                match found {
                    Ok(Answer::NotFound) => Ok(false),
                    _ => Err(failure),
                }
            }
            Err(failure) => Err(failure),
        }
    }

    /// Asks whether a repository has a commit.
    async fn commit(
        &self,
        location: &Location,
        commit: &str,
        headers: &HeaderMap,
    ) -> Result<Answer<IgnoredAny>, ForgeError> {
        let segments = ["repos", &location.owner, &location.name, "git", "commits", commit];
        let query = [("stat", "false"), ("verification", "false"), ("files", "false")];
        self.get_with_query(&segments, &query, headers).await
    }

    /// Tests if the forge answers, and takes the service token if there is one.
    pub(super) async fn probe(&self, service: Option<&HeaderMap>) -> Result<(), ForgeError> {
        let anonymous = HeaderMap::new();
        let headers = service.unwrap_or(&anonymous);
        match self.get::<Version>(&["version"], headers).await? {
            Answer::Found(_) => {}
            Answer::NotFound if self.flavor == Flavor::Gitea => {
                return Err(ForgeError::new("there is no API of Gitea or Forgejo at this address"));
            }
            // Gogs has no such endpoint, and a forge may want a sign-in for it.
            Answer::NotFound | Answer::Unauthenticated | Answer::Forbidden(_) => {}
        }
        let Some(service) = service else { return Ok(()) };
        match self.get::<serde_json::Value>(&["user"], service).await? {
            Answer::Unauthenticated => Err(ForgeError::new("the service token is unknown, expired or revoked")),
            _ => Ok(()),
        }
    }

    /// URL of a user's page. `None`: no user has such a name.
    pub(super) fn user_page(&self, login: &str) -> Option<String> {
        is_name(login).then(|| self.client.link(&[login]))
    }

    /// URL of a repository's page.
    pub(super) fn repository_page(&self, owner: &str, name: &str) -> String {
        self.client.link(&[owner, name])
    }

    /// Sends a GET below `/api/v1`.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        headers: &HeaderMap,
    ) -> Result<Answer<T>, ForgeError> {
        self.get_with_query(segments, &[], headers).await
    }

    /// Sends a GET with a query below `/api/v1`.
    pub(super) async fn get_with_query<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
        headers: &HeaderMap,
    ) -> Result<Answer<T>, ForgeError> {
        let reply = self.client.get(&path(segments), query, headers.clone()).await?;
        answer(&reply)
    }
}

/// True if the forge refuses a token for want of a scope, and not for another reason.
pub(super) fn lacks_scope(message: &str) -> bool {
    message.contains("required scope")
}

/// True if the forge says that another page follows. It may have fewer items on a page than were asked for.
fn has_next(reply: &ForgeReply) -> bool {
    let mut links = reply.headers.get_all(LINK).iter().filter_map(|link| link.to_str().ok());
    links.any(|link| link.contains("rel=\"next\""))
}

fn answer<T: DeserializeOwned>(reply: &ForgeReply) -> Result<Answer<T>, ForgeError> {
    match reply.status {
        StatusCode::OK => reply.json().map(Answer::Found),
        StatusCode::NOT_FOUND => Ok(Answer::NotFound),
        StatusCode::UNAUTHORIZED => Ok(Answer::Unauthenticated),
        StatusCode::FORBIDDEN => Ok(Answer::Forbidden(reply.text())),
        _ => Err(reply.unexpected()),
    }
}

fn path<'a>(segments: &[&'a str]) -> Vec<&'a str> {
    ["api", "v1"].into_iter().chain(segments.iter().copied()).collect()
}
