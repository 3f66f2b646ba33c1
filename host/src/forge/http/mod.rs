//! A forge that answers one URL with JSON, as `docs/forge-protocol.md` specifies. It may be written in any language.

mod document;
mod webhook;

#[cfg(test)]
mod tests;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use self::document::{AccessDocument, JobAnswer, PublicDocument, ScopeRefusal};
use super::{
    Access, Credential, Decision, Event, Forge, ForgeAddress, ForgeClient, ForgeError, ForgeReply, Job, JobRef,
    Project, ProjectRef, Visibility, Webhook, WebhookError, secret_header,
};
use crate::storage::ProjectId;

const PRIVATE_TOKEN: HeaderName = HeaderName::from_static("private-token");
const JOB_TOKEN: HeaderName = HeaderName::from_static("job-token");

/// The settings of an [`HttpForge`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpOptions {
    /// The URL that the forge answers. CI jobs are asked for at `/jobs` below it.
    pub address: ForgeAddress,
    /// The token with which the host asks for CI jobs. `None`: it asks with the caller's own credential.
    pub service_token: Option<String>,
    /// The secret with which the forge signs webhooks. `None`: the host takes none.
    pub webhook_secret: Option<String>,
    /// The name of the cookie with which the forge signs in its users. `None`: the host takes no cookie.
    pub session_cookie: Option<String>,
}

/// A forge that speaks the protocol.
#[derive(Debug)]
pub struct HttpForge {
    client: ForgeClient,
    service_token: Option<HeaderValue>,
    webhook_secret: Option<String>,
    session_cookie: Option<String>,
}

impl HttpForge {
    /// # Errors
    /// Fails when the address, the service token or the cookie's name is invalid, or when the webhook secret is empty.
    pub fn new(options: HttpOptions) -> anyhow::Result<Self> {
        let service_token = match options.service_token {
            Some(token) => Some(bearer(&token).context("the service token has characters that no header may have")?),
            None => None,
        };
        // An empty secret would let anyone sign.
        ensure!(
            options.webhook_secret.as_deref() != Some(""),
            "the webhook secret is empty"
        );
        if let Some(name) = &options.session_cookie {
            // Names of headers and of cookies have the same characters.
            ensure!(HeaderName::try_from(name).is_ok(), "`{name}` is no name of a cookie");
        }
        Ok(Self {
            client: ForgeClient::new(&options.address)?,
            service_token,
            webhook_secret: options.webhook_secret,
            session_cookie: options.session_cookie,
        })
    }

    /// The headers that pass the caller's credential on. `None`: the forge cannot have issued it, because no header holds it.
    fn headers(&self, credential: &Credential) -> Option<HeaderMap> {
        let (name, value) = match credential {
            Credential::Bearer(token) => (AUTHORIZATION, bearer(token)?),
            Credential::PrivateToken(token) => (PRIVATE_TOKEN, secret_header(token)?),
            Credential::JobToken(token) => (JOB_TOKEN, secret_header(token)?),
            Credential::Basic { user, password } => {
                let encoded = STANDARD.encode(format!("{user}:{password}"));
                (AUTHORIZATION, secret_header(&format!("Basic {encoded}"))?)
            }
            Credential::Cookie(value) => {
                let name = self.session_cookie.as_ref()?;
                (COOKIE, secret_header(&format!("{name}={value}"))?)
            }
            Credential::Anonymous => return None,
        };
        Some(HeaderMap::from_iter([(name, value)]))
    }

    async fn get(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
        mut headers: HeaderMap,
    ) -> Result<ForgeReply, ForgeError> {
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        self.client.get(segments, query, headers).await
    }
}

#[async_trait]
impl Forge for HttpForge {
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        // The protocol has no question about a credential alone, and no project has an empty path.
        if *project == ProjectRef::Path(String::new()) {
            return Ok(Decision::ProjectNotFound);
        }
        let Some(headers) = self.headers(credential) else {
            return Ok(Decision::Unauthenticated);
        };
        let reply = self.get(&[], &[("project", &project.to_string())], headers).await?;
        match reply.status {
            StatusCode::OK => known(project, reply.json::<AccessDocument>()?.into()),
            StatusCode::UNAUTHORIZED => Ok(Decision::Unauthenticated),
            StatusCode::FORBIDDEN => Ok(Decision::InsufficientScope {
                // Many frameworks send a page of their own with a 403, so the document is optional.
                required: reply.json::<ScopeRefusal>().unwrap_or_default().required(),
            }),
            StatusCode::NOT_FOUND => Ok(Decision::ProjectNotFound),
            _ => Err(reply.unexpected()),
        }
    }

    async fn public_project(&self, project: &ProjectRef) -> Result<Option<Project>, ForgeError> {
        let query = [("project", &*project.to_string())];
        let reply = self.get(&[], &query, HeaderMap::new()).await?;
        match reply.status {
            StatusCode::OK => {
                let found = Project::from(reply.json::<PublicDocument>()?);
                ensure_asked(project, found.id)?;
                Ok(Some(found).filter(|found| found.visibility == Visibility::Public))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Ok(None),
            _ => Err(reply.unexpected()),
        }
    }

    async fn job(
        &self,
        project: ProjectId,
        job: &JobRef,
        credential: Option<&Credential>,
    ) -> Result<Option<Job>, ForgeError> {
        let headers = match &self.service_token {
            Some(token) => Some(HeaderMap::from_iter([(AUTHORIZATION, token.clone())])),
            None => credential.and_then(|credential| self.headers(credential)),
        };
        let Some(headers) = headers else { return Ok(None) };
        let number = project.0.to_string();
        let mut query = vec![("project", number.as_str())];
        match job {
            JobRef::Id(id) => query.push(("id", id.as_str())),
            JobRef::OfRun { run, job } => {
                query.push(("run", run.as_str()));
                query.extend(job.as_deref().map(|job| ("job", job)));
            }
        }
        let reply = self.get(&["jobs"], &query, headers).await?;
        match reply.status {
            StatusCode::OK => Ok(reply.json::<JobAnswer>()?.of(project)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(reply.unexpected()),
        }
    }

    fn session_cookie(&self) -> Option<&str> {
        self.session_cookie.as_deref()
    }

    fn events(&self, webhook: Webhook<'_>) -> Result<Vec<Event>, WebhookError> {
        let secret = self.webhook_secret.as_deref().ok_or(WebhookError::Unsupported)?;
        webhook::events(secret, webhook)
    }

    /// Asks without a credential, which must be refused unless the project is public. So it also finds a URL that nothing
    /// answers, and an endpoint that lets everybody in.
    async fn probe(&self) -> Result<(), ForgeError> {
        let reply = self.get(&[], &[("project", "1")], HeaderMap::new()).await?;
        let shown = reply.json::<PublicDocument>().map(Project::from);
        let is_public = shown.is_ok_and(|shown| shown.visibility == Visibility::Public);
        match reply.status {
            StatusCode::UNAUTHORIZED => Ok(()),
            StatusCode::OK if is_public => Ok(()),
            status => Err(ForgeError::new(format!(
                "without a credential the answer must have the status 401 unless the project is public, and it has {status}"
            ))),
        }
    }
}

/// The decision for a caller whom the forge knows. A project that is asked for by number must be the one of the answer, while a
/// path may be a former one.
fn known(asked: &ProjectRef, access: Access) -> Result<Decision, ForgeError> {
    if let Some((project, _)) = &access.project {
        ensure_asked(asked, project.id)?;
    }
    Ok(access.into())
}

fn ensure_asked(asked: &ProjectRef, answered: ProjectId) -> Result<(), ForgeError> {
    match asked {
        ProjectRef::Id(id) if answered.0 != *id => Err(ForgeError::new(format!(
            "the answer is not understood: `project.id` is not {id}, the number that was asked for"
        ))),
        _ => Ok(()),
    }
}

fn bearer(token: &str) -> Option<HeaderValue> {
    secret_header(&format!("Bearer {token}"))
}
