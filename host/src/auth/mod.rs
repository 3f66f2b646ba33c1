//! Authentication and authorisation: from a credential, a project and an intent to a caller or an error, in GitLab's order.

pub(crate) mod origin;
pub(crate) mod upload_token;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use tokio::time::timeout;

use crate::forge::{Actor, Credential, Decision, Forge, Project, ProjectRef, Role, Scope};
use crate::http::error::HttpError;
use crate::http::route_class::Intent;
use crate::limits::budget::{CallerId, Claim};

const PRIVATE_TOKEN: HeaderName = HeaderName::from_static("private-token");

/// A caller who is authenticated and has the right to the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    pub(crate) project: Project,
    pub(crate) may_write: bool,
    /// The key by which this caller's shares of the server are counted. `None`: the host itself.
    pub(crate) id: Option<CallerId>,
}

impl Caller {
    /// The project and caller for whom a request takes shares of what the server has.
    pub(crate) fn claim(&self) -> Claim {
        Claim {
            project: self.project.id,
            caller: self.id,
        }
    }
}

/// The credential of a request, and how it was sent.
pub(crate) struct Presented {
    pub(crate) credential: Credential,
    /// True if browsers add such a credential by themselves to requests of any page. They do so with
    /// passwords, but not with tokens in headers of their own.
    pub(crate) is_ambient: bool,
}

/// Asks the forge about the caller of a request.
pub(crate) async fn admit(
    forge: &dyn Forge,
    credential: &Credential,
    project: &ProjectRef,
    intent: Intent,
    time: Duration,
) -> Result<Caller, HttpError> {
    match timeout(time, forge.resolve(project, credential)).await {
        Ok(Ok(decision)) => judge(decision, intent),
        Ok(Err(error)) => {
            tracing::error!(target: "mlforge::forge", reason = error.0, "forge unavailable");
            Err(HttpError::ForgeDown)
        }
        Err(_) => {
            tracing::error!(target: "mlforge::forge", "forge did not answer in time");
            Err(HttpError::ForgeDown)
        }
    }
}

/// The order is GitLab's: authenticated, scope, project visible, role.
fn judge(decision: Decision, intent: Intent) -> Result<Caller, HttpError> {
    let Decision::Known { actor, scope, project } = decision else {
        return Err(HttpError::Unauthenticated);
    };
    if intent == Intent::Write && scope == Scope::ReadApi {
        return Err(HttpError::ReadOnlyToken);
    }
    let (project, role) = project.ok_or(HttpError::ProjectNotFound)?;
    if intent == Intent::Write && role < Role::Developer {
        return Err(HttpError::WriteDenied);
    }
    Ok(Caller {
        id: Some(CallerId::of(&actor)),
        actor,
        project,
        may_write: scope == Scope::Api && role >= Role::Developer,
    })
}

/// Returns the first credential that is present: a bearer token, a private token, a password.
pub(crate) fn credential(headers: &HeaderMap) -> Option<Presented> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let bearer = || {
        text(&AUTHORIZATION)
            .and_then(|value| scheme(value, "bearer"))
            .map(str::to_owned)
    };
    let private = || text(&PRIVATE_TOKEN).map(str::to_owned);
    let basic = || {
        text(&AUTHORIZATION)
            .and_then(|value| scheme(value, "basic"))
            .and_then(password)
    };
    let filled = |token: &String| !token.is_empty();
    let own = bearer().filter(filled).or_else(|| private().filter(filled));
    let is_ambient = own.is_none();
    own.or_else(|| basic().filter(filled)).map(|token| Presented {
        credential: Credential(token),
        is_ambient,
    })
}

fn scheme<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let (scheme, rest) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case(name).then(|| rest.trim())
}

/// Returns the token: the password, or the user name if there is no password, as for clients with one field.
fn password(encoded: &str) -> Option<String> {
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some(if password.is_empty() { user } else { password }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&'static str, &str)]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        credential(&headers).map(|presented| presented.credential.0)
    }

    fn basic(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn a_token_comes_as_bearer_private_token_or_password() {
        assert_eq!(of(&[("authorization", "Bearer t")]).as_deref(), Some("t"));
        assert_eq!(of(&[("authorization", "bearer  t ")]).as_deref(), Some("t"));
        assert_eq!(of(&[("private-token", "t")]).as_deref(), Some("t"));
        assert_eq!(of(&[("authorization", &basic("user:t:u"))]).as_deref(), Some("t:u"));
        assert_eq!(of(&[("authorization", &basic("t:"))]).as_deref(), Some("t"));
    }

    #[test]
    fn an_empty_or_foreign_credential_is_none() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("authorization", "Bearer ")]), None);
        assert_eq!(of(&[("authorization", "Digest x")]), None);
        assert_eq!(of(&[("authorization", "Basic ???")]), None);
        assert_eq!(of(&[("authorization", &basic(":"))]), None);
        assert_eq!(
            of(&[("authorization", "Digest x"), ("private-token", "t")]).as_deref(),
            Some("t")
        );
    }
}
