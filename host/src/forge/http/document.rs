//! The documents of the protocol, as `docs/forge-protocol.schema.json` describes them. Unknown fields are ignored.

use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;

use crate::forge::{Access, Actor, Job, Project, Role, Scope, Visibility};
use crate::storage::ProjectId;

/// The greatest number of a project. Every language reads it from JSON without loss.
const PROJECT_ID_MAX: u64 = (1 << 53) - 1;
/// Maximum number of characters of a text.
const TEXT_CHARS_MAX: usize = 1_000;
/// Maximum number of characters of a URL.
const URL_CHARS_MAX: usize = 2_000;

/// The answer about a caller and a project.
#[derive(Deserialize)]
pub(super) struct AccessDocument {
    project: ProjectDocument,
    actor: ActorDocument,
    #[serde(with = "RoleName")]
    role: Role,
    #[serde(with = "ScopeName")]
    scope: Scope,
    token_id: Option<Id>,
    holds_for_s: Option<u64>,
    job: Option<JobDocument>,
}

#[derive(Deserialize)]
struct ProjectDocument {
    id: ProjectNumber,
    path: Text,
    #[serde(with = "VisibilityName")]
    visibility: Visibility,
    url: Option<PageUrl>,
}

#[derive(Deserialize)]
struct ActorDocument {
    id: Id,
    login: Text,
    name: Option<Text>,
    url: Option<PageUrl>,
}

#[derive(Deserialize)]
struct JobDocument {
    id: Id,
    name: Text,
    status: Text,
    finished: bool,
    #[serde(rename = "ref")]
    git_ref: Option<Text>,
    commit: Option<Text>,
    pipeline: Option<Id>,
    user: Option<Text>,
    merge_request: Option<Text>,
    url: Option<PageUrl>,
    commit_url: Option<PageUrl>,
    pipeline_url: Option<PageUrl>,
    merge_request_url: Option<PageUrl>,
}

/// The answer about a public project to somebody who is not signed in. All but the project means nothing.
#[derive(Deserialize)]
pub(super) struct PublicDocument {
    project: ProjectDocument,
}

/// The answer about a CI job.
#[derive(Deserialize)]
pub(super) struct JobAnswer {
    project: ProjectNumber,
    job: JobDocument,
}

/// The answer to a credential whose scopes do not permit reading.
#[derive(Default, Deserialize)]
pub(super) struct ScopeRefusal {
    required: Option<Text>,
}

/// A webhook.
#[derive(Deserialize)]
pub(super) struct WebhookDocument {
    pub(super) events: Vec<EventDocument>,
}

/// An object with one field, which is named after the variant.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EventDocument {
    Project(ProjectNumber),
    User(Id),
    Everything(Yes),
}

#[derive(Deserialize)]
#[serde(remote = "Role", rename_all = "snake_case")]
enum RoleName {
    Guest,
    Reporter,
    Developer,
    Maintainer,
    Owner,
}

#[derive(Deserialize)]
#[serde(remote = "Scope", rename_all = "snake_case")]
enum ScopeName {
    ReadApi,
    Api,
}

#[derive(Deserialize)]
#[serde(remote = "Visibility", rename_all = "snake_case")]
enum VisibilityName {
    Private,
    Internal,
    Public,
}

/// The number of a project.
#[derive(Deserialize)]
#[serde(try_from = "u64")]
pub(super) struct ProjectNumber(pub(super) ProjectId);

/// An id, which the forge writes as a text or as a number.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "an id must be a text of 1 to 1,000 characters on one line, or a whole number from 0 on"
)]
pub(super) enum Id {
    Number(u64),
    Text(Text),
}

/// A text of 1 to `TEXT_CHARS_MAX` characters on one line.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Text(String);

/// The URL of a page. Browsers follow it, so it has no other scheme than http and https.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct PageUrl(String);

/// The value `true`.
#[derive(Deserialize)]
#[serde(try_from = "bool")]
pub(super) struct Yes;

impl From<AccessDocument> for Access {
    fn from(document: AccessDocument) -> Self {
        let project = Project::from(document.project);
        let actor = Actor {
            id: document.actor.id.into_text(),
            login: document.actor.login.0,
            name: document.actor.name.map(|name| name.0),
            url: document.actor.url.map(|url| url.0),
        };
        Self {
            actor,
            scope: document.scope,
            project: Some((project, document.role)),
            token_id: document.token_id.map(Id::into_text),
            job: document.job.map(|job| Box::new(job.into())),
            holds_for: document.holds_for_s.map(Duration::from_secs),
        }
    }
}

impl From<ProjectDocument> for Project {
    fn from(document: ProjectDocument) -> Self {
        Self {
            id: document.id.0,
            path: document.path.0,
            visibility: document.visibility,
            url: document.url.map(|url| url.0),
        }
    }
}

impl From<PublicDocument> for Project {
    fn from(document: PublicDocument) -> Self {
        document.project.into()
    }
}

impl From<JobDocument> for Job {
    fn from(document: JobDocument) -> Self {
        let text = |text: Option<Text>| text.map(|text| text.0);
        let url = |url: Option<PageUrl>| url.map(|url| url.0);
        Self {
            id: document.id.into_text(),
            name: document.name.0,
            status: document.status.0,
            is_finished: document.finished,
            git_ref: text(document.git_ref),
            commit: text(document.commit),
            pipeline: document.pipeline.map(Id::into_text),
            user: text(document.user),
            merge_request: text(document.merge_request),
            url: url(document.url),
            commit_url: url(document.commit_url),
            pipeline_url: url(document.pipeline_url),
            merge_request_url: url(document.merge_request_url),
        }
    }
}

impl JobAnswer {
    /// The job, if it is one of this project.
    pub(super) fn of(self, project: ProjectId) -> Option<Job> {
        (self.project.0 == project).then(|| self.job.into())
    }
}

impl ScopeRefusal {
    /// The scopes that the credential lacks.
    pub(super) fn required(self) -> String {
        self.required
            .map_or_else(|| "read_api".to_owned(), |required| required.0)
    }
}

impl Id {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.0,
        }
    }
}

impl TryFrom<u64> for ProjectNumber {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, String> {
        if (1..=PROJECT_ID_MAX).contains(&number) {
            Ok(Self(ProjectId(number)))
        } else {
            Err(format!(
                "the number of a project is from 1 to {PROJECT_ID_MAX}, not {number}"
            ))
        }
    }
}

impl TryFrom<String> for Text {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_short = text.chars().count() <= TEXT_CHARS_MAX;
        if is_short && !text.is_empty() && !text.contains(|c: char| c.is_ascii_control()) {
            Ok(Self(text))
        } else {
            Err(format!(
                "a text has 1 to {TEXT_CHARS_MAX} characters and no control characters"
            ))
        }
    }
}

impl TryFrom<String> for PageUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_page = |url: &Url| ["http", "https"].contains(&url.scheme());
        match text.parse::<Url>() {
            Ok(url) if is_page(&url) && text.chars().count() <= URL_CHARS_MAX => Ok(Self(url.into())),
            _ => Err(format!(
                "a URL begins with https:// or http:// and has at most {URL_CHARS_MAX} characters"
            )),
        }
    }
}

impl TryFrom<bool> for Yes {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, &'static str> {
        if value { Ok(Self) } else { Err("it must be true") }
    }
}
