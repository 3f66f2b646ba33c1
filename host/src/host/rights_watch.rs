//! A watch over the rights of a transfer. An upload or a download may take hours, and the forge may withdraw the caller's right
//! meanwhile. Then the transfer breaks off: nothing of an upload is kept, and a download ends as a broken one.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::auth;
use crate::forge::{Credential, ProjectRef};
use crate::host::HostState;
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
    pub(crate) fn watch_rights(
        self: &Arc<Self>,
        project: ProjectRef,
        credential: Credential,
        intent: Intent,
    ) -> RightsWatch {
        let revocation = Arc::new(Revocation::default());
        let task = tokio::spawn(watch(
            Arc::clone(self),
            project,
            credential,
            intent,
            Arc::clone(&revocation),
        ));
        RightsWatch { task, revocation }
    }
}

async fn watch(
    host: Arc<HostState>,
    project: ProjectRef,
    credential: Credential,
    intent: Intent,
    revocation: Arc<Revocation>,
) {
    let mut last_allowed = Instant::now();
    loop {
        sleep(host.limits.rights_check_pause).await;
        match auth::admit(&host.services.forge, &credential, &project, intent).await {
            Ok(_) => last_allowed = Instant::now(),
            Err(HttpError::ForgeDown { .. }) if last_allowed.elapsed() < FORGE_DOWN_MAX => {}
            Err(refusal) => return revocation.revoke(refusal),
        }
    }
}
