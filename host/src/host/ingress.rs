//! The first steps of a request: from its head to its caller, and from its body to bytes. A request that is refused here
//! reaches no instance.

use std::sync::Arc;

use bytes::Bytes;
use http::header;
use http::request::Parts;
use tokio::time::Duration;

use super::headers::declared_length;
use crate::auth;
use crate::auth::Caller;
use crate::auth::session::Secret;
use crate::auth::upload_token::UPLOAD_TOKEN;
use crate::convert::to_u64;
use crate::forge::{Credential, ProjectRef};
use crate::host::HostState;
use crate::host::credentials::Presented;
use crate::http::collect;
use crate::http::collect::{CollectError, CollectLimits};
use crate::http::error::HttpError;
use crate::http::request_body::Inbound;
use crate::http::route_class::{Intent, RouteClass};
use crate::http::router;
use crate::limits::budget::Share;

/// Time for which the body of a refused request is drained.
pub(crate) const DRAIN_TIME: Duration = Duration::from_secs(5);
/// Time that the body of a refused request of an unknown sender is drained.
const STRANGER_DRAIN_TIME: Duration = Duration::from_secs(2);
/// Maximum number of bytes that are drained of such a request.
const STRANGER_DRAIN_BYTES_MAX: usize = 1 << 20;

/// A request whose caller has the right to it.
pub(crate) struct Admitted<'a> {
    pub(crate) head: &'a Parts,
    /// The path after the mount.
    pub(crate) path: &'a str,
    pub(crate) class: RouteClass,
    pub(crate) caller: Caller,
    pub(crate) credential: Credential,
    /// The secret of the session that has the credential. `None`: the request brought it itself.
    pub(crate) session: Option<Secret>,
    /// The token that the forms of a page carry. Empty: this is no page.
    pub(crate) form_token: String,
}

/// True if the credential of a request is that of a cookie, which the browser added by itself.
fn has_cookie(head: &Parts, presented: &Result<Presented, HttpError>) -> bool {
    let is_cookie =
        |presented: &Presented| presented.session.is_some() || matches!(presented.credential, Credential::Cookie(_));
    !head.headers.contains_key(UPLOAD_TOKEN) && presented.as_ref().is_ok_and(is_cookie)
}

impl HostState {
    /// Authenticates and authorises a request. This reads nothing of the body.
    pub(crate) async fn admit<'a>(
        self: &Arc<Self>,
        head: &'a Parts,
        project: &ProjectRef,
        path: &'a str,
    ) -> Result<Admitted<'a>, HttpError> {
        let class = RouteClass::of(&head.method, path);
        let presented = self.credential(head, project, path).await;
        let is_ambient = match &presented {
            // An upload token is in a header of its own, whatever credential it seals.
            Ok(presented) if presented.credential != Credential::Anonymous => {
                presented.is_ambient() && !head.headers.contains_key(UPLOAD_TOKEN)
            }
            _ => head.headers.contains_key(header::COOKIE),
        };
        self.config.origins.check(head, class.intent, is_ambient)?;
        if class.intent == Intent::Write && !router::is_page(path) && has_cookie(head, &presented) {
            self.config.origins.check_script(head)?;
        }
        let (caller, presented) = self.admit_presented(presented?, project, path, class.intent).await?;
        Ok(Admitted {
            head,
            path,
            class,
            caller,
            form_token: if router::is_page(path) {
                presented.form_token()
            } else {
                String::new()
            },
            credential: presented.credential,
            session: presented.session.map(|session| session.secret),
        })
    }

    /// Admits the caller of a credential. A session whose credential the forge no longer takes reads what everybody may.
    async fn admit_presented(
        &self,
        presented: Presented,
        project: &ProjectRef,
        path: &str,
        intent: Intent,
    ) -> Result<(Caller, Presented), HttpError> {
        let forge = &self.services.forge;
        let admitted = auth::admit(forge, &presented.credential, project, intent).await;
        let (admitted, presented) = match admitted {
            Err(HttpError::Unauthenticated) if presented.session.is_some() => {
                let nobody = Presented::of(Credential::Anonymous);
                (auth::admit(forge, &nobody.credential, project, intent).await, nobody)
            }
            admitted => (admitted, presented),
        };
        match admitted {
            // A client without a credential learns that it needs one, whether the forge answers or not.
            Err(HttpError::ForgeDown { .. })
                if presented.credential == Credential::Anonymous && !router::is_page(path) =>
            {
                Err(HttpError::Unauthenticated)
            }
            admitted => Ok((admitted?, presented)),
        }
    }

    /// Counts a request for the rates of its token and project, and for the shares of its caller and project.
    pub(crate) fn enter(&self, admitted: &Admitted<'_>) -> Result<Share, HttpError> {
        let (rates, caller) = (&self.rates, &admitted.caller);
        let token = || {
            let client = self.config.audit.trusted_proxies.client_of(admitted.head);
            rates.token_key(&caller.access.actor, &admitted.credential, client)
        };
        rates.take(token, caller.project).map_err(HttpError::TooOften)?;
        Ok(self.admission.enter(caller.claim())?)
    }

    /// Reads a body into memory.
    pub(crate) async fn receive(
        &self,
        head: &Parts,
        class: RouteClass,
        body: &mut Inbound,
        share: &mut Share,
    ) -> Result<Bytes, HttpError> {
        let bytes_max = class.body_bytes_max(&self.limits);
        let limits = CollectLimits {
            bytes_max,
            pace: self.limits.body_pace(),
            share,
        };
        let bytes_max = to_u64(bytes_max);
        if declared_length(head).is_some_and(|bytes| bytes > bytes_max) {
            return Err(HttpError::BodyTooLarge(bytes_max));
        }
        collect::collect(body, limits).await.map_err(|error| match error {
            CollectError::TooLarge => HttpError::BodyTooLarge(bytes_max),
            CollectError::NoRoom(exhausted) => exhausted.into(),
            CollectError::Stalled => HttpError::BodyStalled,
            CollectError::Broken(_) => HttpError::BodyBroken,
        })
    }

    /// Drains the body of a refused request, so that the client reads the answer instead of a reset. A client that sent
    /// `Expect: 100-continue` has not sent its body yet.
    pub(crate) async fn reject(&self, head: &Parts, body: &mut Inbound, refusal: HttpError) -> HttpError {
        if head.headers.contains_key(header::EXPECT) || refusal == HttpError::BodyStalled {
            return refusal;
        }
        let (bytes_max, time) = if refusal.is_of_stranger() {
            (STRANGER_DRAIN_BYTES_MAX, STRANGER_DRAIN_TIME)
        } else {
            (self.limits.body_bytes_max, DRAIN_TIME)
        };
        collect::drain(body, bytes_max, time).await;
        refusal
    }
}
