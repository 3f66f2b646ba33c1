//! The credential of a request: that of a header, of a browser's session, of the forge's cookie, or none.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tokio::sync::MutexGuard;

use crate::auth;
use crate::auth::cookies;
use crate::auth::form_token::form_token;
use crate::auth::session::{Contents, Renewal, Secret, Session, Sessions};
use crate::forge::Credential;
use crate::forge::oauth::{TokenAnswer, Tokens};
use crate::host::HostState;

/// A credential is renewed when it is good for less than so many milliseconds.
const RENEW_BEFORE_MS: u64 = 60 * 1_000;
/// Time in which another host stores a credential that it has renewed.
const OTHER_RENEWAL_TIME: Duration = Duration::from_secs(1);
/// The address to which the forge leads back after a sign-in.
pub(crate) const OAUTH_CALLBACK: &str = "/-/oauth/callback";

/// The credential that a request presents.
#[derive(Clone)]
pub(crate) struct Presented {
    pub(crate) credential: Credential,
    /// The session whose cookie brought the credential. `None`: the request brought it itself.
    pub(crate) session: Option<Session>,
}

impl Presented {
    pub(crate) fn of(credential: Credential) -> Self {
        Self {
            credential,
            session: None,
        }
    }

    /// True if browsers add it by themselves to requests of any page.
    pub(crate) fn is_ambient(&self) -> bool {
        self.session.is_some() || self.credential.is_ambient()
    }

    /// The token that the reader's forms carry. It stays when the credential of a session is renewed. Empty: nobody is
    /// signed in, so no form is taken.
    pub(crate) fn form_token(&self) -> String {
        match &self.credential {
            Credential::Anonymous => String::new(),
            _ => form_token(&self.form_secret()),
        }
    }

    /// The secret from which the form token is made.
    pub(crate) fn form_secret(&self) -> Credential {
        match &self.session {
            Some(session) => Credential::Cookie(session.secret.text()),
            None => self.credential.clone(),
        }
    }
}

impl HostState {
    /// The credential that a request brings, the most explicit one first. `None`: it brings none.
    pub(crate) async fn presented(self: &Arc<Self>, headers: &HeaderMap) -> Option<Presented> {
        if let Some(credential) = auth::credential(headers, None) {
            return Some(Presented::of(credential));
        }
        if let Some(session) = self.session(headers).await {
            return Some(Presented {
                credential: session.contents.credential.clone(),
                session: Some(session),
            });
        }
        let of_forge = self.services.forge.forge().session_cookie();
        auth::credential(headers, of_forge).map(Presented::of)
    }

    /// The session of a request's cookie, with a credential that is good now.
    async fn session(self: &Arc<Self>, headers: &HeaderMap) -> Option<Session> {
        let secret = Secret::parse(&self.sign_in.cookies.get(headers, cookies::SESSION)?)?;
        self.session_of(&secret).await
    }

    /// The session with a secret, with a credential that is good now. `None`: it has ended.
    pub(crate) async fn session_of(self: &Arc<Self>, secret: &Secret) -> Option<Session> {
        let session = self.find_session(secret.clone()).await?;
        if !self.needs_renewal(&session) {
            return Some(session);
        }
        // A task of its own: a refresh token is good once, so the new one must be stored even if the reader leaves.
        let host = Arc::clone(self);
        tokio::spawn(async move { host.renewed(session).await }).await.ok()?
    }

    /// The live session of a secret.
    pub(crate) async fn find_session(self: &Arc<Self>, secret: Secret) -> Option<Session> {
        let now_ms = self.services.now_ms();
        self.on_sessions(move |sessions| sessions.find(&secret, now_ms)).await?
    }

    /// Does work on the sessions. If they are on a server, it waits on another thread. `None`: it panicked.
    pub(crate) async fn on_sessions<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Sessions) -> T + Send + 'static,
    ) -> Option<T> {
        if !self.sign_in.sessions.is_remote() {
            return Some(work(&self.sign_in.sessions));
        }
        let host = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&host.sign_in.sessions))
            .await
            .ok()
    }

    fn needs_renewal(&self, session: &Session) -> bool {
        let soon_ms = self.services.now_ms().saturating_add(RENEW_BEFORE_MS);
        let renewal = session.contents.renewal.as_ref();
        self.sign_in.oauth.is_some() && renewal.is_some_and(|renewal| renewal.expires_ms <= soon_ms)
    }

    /// Ends a session whose credential the forge does not renew. If another host has renewed it meanwhile, its refresh token was
    /// good once for that one, and the session goes on.
    async fn refused_renewal(self: &Arc<Self>, session: Session) -> Option<Session> {
        if self.sign_in.sessions.is_remote() {
            // The other host may have the forge's answer and be about to store it.
            tokio::time::sleep(OTHER_RENEWAL_TIME).await;
            let found = self.find_session(session.secret.clone()).await?;
            if found.contents != session.contents {
                return Some(found);
            }
        }
        // If this fails the next request tries again.
        self.on_sessions(move |sessions| sessions.revoke(&session.owner.user, session.id))
            .await;
        None
    }

    /// The session with a new credential. `None`: the forge gives none, and the session has ended.
    async fn renewed(self: &Arc<Self>, session: Session) -> Option<Session> {
        let sessions = &self.sign_in.sessions;
        let _lock: Option<MutexGuard<'_, ()>> = sessions.renewal_lock(&session).await;
        // Another request may have renewed it meanwhile.
        let session = self.find_session(session.secret.clone()).await?;
        let (Some(oauth), Some(renewal)) = (&self.sign_in.oauth, &session.contents.renewal) else {
            return Some(session);
        };
        if !self.needs_renewal(&session) {
            return Some(session);
        }
        match oauth.refresh(&renewal.refresh_token, &self.oauth_callback()).await {
            Ok(TokenAnswer::Granted(tokens)) => {
                let contents = self.contents_of(tokens);
                let (renewed, new) = (session.clone(), contents.clone());
                let stored = self.on_sessions(move |sessions| sessions.renew(&renewed, &new)).await;
                if let Some(Err(error)) = stored {
                    tracing::error!(target: "mlforge::session", %error, "cannot store a renewed credential");
                }
                Some(Session { contents, ..session })
            }
            Ok(TokenAnswer::Refused) => self.refused_renewal(session).await,
            Err(error) => {
                tracing::warn!(target: "mlforge::forge", reason = error.reason, "cannot renew a credential");
                Some(session)
            }
        }
    }

    /// The contents of a session with tokens of the forge.
    pub(crate) fn contents_of(&self, tokens: Tokens) -> Contents {
        let expires_ms = tokens.expires_in.map(|left| {
            self.services
                .now_ms()
                .saturating_add(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))
        });
        let renewal = tokens.refresh_token.zip(expires_ms);
        Contents {
            credential: Credential::Bearer(tokens.access_token),
            renewal: renewal.map(|(refresh_token, expires_ms)| Renewal {
                refresh_token,
                expires_ms,
            }),
        }
    }

    /// The whole address to which the forge leads back after a sign-in.
    pub(crate) fn oauth_callback(&self) -> String {
        let base = self.config.external_url.as_deref().unwrap_or_default();
        format!("{base}{OAUTH_CALLBACK}")
    }
}
