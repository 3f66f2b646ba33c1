//! Upload tokens of requests: the one that a request brings, and the means to issue others for it.

use std::sync::Arc;

use http::{Method, request::Parts};

use crate::auth::upload_token::{TokenBinding, TokenIssuer, UPLOAD_TOKEN};
use crate::forge::{Credential, ProjectRef};
use crate::host::HostState;
use crate::host::credentials::Presented;
use crate::http::error::HttpError;
use crate::http::{base_url, router};
use crate::storage::ProjectId;

impl HostState {
    /// The credential of a request: that in its upload token, or else its own or none. An upload token is valid for a PUT to
    /// the project's number.
    pub(crate) async fn credential(
        self: &Arc<Self>,
        head: &Parts,
        project: &ProjectRef,
        path: &str,
    ) -> Result<Presented, HttpError> {
        let Some(token) = head.headers.get(UPLOAD_TOKEN) else {
            let presented = self.presented(&head.headers).await;
            return Ok(presented.unwrap_or_else(|| Presented::of(Credential::Anonymous)));
        };
        let ProjectRef::Id(id) = project else {
            return Err(HttpError::BadUploadToken);
        };
        let binding = TokenBinding {
            project: ProjectId(*id),
            path,
        };
        let token = token.to_str().ok().filter(|_| head.method == Method::PUT);
        let credential =
            token.and_then(|token| self.services.upload_tokens.open(token, binding, self.services.now_ms()));
        credential.map(Presented::of).ok_or(HttpError::BadUploadToken)
    }

    /// The means to issue upload tokens for a request. `None`: no address is known by which its client reaches the host.
    pub(crate) fn token_issuer(
        &self,
        head: &Parts,
        project: ProjectId,
        credential: Arc<Credential>,
    ) -> Option<Arc<TokenIssuer>> {
        let base = self.config.external_url.clone().or_else(|| base_url::of_host(head))?;
        let mount = format!("{base}{}", router::of_project(project));
        Some(Arc::new(TokenIssuer { credential, mount }))
    }
}
