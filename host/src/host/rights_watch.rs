//! A watch over the rights of a transfer. An upload or a download may take hours, and the forge may withdraw the caller's right
//! meanwhile. Then the transfer breaks off: nothing of an upload is kept, and a download ends as a broken one.
//!
//! The expiry of a token that the client sent itself ends the transfer, too: the forge does not tell it from a revocation.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::auth;
use crate::auth::session::Secret;
use crate::forge::{Credential, ProjectRef};
use crate::host::HostState;
use crate::host::ingress::Admitted;
use crate::http::error::HttpError;
use crate::http::route_class::Intent;

/// How long transfers go on while the forge does not answer.
const FORGE_DOWN_MAX: Duration = Duration::from_secs(60);

/// Asks the forge again and again, until it is dropped.
#[derive(Debug)]
pub(crate) struct RightsWatch {
    task: JoinHandle<()>,
    pub(crate) revocation: Arc<Revocation>,
}

/// The end of a right.
#[derive(Debug, Default)]
pub(crate) struct Revocation {
    token: CancellationToken,
    refusal: OnceLock<HttpError>,
}

impl Revocation {
    /// Waits until the right is withdrawn. Returns the answer that a new request would get.
    pub(crate) async fn wait(&self) -> HttpError {
        self.token.cancelled().await;
        self.refusal.get().cloned().unwrap_or(HttpError::Unauthenticated)
    }

    /// A token that is cancelled when the right is withdrawn.
    pub(crate) fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    fn revoke(&self, refusal: HttpError) {
        // It is set once only, since the watch ends then.
        _ = self.refusal.set(refusal);
        self.token.cancel();
    }
}

impl Drop for RightsWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl HostState {
    /// Watches the right of a caller to a request.
    pub(crate) fn watch_rights(self: &Arc<Self>, project: ProjectRef, admitted: &Admitted<'_>) -> RightsWatch {
        let revocation = Arc::new(Revocation::default());
        let watched = Watched {
            project,
            credential: admitted.credential.clone(),
            session: admitted.session.clone(),
            intent: admitted.class.intent,
        };
        let task = tokio::spawn(watch(Arc::clone(self), watched, Arc::clone(&revocation)));
        RightsWatch { task, revocation }
    }
}

/// The right that is watched.
struct Watched {
    project: ProjectRef,
    credential: Credential,
    /// The session that has the credential. `None`: the request brought it itself.
    session: Option<Secret>,
    intent: Intent,
}

impl Watched {
    /// Asks the forge whether the right holds. A session's access token expires before a long transfer ends, and is renewed as
    /// for a new request. As there, a session that has ended reads what everybody may.
    async fn check(&self, host: &Arc<HostState>) -> Result<(), HttpError> {
        let Some(secret) = &self.session else {
            return self.admit(host, &self.credential).await;
        };
        let checked = match host.session_of(secret).await {
            Some(session) => self.admit(host, &session.contents.credential).await,
            None => Err(HttpError::Unauthenticated),
        };
        match checked {
            Err(HttpError::Unauthenticated) => self.admit(host, &Credential::Anonymous).await,
            checked => checked,
        }
    }

    async fn admit(&self, host: &HostState, credential: &Credential) -> Result<(), HttpError> {
        let admitted = auth::admit(&host.services.forge, credential, &self.project, self.intent).await;
        admitted.map(|_| ())
    }
}

async fn watch(host: Arc<HostState>, watched: Watched, revocation: Arc<Revocation>) {
    let mut last_allowed = Instant::now();
    loop {
        sleep(host.limits.rights_check_pause).await;
        match watched.check(&host).await {
            Ok(()) => last_allowed = Instant::now(),
            Err(HttpError::ForgeDown { .. }) if last_allowed.elapsed() < FORGE_DOWN_MAX => {}
            Err(refusal) => return revocation.revoke(refusal),
        }
    }
}
