//! The begin and the end of a session.

use std::sync::Arc;

use http::Response;
use http::header::USER_AGENT;
use http::request::Parts;

use super::form::Fields;
use super::view::{FORM_TOKEN, see_other, with_cookie};
use crate::auth::cookies;
use crate::auth::form_token::is_form_token;
use crate::auth::session::{Contents, LIFE_MS, Owner, Secret, Session, SessionError};
use crate::forge::Credential;
use crate::host::HostState;
use crate::http::error::HttpError;
use crate::http::response_body::Body;

impl HostState {
    /// Begins a session, and leads to the page to which the reader wants. The secret is new, whatever cookie the browser has,
    /// and the browser's former session ends.
    pub(crate) async fn begin_session(
        self: &Arc<Self>,
        head: &Parts,
        owner: Owner,
        contents: Contents,
        next: &str,
    ) -> Result<Response<Body>, HttpError> {
        let agent = head.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        let (host, agent) = (Arc::clone(self), agent.unwrap_or_default().to_owned());
        let former = self.own_session(head).await;
        let secret = tokio::task::spawn_blocking(move || {
            let sessions = &host.sign_in.sessions;
            if let Some(former) = former {
                sessions.revoke(&former.owner.user, former.id)?;
            }
            sessions.create(&owner, &contents, &agent, host.services.now_ms())
        });
        let secret = stored(secret.await)?;
        let cookies = &self.sign_in.cookies;
        let response = see_other(&format!("{}{next}", cookies.root()));
        let response = with_cookie(response, cookies.set(cookies::SESSION, &secret.text(), LIFE_MS / 1_000));
        Ok(with_cookie(response, cookies.set(cookies::FORM, "", 0)))
    }

    /// Ends the session of this browser.
    pub(crate) async fn sign_out(self: &Arc<Self>, head: &Parts, fields: &Fields) -> Result<Response<Body>, HttpError> {
        let cookies = &self.sign_in.cookies;
        let response = see_other(&format!("{}/", cookies.root()));
        let Some(session) = self.own_session(head).await else {
            return Ok(response);
        };
        ensure_form(&Credential::Cookie(session.secret.text()), fields)?;
        self.end(session.owner.user.clone(), Some(session.id)).await?;
        Ok(with_cookie(response, cookies.set(cookies::SESSION, "", 0)))
    }

    /// Ends one session of a user, or all.
    pub(super) async fn end(self: &Arc<Self>, user: String, id: Option<i64>) -> Result<(), HttpError> {
        let host = Arc::clone(self);
        let ended = tokio::task::spawn_blocking(move || match id {
            Some(id) => host.sign_in.sessions.revoke(&user, id),
            None => host.sign_in.sessions.revoke_all(&user),
        });
        stored(ended.await)
    }

    /// The session of the browser's cookie, whatever the forge says of its credential.
    async fn own_session(self: &Arc<Self>, head: &Parts) -> Option<Session> {
        let secret = Secret::parse(&self.sign_in.cookies.get(&head.headers, cookies::SESSION)?)?;
        self.find_session(secret).await
    }
}

/// Refuses a form that does not carry the token of this secret: it comes from no page of the reader.
pub(super) fn ensure_form(secret: &Credential, fields: &Fields) -> Result<(), HttpError> {
    if is_form_token(secret, fields.text(FORM_TOKEN)) {
        Ok(())
    } else {
        Err(HttpError::FormExpired)
    }
}

fn stored<T>(done: Result<Result<T, SessionError>, tokio::task::JoinError>) -> Result<T, HttpError> {
    let told = match done {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    tracing::error!(target: "mlforge::session", error = told, "cannot store a session");
    Err(HttpError::StorageDown)
}
