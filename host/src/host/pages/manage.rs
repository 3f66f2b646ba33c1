//! The common parts of the pages on which users of the server manage their tokens and projects. Another forge has pages of its
//! own for that.

use std::sync::Arc;

use http::Response;
use http::request::Parts;

use super::Reader;
use super::form::Fields;
use super::start::ensure_form;
use super::view::{View, see_other};
use crate::forge::local::{LocalError, LocalForge};
use crate::host::HostState;
use crate::http::error::HttpError;
use crate::http::response_body::Body;

/// A reader who may manage, and the forge on which.
pub(super) struct Manager {
    pub(super) reader: Reader,
    pub(super) forge: Arc<LocalForge>,
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
            Some(_) => Ok(Ok(Manager { reader, forge })),
            None => Err(HttpError::TokenLimited),
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
