//! Upload tokens of requests: the one that a request brings, and the means to issue others for it.

use std::sync::Arc;

use http::{Method, request::Parts};

use crate::auth;
use crate::auth::Presented;
use crate::auth::upload_token::{Leave, Purpose, TICKET};
use crate::forge::{Credential, ProjectRef};
use crate::host::Inner;
use crate::http::error::HttpError;
use crate::http::{base_url, router};
use crate::storage::ProjectId;

impl Inner {
    /// By what a caller shows who they are: a ticket, or else a token. A ticket is good for a PUT to the project's number.
    pub(crate) fn credential(&self, head: &Parts, project: &ProjectRef, path: &str) -> Result<Presented, HttpError> {
        let Some(ticket) = head.headers.get(TICKET) else {
            return auth::credential(&head.headers).ok_or(HttpError::Unauthenticated);
        };
        let ProjectRef::Id(id) = project else {
            return Err(HttpError::BadTicket);
        };
        let purpose = Purpose {
            project: ProjectId(*id),
            path,
        };
        let ticket = ticket.to_str().ok().filter(|_| head.method == Method::PUT);
        let credential = ticket.and_then(|ticket| self.lent.tickets.open(ticket, purpose, self.lent.now_ms()));
        Ok(Presented {
            credential: credential.ok_or(HttpError::BadTicket)?,
            is_ambient: false,
        })
    }

    /// What a request needs to give leave; none when no address is known by which its client reaches the host.
    pub(crate) fn leave(&self, head: &Parts, project: ProjectId, credential: Credential) -> Option<Arc<Leave>> {
        let base = self.external_url.clone().or_else(|| base_url::of_host(head))?;
        let mount = format!("{base}{}", router::of_project(project));
        Some(Arc::new(Leave { credential, mount }))
    }
}
