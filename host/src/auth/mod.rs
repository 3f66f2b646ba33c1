//! Authentication and authorisation: from a credential, a project and an intent to a caller or an error, in GitLab's order.

pub(crate) mod attempts;
pub(crate) mod cookies;
pub(crate) mod form_token;
pub(crate) mod once;
pub(crate) mod origin;
pub(crate) mod seal;
pub(crate) mod session;
pub(crate) mod sign_in;
pub(crate) mod upload_token;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName};

use crate::forge::cache::{CachedForge, REFUSED_TTL_MAX};
use crate::forge::{Access, Credential, Decision, ProjectRef, Role, Scope};
use crate::http::error::HttpError;
use crate::http::route_class::Intent;
use crate::limits::budget::{CallerId, Claim};
use crate::storage::ProjectId;

const PRIVATE_TOKEN: HeaderName = HeaderName::from_static("private-token");
const JOB_TOKEN: HeaderName = HeaderName::from_static("job-token");

/// Seconds after which a client asks again when the forge is down, if the forge does not say.
const RETRY_AFTER_S: u64 = 1;
/// Maximum of those seconds, whatever the forge says.
const RETRY_AFTER_S_MAX: u64 = 60;

/// A caller who is authenticated and has the right to the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) access: Arc<Access>,
    pub(crate) project: ProjectId,
    pub(crate) may_write: bool,
    /// The key by which this caller's shares of the server are counted. `None`: the host itself.
    pub(crate) id: Option<CallerId>,
}

impl Caller {
    /// The project and caller for whom a request takes shares of what the server has.
    pub(crate) fn claim(&self) -> Claim {
        Claim {
            project: self.project,
            caller: self.id,
        }
    }
}

/// Asks the forge about the caller of a request. Without a credential only a public project may be read. A refusal is based on
/// an answer that is at most 5 s old, so a right that was granted takes effect within that time.
pub(crate) async fn admit(
    forge: &CachedForge,
    credential: &Credential,
    project: &ProjectRef,
    intent: Intent,
) -> Result<Caller, HttpError> {
    if *credential == Credential::Anonymous && intent != Intent::Read {
        return Err(HttpError::Unauthenticated);
    }
    match admit_within(forge, credential, project, intent, Duration::MAX).await {
        Err(HttpError::ReadOnlyToken | HttpError::WriteDenied | HttpError::ManageDenied) => {
            admit_within(forge, credential, project, intent, REFUSED_TTL_MAX).await
        }
        admitted => admitted,
    }
}

async fn admit_within(
    forge: &CachedForge,
    credential: &Credential,
    project: &ProjectRef,
    intent: Intent,
    age_max: Duration,
) -> Result<Caller, HttpError> {
    match forge.resolve(project, credential, age_max).await {
        Ok(decision) => judge(decision, intent),
        Err(error) => {
            tracing::error!(target: "mlforge::forge", reason = error.reason, "forge unavailable");
            let asked = error.retry_after.map_or(RETRY_AFTER_S, |after| after.as_secs());
            Err(HttpError::ForgeDown {
                retry_after_s: asked.clamp(RETRY_AFTER_S, RETRY_AFTER_S_MAX),
            })
        }
    }
}

/// The order is GitLab's: authenticated, scope, project visible, role.
fn judge(decision: Decision, intent: Intent) -> Result<Caller, HttpError> {
    let access = match decision {
        Decision::Unauthenticated => return Err(HttpError::Unauthenticated),
        Decision::InsufficientScope { required } => return Err(HttpError::InsufficientScope(required.into())),
        Decision::ProjectNotFound => return Err(HttpError::ProjectNotFound),
        Decision::Known(access) => access,
    };
    if intent == Intent::Write && access.scope == Scope::ReadApi {
        return Err(HttpError::ReadOnlyToken);
    }
    let (project, role) = access.project.as_ref().ok_or(HttpError::ProjectNotFound)?;
    if intent == Intent::Write && *role < Role::Developer {
        return Err(HttpError::WriteDenied);
    }
    if intent == Intent::Manage && *role < Role::Maintainer {
        return Err(HttpError::ManageDenied);
    }
    Ok(Caller {
        id: Some(CallerId::of(&access.actor)),
        project: project.id,
        may_write: access.scope == Scope::Api && *role >= Role::Developer,
        access,
    })
}

/// Returns the first credential that is present: a bearer token, a private token, a job token, a password, the session
/// cookie of this name.
pub(crate) fn credential(headers: &HeaderMap, session_cookie: Option<&str>) -> Option<Credential> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let authorization = |name: &str| text(&AUTHORIZATION).and_then(|value| scheme(value, name));
    let bearer = authorization("bearer").or_else(|| authorization("token"));
    let filled = |token: &&str| !token.is_empty();
    let of_header = |name: &HeaderName, credential: fn(String) -> Credential| {
        text(name).filter(filled).map(|token| credential(token.to_owned()))
    };
    bearer
        .filter(filled)
        .map(|token| Credential::Bearer(token.to_owned()))
        .or_else(|| of_header(&PRIVATE_TOKEN, Credential::PrivateToken))
        .or_else(|| of_header(&JOB_TOKEN, Credential::JobToken))
        .or_else(|| authorization("basic").and_then(password))
        .or_else(|| cookie(headers, session_cookie?).map(Credential::Cookie))
}

fn scheme<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let (scheme, rest) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case(name).then(|| rest.trim())
}

/// Decodes a user name and a password. `None`: both are empty.
fn password(encoded: &str) -> Option<Credential> {
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    Credential::basic(&decoded).filter(|credential| credential.token().is_some_and(|token| !token.is_empty()))
}

/// Returns the cookie of this name. `None`: there is none, or it is empty.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(found, value)| *found == name && !value.is_empty())?;
    Some(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&'static str, &str)]) -> Option<Credential> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        credential(&headers, Some("session"))
    }

    fn token(pairs: &[(&'static str, &str)]) -> Option<String> {
        of(pairs).and_then(|credential| credential.token().map(str::to_owned))
    }

    fn basic(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn a_token_comes_as_bearer_private_token_job_token_or_password() {
        assert_eq!(
            of(&[("authorization", "Bearer t")]),
            Some(Credential::Bearer("t".into()))
        );
        assert_eq!(
            of(&[("authorization", "token t")]),
            Some(Credential::Bearer("t".into()))
        );
        assert_eq!(token(&[("authorization", "bearer  t ")]).as_deref(), Some("t"));
        assert_eq!(
            of(&[("private-token", "t")]),
            Some(Credential::PrivateToken("t".into()))
        );
        assert_eq!(of(&[("job-token", "t")]), Some(Credential::JobToken("t".into())));
        assert_eq!(token(&[("authorization", &basic("user:t:u"))]).as_deref(), Some("t:u"));
        assert_eq!(token(&[("authorization", &basic("t:"))]).as_deref(), Some("t"));
    }

    #[test]
    fn an_empty_or_foreign_credential_is_none() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("authorization", "Bearer ")]), None);
        assert_eq!(of(&[("authorization", "Digest x")]), None);
        assert_eq!(of(&[("authorization", "Basic ???")]), None);
        assert_eq!(of(&[("authorization", &basic(":"))]), None);
        assert_eq!(
            token(&[("authorization", "Digest x"), ("private-token", "t")]).as_deref(),
            Some("t")
        );
    }

    #[test]
    fn only_the_session_cookie_is_taken_and_after_all_others() {
        let session = |text: &str| of(&[("cookie", text)]);
        assert_eq!(session("a=1; session=t=u; b=2"), Some(Credential::Cookie("t=u".into())));
        assert_eq!(
            of(&[("cookie", "a=1"), ("cookie", "session=t")]),
            Some(Credential::Cookie("t".into()))
        );
        for none in ["session=", "sessions=t", "a=session", ""] {
            assert_eq!(session(none), None, "{none}");
        }
        assert_eq!(
            token(&[("cookie", "session=t"), ("job-token", "u")]).as_deref(),
            Some("u")
        );
        let headers = HeaderMap::from_iter([(COOKIE, "session=t".parse().unwrap())]);
        assert_eq!(credential(&headers, None), None);
    }
}
