//! The user to whom a credential belongs, and the scopes of an access token.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use serde::Deserialize;

use super::api::{Answer, Api, lacks_scope};
use super::{Flavor, READ_REPOSITORY};
use crate::forge::{Actor, Credential, ForgeError, Scope};

/// The user that Actions jobs are, in Gitea and in Forgejo.
const ACTIONS_USER: i64 = -2;
/// Number of hexadecimal digits of an access token.
const ACCESS_TOKEN_DIGITS: usize = 40;
/// How long it is remembered that a forge lacks `GET /token`. An update brings it.
const ABSENCE: Duration = Duration::from_secs(3600);

/// The forge's answer about a credential.
pub(super) enum Identity {
    Unauthenticated,
    /// The scopes of the token do not permit what is asked. This is the one that it lacks.
    InsufficientScope(&'static str),
    Known(Caller),
}

/// The user to whom a credential belongs.
pub(super) struct Caller {
    pub(super) id: i64,
    pub(super) actor: Actor,
    /// `None`: the forge does not tell.
    pub(super) token: Option<AccessToken>,
}

/// An access token whose scopes the forge tells.
pub(super) struct AccessToken {
    pub(super) id: String,
    pub(super) scope: Scope,
}

/// The answer to `GET /user`.
#[derive(Deserialize)]
struct User {
    id: i64,
    login: String,
    #[serde(default)]
    full_name: String,
}

/// The answer to `GET /token`, which came with Gitea 1.27.
#[derive(Deserialize)]
struct Token {
    id: u64,
    scopes: Vec<String>,
    user: User,
}

/// Remembers that a forge has no `GET /token`.
#[derive(Default)]
pub(super) struct TokenEndpoint {
    absent_until: Mutex<Option<Instant>>,
}

impl Caller {
    /// True if the caller is a job of the forge's Actions, with the token that the forge made for it.
    pub(super) fn is_actions_job(&self) -> bool {
        self.id == ACTIONS_USER
    }
}

impl Api {
    /// Asks to whom a credential belongs.
    pub(super) async fn identify(&self, credential: &Credential, headers: &HeaderMap) -> Result<Identity, ForgeError> {
        let now = Instant::now();
        let asks_token =
            self.flavor() == Flavor::Gitea && is_access_token(credential) && self.token_endpoint.may_exist(now);
        if !asks_token {
            return self.identify_user(headers).await;
        }
        match self.get::<Token>(&["token"], headers).await? {
            Answer::Found(token) => Ok(self.identify_token(token)),
            Answer::Unauthenticated => Ok(Identity::Unauthenticated),
            Answer::Forbidden(_) => self.identify_user(headers).await,
            Answer::NotFound => {
                let identity = self.identify_user(headers).await?;
                // The token of an Actions job looks the same, and no forge knows that one at `GET /token`.
                if matches!(&identity, Identity::Known(caller) if !caller.is_actions_job()) {
                    self.token_endpoint.remember_absence(now);
                }
                Ok(identity)
            }
        }
    }

    async fn identify_user(&self, headers: &HeaderMap) -> Result<Identity, ForgeError> {
        Ok(match self.get::<User>(&["user"], headers).await? {
            Answer::Found(user) => Identity::Known(self.caller(user, None)),
            Answer::Forbidden(message) if lacks_scope(&message) => Identity::InsufficientScope("read:user"),
            // 403 for another reason: the user is blocked, or must change the password first.
            Answer::Forbidden(_) | Answer::Unauthenticated => Identity::Unauthenticated,
            Answer::NotFound => return Err(ForgeError::new("there is no `GET /user` at this address")),
        })
    }

    fn identify_token(&self, token: Token) -> Identity {
        let Some(scope) = scope(&token.scopes) else {
            return Identity::InsufficientScope(READ_REPOSITORY);
        };
        let facts = AccessToken {
            id: token.id.to_string(),
            scope,
        };
        Identity::Known(self.caller(token.user, Some(facts)))
    }

    fn caller(&self, user: User, token: Option<AccessToken>) -> Caller {
        let is_person = user.id > 0;
        let actor = Actor {
            id: user.id.to_string(),
            url: is_person.then(|| self.user_page(&user.login)).flatten(),
            login: user.login,
            name: Some(user.full_name).filter(|name| !name.is_empty()),
        };
        Caller {
            id: user.id,
            actor,
            token,
        }
    }
}

impl TokenEndpoint {
    fn may_exist(&self, now: Instant) -> bool {
        let until = self.absent_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_none_or(|until| now >= until)
    }

    fn remember_absence(&self, now: Instant) {
        let mut until = self.absent_until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = now.checked_add(ABSENCE);
    }
}

/// The rights that the scopes of an access token grant. `None`: it may not even read repositories.
///
/// Scopes of other categories, and `public-only`, grant nothing here. The forge itself hides private repositories from a
/// token with the latter.
fn scope(scopes: &[String]) -> Option<Scope> {
    let has = |names: &[&str]| scopes.iter().any(|scope| names.contains(&scope.as_str()));
    if has(&["all", "write:repository"]) {
        Some(Scope::Api)
    } else if has(&[READ_REPOSITORY]) {
        Some(Scope::ReadApi)
    } else {
        None
    }
}

/// True if a credential has the form of an access token, and is sent in a header that `GET /token` reads.
fn is_access_token(credential: &Credential) -> bool {
    let is_header = !matches!(
        credential,
        Credential::Basic { .. } | Credential::Cookie(_) | Credential::Anonymous
    );
    is_header
        && credential.token().is_some_and(|token| {
            token.len() == ACCESS_TOKEN_DIGITS && token.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_absence_of_the_token_endpoint_is_remembered_for_an_hour() {
        let endpoint = TokenEndpoint::default();
        let now = Instant::now();
        assert!(endpoint.may_exist(now));
        endpoint.remember_absence(now);
        assert!(!endpoint.may_exist(now + ABSENCE - Duration::from_secs(1)));
        assert!(endpoint.may_exist(now + ABSENCE));
    }
}
