//! The project into which data is brought, and from which it is taken: a host in this process, asked through its front door.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use mlforge::forge::{
    Access, Actor, Credential, Decision, Forge, ForgeError, Project, ProjectRef, Role, Scope, Visibility,
};
use mlforge::storage::ProjectId;
use mlforge::{Body, Host, Limits, Replay};
use serde_json::Value;
use tokio::time::sleep;

use super::files::{Contents, encoded};
use super::json::at;
use super::report::Fatal;

/// Largest number of attempts while the host is busy.
const ATTEMPTS_MAX: u64 = 20;

/// A project, and the host that has it.
pub(in crate::cli) struct Target {
    host: Host,
    prefix: String,
}

/// The answer to a request that was not granted.
#[derive(Debug)]
pub(in crate::cli) struct Refused {
    pub(in crate::cli) status: StatusCode,
    code: String,
    message: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Refused {}

impl Refused {
    pub(in crate::cli) fn is_taken(&self) -> bool {
        self.code == "RESOURCE_ALREADY_EXISTS"
    }
}

/// A forge with one project, in which the one caller is the owner. It is asked by this process only.
pub(in crate::cli) struct Owner(pub(in crate::cli) ProjectId);

#[async_trait]
impl Forge for Owner {
    async fn resolve(&self, project: &ProjectRef, _: &Credential) -> Result<Decision, ForgeError> {
        if *project != ProjectRef::Id(self.0.0) {
            return Ok(Decision::ProjectNotFound);
        }
        let project = Project::new(self.0, self.0.0.to_string(), Visibility::Private);
        Ok(Access::new(Actor::new("0", "mlforge"), Scope::Api, Some((project, Role::Owner))).into())
    }
}

/// The limits of a host that serves one caller.
pub(in crate::cli) fn limits() -> Limits {
    let limits = Limits::default();
    Limits {
        small_body_bytes_max: limits.body_bytes_max,
        queue_timeout: Duration::from_secs(600),
        request_timeout: Duration::from_secs(600),
        project_percent_max: 100,
        caller_percent_max: 100,
        ..limits
    }
}

/// A time and a user of the past.
pub(super) fn past(time_ms: i64, user: &str) -> Replay {
    let since = Duration::from_millis(u64::try_from(time_ms).unwrap_or(0));
    Replay {
        time: SystemTime::UNIX_EPOCH + since,
        user: user.to_owned(),
    }
}

impl Target {
    pub(in crate::cli) fn new(host: Host, project: ProjectId) -> Self {
        Self {
            host,
            prefix: format!("/api/v4/projects/{}/ml/mlflow/api/2.0/", project.0),
        }
    }

    /// Sends a GET below `api/2.0/`. `None`: there is no such object.
    pub(in crate::cli) async fn find(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Option<Value>> {
        let parts = query
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value).replace('/', "%2F")));
        let path = format!("{path}?{}", parts.collect::<Vec<_>>().join("&"));
        absent_as_none(self.ask(Method::GET, &path, None, None).await)
    }

    /// Sends a POST that changes nothing.
    pub(in crate::cli) async fn search(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.ask(Method::POST, path, Some(body), None).await
    }

    /// Makes a request of the past again.
    pub(super) async fn replay(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        past: &Replay,
    ) -> anyhow::Result<Value> {
        self.ask(method, path, Some(body), Some(past)).await
    }

    /// Makes a POST of the past again, below `api/2.0/mlflow/`.
    pub(super) async fn post(&self, path: &str, body: &Value, past: &Replay) -> anyhow::Result<Value> {
        self.replay(Method::POST, &format!("mlflow/{path}"), body, past).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        past: Option<&Replay>,
    ) -> anyhow::Result<Value> {
        let sent = Bytes::from(body.map(Value::to_string).unwrap_or_default());
        for attempt in 0..ATTEMPTS_MAX {
            let mut request = Request::builder()
                .method(method.clone())
                .uri(format!("{}{path}", self.prefix))
                .header(AUTHORIZATION, "Bearer import")
                .body(Full::new(sent.clone()))?;
            if let Some(past) = past {
                request.extensions_mut().insert(past.clone());
            }
            let response = self.host.handle(request).await;
            match response.status() {
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS if attempt + 1 < ATTEMPTS_MAX => {
                    sleep(Duration::from_millis(20 * (attempt + 1))).await;
                }
                _ => return answer(path, response).await,
            }
        }
        Err(Fatal(format!("{path} was not answered")).into())
    }

    /// Stores a file at a path among the project's artifacts.
    pub(super) async fn upload(&self, path: &str, contents: Contents, bytes: u64) -> anyhow::Result<()> {
        let request = Request::put(format!("{}mlflow-artifacts/artifacts/{}", self.prefix, encoded(path)))
            .header(AUTHORIZATION, "Bearer import")
            .header(CONTENT_LENGTH, bytes)
            .body(contents)?;
        answer(path, self.host.handle(request).await).await.map(drop)
    }

    /// Opens a file by its path among the project's artifacts.
    pub(in crate::cli) async fn download(&self, path: &str) -> anyhow::Result<Body> {
        let request = Request::get(format!("{}mlflow-artifacts/artifacts/{}", self.prefix, encoded(path)))
            .header(AUTHORIZATION, "Bearer import")
            .body(Full::new(Bytes::new()))?;
        let response = self.host.handle(request).await;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            status => Err(anyhow!("{path} answers {status}")),
        }
    }
}

/// An object that may be absent.
pub(in crate::cli) fn absent_as_none<T>(result: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.downcast_ref::<Refused>() {
            Some(refused) if refused.status == StatusCode::NOT_FOUND => Ok(None),
            _ => Err(error),
        },
    }
}

/// Reads an answer. A failure of the server itself, such as a full disk, is fatal.
async fn answer(path: &str, response: Response<Body>) -> anyhow::Result<Value> {
    let status = response.status();
    let body = response
        .into_body()
        .collect()
        .await
        .map_err(|error| anyhow!("{path}: {error}"))?;
    let body = body.to_bytes();
    if status.is_success() {
        return Ok(match body.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&body).with_context(|| format!("{path} answers no JSON"))?,
        });
    }
    let told: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |name: &str| at(&told, &[name]).as_str().unwrap_or_default().to_owned();
    let refused = Refused {
        status,
        code: text("error_code"),
        message: text("message"),
    };
    if status.is_server_error() {
        return Err(Fatal(format!("{path} answers {status}: {refused}")).into());
    }
    Err(refused.into())
}

/// The target, shared by the tasks of an import.
pub(super) type SharedTarget = Arc<Target>;
