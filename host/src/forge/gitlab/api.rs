//! The requests to GitLab's REST API, and the parts of its answers that are used.

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::SESSION_COOKIE;
use crate::forge::commit_status::is_set;
use crate::forge::{Credential, ForgeClient, ForgeError, ForgeReply, ProjectRef, Visibility, secret_header};

const PRIVATE_TOKEN: HeaderName = HeaderName::from_static("private-token");
const JOB_TOKEN: HeaderName = HeaderName::from_static("job-token");

/// The beginning of job tokens. Those of old versions have none.
const JOB_TOKEN_PREFIX: &str = "glcbt-";
/// The user name with which a job's token is a password, as in GitLab's documentation.
const JOB_TOKEN_USER: &str = "gitlab-ci-token";

/// Number of projects on a page. All fields of more would be a larger answer than is read.
pub(super) const PROJECTS_PER_PAGE: usize = 50;

/// A client of the REST API.
pub(super) struct Api {
    pub(super) client: ForgeClient,
}

/// An answer of the API.
pub(super) enum Answer<T> {
    Found(T),
    /// The credential is unknown, expired or revoked (401).
    Unauthenticated,
    /// The scopes of the token do not permit the request (403 `insufficient_scope`).
    OutOfScope,
    /// There is no such thing, or the user may not see it.
    Hidden,
}

impl<T> Answer<T> {
    pub(super) fn found(self) -> Option<T> {
        match self {
            Self::Found(found) => Some(found),
            _ => None,
        }
    }
}

/// A token as GitLab takes it.
pub(super) enum Token<'a> {
    /// An access token or a session: anything but a job's token.
    Access(HeaderMap),
    /// A job's token.
    Job(&'a str),
}

/// The form in which the credential is passed on. `None`: no header can have its text.
pub(super) fn token(credential: &Credential) -> Option<Token<'_>> {
    let text = credential.token();
    let is_job = match credential {
        Credential::JobToken(_) => true,
        Credential::Basic { user, .. } if user == JOB_TOKEN_USER => true,
        _ => text.is_some_and(|text| text.starts_with(JOB_TOKEN_PREFIX)),
    };
    match (credential, text) {
        (_, Some(text)) if is_job => Some(Token::Job(text)),
        (Credential::PrivateToken(text), _) => header(PRIVATE_TOKEN, text).map(Token::Access),
        (Credential::Cookie(value), _) => header(COOKIE, &format!("{SESSION_COOKIE}={value}")).map(Token::Access),
        // GitLab's API takes no token as a password.
        (_, Some(text)) => bearer(text).map(Token::Access),
        (_, None) => None,
    }
}

/// The header of a token that may be any but a job's. `None`: no header can have its text.
pub(super) fn bearer(token: &str) -> Option<HeaderMap> {
    header(AUTHORIZATION, &format!("Bearer {token}"))
}

fn header(name: HeaderName, text: &str) -> Option<HeaderMap> {
    let value: HeaderValue = secret_header(text)?;
    Some(HeaderMap::from_iter([(name, value)]))
}

impl Api {
    /// The user to whom the credential belongs.
    pub(super) async fn user(&self, headers: &HeaderMap) -> Result<Answer<User>, ForgeError> {
        self.get(&["user"], headers).await
    }

    /// The token itself, whatever its scopes. `Hidden`: it is no personal, project or group access token.
    pub(super) async fn access_token(&self, headers: &HeaderMap) -> Result<Answer<AccessToken>, ForgeError> {
        self.get(&["personal_access_tokens", "self"], headers).await
    }

    /// The token of an OAuth application. `Unauthenticated`: it is none.
    pub(super) async fn oauth_token(&self, headers: &HeaderMap) -> Result<Answer<OauthToken>, ForgeError> {
        let reply = self
            .client
            .get(&["oauth", "token", "info"], &[], headers.clone())
            .await?;
        answer(&reply)
    }

    /// The project, as far as this credential may see it. A path that it had before leads to it as well.
    pub(super) async fn project(
        &self,
        project: &ProjectRef,
        headers: &HeaderMap,
    ) -> Result<Answer<Project>, ForgeError> {
        match project {
            // A project is in a namespace. Without this, `..` would ask for something else.
            ProjectRef::Path(path) if !path.contains('/') => Ok(Answer::Hidden),
            project => self.get(&["projects", &project.to_string()], headers).await,
        }
    }

    /// The project as GitLab shows it to strangers, with fewer fields.
    pub(super) async fn shown_project(&self, project: &ProjectRef) -> Result<Answer<ShownProject>, ForgeError> {
        match project {
            ProjectRef::Path(path) if !path.contains('/') => Ok(Answer::Hidden),
            project => self.get(&["projects", &project.to_string()], &HeaderMap::new()).await,
        }
    }

    /// The projects of which the caller is a member and whose number is above `after`, by number and at most
    /// [`PROJECTS_PER_PAGE`].
    pub(super) async fn own_projects(
        &self,
        headers: &HeaderMap,
        after: u64,
    ) -> Result<Answer<Vec<Project>>, ForgeError> {
        let (after, count) = (after.to_string(), PROJECTS_PER_PAGE.to_string());
        let query = [
            ("membership", "true"),
            ("order_by", "id"),
            ("sort", "asc"),
            ("id_after", &*after),
            ("per_page", &*count),
        ];
        let segments = ["api", "v4", "projects"];
        answer(&self.client.get(&segments, &query, headers.clone()).await?)
    }

    /// The membership of a user, also an inherited one. `Hidden`: the user is no member.
    pub(super) async fn member(
        &self,
        project: u64,
        user: u64,
        headers: &HeaderMap,
    ) -> Result<Answer<Member>, ForgeError> {
        let (project, user) = (project.to_string(), user.to_string());
        self.get(&["projects", &project, "members", "all", &user], headers)
            .await
    }

    /// The job that runs with this token.
    pub(super) async fn current_job(&self, token: &str) -> Result<Answer<Job>, ForgeError> {
        match header(JOB_TOKEN, token) {
            Some(headers) => self.get(&["job"], &headers).await,
            None => Ok(Answer::Unauthenticated),
        }
    }

    pub(super) async fn job(&self, project: u64, job: &str, headers: &HeaderMap) -> Result<Answer<Job>, ForgeError> {
        self.get(&["projects", &project.to_string(), "jobs", job], headers)
            .await
    }

    /// The merge requests that contain a commit: one page of them.
    pub(super) async fn merge_requests(
        &self,
        project: u64,
        commit: &str,
        headers: &HeaderMap,
    ) -> Result<Answer<Vec<MergeRequest>>, ForgeError> {
        let project = project.to_string();
        let path = ["projects", &project, "repository", "commits", commit, "merge_requests"];
        self.get(&path, headers).await
    }

    /// Sets a status of a commit. False: the project has no such commit, or takes no such status.
    pub(super) async fn set_status(
        &self,
        project: u64,
        commit: &str,
        status: &Value,
        headers: &HeaderMap,
    ) -> Result<bool, ForgeError> {
        let segments = ["api", "v4", "projects", &project.to_string(), "statuses", commit];
        is_set(&self.client.post(&segments, headers.clone(), status).await?)
    }

    /// GitLab's version. It serves as a test of a token.
    pub(super) async fn version(&self, headers: &HeaderMap) -> Result<Answer<Version>, ForgeError> {
        self.get(&["version"], headers).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], headers: &HeaderMap) -> Result<Answer<T>, ForgeError> {
        let segments = [["api", "v4"].as_slice(), path].concat();
        answer(&self.client.get(&segments, &[], headers.clone()).await?)
    }
}

fn answer<T: DeserializeOwned>(reply: &ForgeReply) -> Result<Answer<T>, ForgeError> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    Ok(match reply.status {
        StatusCode::OK => Answer::Found(reply.json()?),
        StatusCode::UNAUTHORIZED => Answer::Unauthenticated,
        StatusCode::FORBIDDEN => match reply.json::<Refusal>() {
            Ok(refusal) if refusal.error == "insufficient_scope" => Answer::OutOfScope,
            _ => Answer::Hidden,
        },
        // GitLab answers 400 to a number that is too large.
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => Answer::Hidden,
        _ => return Err(reply.unexpected()),
    })
}

#[derive(Clone, Deserialize)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) username: String,
    pub(super) name: Option<String>,
    pub(super) web_url: Option<String>,
    /// True if the user is an administrator, even while Admin Mode keeps the token from acting as one.
    #[serde(default)]
    pub(super) is_admin: bool,
}

#[derive(Deserialize)]
pub(super) struct AccessToken {
    pub(super) id: u64,
    pub(super) scopes: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct OauthToken {
    #[serde(alias = "scopes")]
    pub(super) scope: Vec<String>,
    /// Seconds. `None`: the token does not expire.
    pub(super) expires_in: Option<u64>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Project {
    pub(super) id: u64,
    pub(super) path_with_namespace: String,
    #[serde(deserialize_with = "visibility")]
    pub(super) visibility: Visibility,
    pub(super) web_url: Option<String>,
    pub(super) permissions: Option<Permissions>,
    pub(super) model_experiments_access_level: Option<String>,
    pub(super) model_registry_access_level: Option<String>,
}

/// A project as GitLab shows it to strangers.
#[derive(Deserialize)]
pub(super) struct ShownProject {
    pub(super) id: u64,
}

/// The caller's own memberships, without those of groups with which the project is shared.
#[derive(Clone, Deserialize)]
pub(super) struct Permissions {
    pub(super) project_access: Option<Member>,
    pub(super) group_access: Option<Member>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Member {
    pub(super) access_level: u32,
    /// `None` or `active`, unless the membership waits for an approval.
    pub(super) membership_state: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) status: String,
    #[serde(rename = "ref")]
    pub(super) git_ref: Option<String>,
    pub(super) web_url: Option<String>,
    pub(super) user: Option<User>,
    pub(super) commit: Option<Commit>,
    pub(super) pipeline: Pipeline,
}

#[derive(Deserialize)]
pub(super) struct Commit {
    pub(super) id: String,
    pub(super) web_url: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Pipeline {
    pub(super) id: u64,
    pub(super) project_id: u64,
    pub(super) web_url: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct MergeRequest {
    pub(super) iid: u64,
    pub(super) state: String,
    pub(super) web_url: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Version {
    pub(super) version: String,
}

/// Reads a visibility as GitLab writes it.
pub(super) fn visibility<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Visibility, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Private,
        Internal,
        Public,
    }
    Ok(match Word::deserialize(deserializer)? {
        Word::Private => Visibility::Private,
        Word::Internal => Visibility::Internal,
        Word::Public => Visibility::Public,
    })
}
