//! The common parts of the pages on which users of the server manage their tokens and projects. Another forge has pages of its
//! own for that.

use std::sync::Arc;

use http::Response;
use http::request::Parts;

use super::Reader;
use super::form::Fields;
use super::start::ensure_form;
use super::view::{View, see_other};
use crate::forge::local::{Author, LocalError, LocalForge};
use crate::host::HostState;
use crate::http::error::HttpError;
use crate::http::request_id::current_request_id;
use crate::http::response_body::Body;

/// A reader who may manage, and the forge on which. It records changes as those of the reader.
pub(super) struct Manager {
    pub(super) reader: Reader,
    pub(super) forge: LocalForge,
    /// True for an administrator of the server.
    is_admin: bool,
}

impl HostState {
    /// The reader who may manage, or the answer to one who may not: somebody who is not signed in is led to do so.
    pub(super) async fn manager(self: &Arc<Self>, head: &Parts) -> Result<Result<Manager, Response<Body>>, HttpError> {
        let forge = self.sign_in.local.clone().ok_or(HttpError::EndpointNotFound)?;
        let Some(reader) = self.reader(head).await? else {
            return Ok(Err(see_other(&View::new(self, head, None).sign_in_address())));
        };
        let (asked, credential) = (Arc::clone(&forge), reader.presented.credential.clone());
        let manager = on_forge(move || asked.manager(&credential)).await?;
        match manager.map_err(unexpected)? {
            Some(user) => Ok(Ok(Manager {
                forge: forge.by(self.author(head, user.login)),
                is_admin: user.is_admin,
                reader,
            })),
            None => Err(HttpError::TokenLimited),
        }
    }

    /// The administrator who reads a page. Others are refused.
    pub(super) async fn admin(self: &Arc<Self>, head: &Parts) -> Result<Result<Manager, Response<Body>>, HttpError> {
        let manager = self.manager(head).await?;
        ensure_admin(&manager)?;
        Ok(manager)
    }

    /// The administrator who posts a form, which must carry the reader's token.
    pub(super) async fn admin_of_form(
        self: &Arc<Self>,
        head: &Parts,
        fields: &Fields,
    ) -> Result<Result<Manager, Response<Body>>, HttpError> {
        let manager = self.manager_of_form(head, fields).await?;
        ensure_admin(&manager)?;
        Ok(manager)
    }

    fn author(&self, head: &Parts, login: String) -> Author {
        let address = self.client_address(head);
        Author {
            login,
            address: address.map_or_else(String::new, |address| address.to_string()),
            request_id: current_request_id().unwrap_or_default(),
        }
    }

    /// The manager who posts a form, which must carry the reader's token.
    pub(super) async fn manager_of_form(
        self: &Arc<Self>,
        head: &Parts,
        fields: &Fields,
    ) -> Result<Result<Manager, Response<Body>>, HttpError> {
        let manager = self.manager(head).await?;
        if let Ok(manager) = &manager {
            ensure_form(&manager.reader.presented.form_secret(), fields)?;
        }
        Ok(manager)
    }
}

fn ensure_admin(manager: &Result<Manager, Response<Body>>) -> Result<(), HttpError> {
    match manager {
        Ok(manager) if !manager.is_admin => Err(HttpError::AdminDenied),
        _ => Ok(()),
    }
}

/// Does work on the forge's file, which may wait for the disk.
pub(super) async fn on_forge<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LocalError> + Send + 'static,
) -> Result<Result<T, LocalError>, HttpError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(target: "mlforge::forge", %error, "a change of the forge failed");
        HttpError::Internal
    })
}

/// The error for a mistake that no field of the form explains.
pub(super) fn unexpected(error: LocalError) -> HttpError {
    tracing::error!(target: "mlforge::forge", %error, "cannot read or change the forge");
    HttpError::StorageDown
}
