//! Webhooks of the forge, which make the cache of decisions forget what changed.

use std::time::Duration;

use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use crate::convert::to_u64;
use crate::forge::Webhook;
use crate::host::HostState;
use crate::http::error::HttpError;
use crate::http::request_body::Inbound;
use crate::http::response_body::Body;
use crate::limits::budget::Exhausted;

/// Maximum size of a webhook, in bytes. A push of many commits is the longest.
const WEBHOOK_BYTES_MAX: usize = 4 << 20;
/// Maximum number of webhooks that are read at a time. Their senders are not known yet.
pub(crate) const WEBHOOKS_MAX: usize = 4;
/// Maximum time in which a webhook must be received.
const RECEIVE_TIME: Duration = Duration::from_secs(10);

impl HostState {
    /// Answers a webhook: 204, once no decision is in the cache that it may have changed.
    pub(crate) async fn take_webhook(&self, head: &Parts, body: Inbound) -> Result<Response<Body>, HttpError> {
        let _permit = self
            .webhooks
            .try_acquire()
            .map_err(|_| HttpError::NoRoom(Exhausted::All))?;
        let body = timeout(RECEIVE_TIME, receive(body))
            .await
            .map_err(|_| HttpError::BodyStalled)??;
        let webhook = Webhook {
            headers: &head.headers,
            body: &body,
        };
        let forge = &self.services.forge;
        let events = forge.forge().events(webhook)?;
        for event in &events {
            tracing::info!(target: "mlforge::forge", ?event, "webhook");
            forge.forget(event);
        }
        if !events.is_empty() {
            // Without this the forge is told that its webhook failed, so that it sends the webhook again.
            forge.tell_others().await.map_err(|error| {
                tracing::error!(target: "mlforge::forge", %error, "cannot tell other hosts of a webhook");
                HttpError::StorageDown
            })?;
        }
        let mut response = Response::new(Body::from(String::new()));
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }
}

async fn receive(mut body: Inbound) -> Result<Vec<u8>, HttpError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| HttpError::BodyBroken)?;
        let Some(data) = frame.data_ref() else { continue };
        if bytes.len() + data.len() > WEBHOOK_BYTES_MAX {
            return Err(HttpError::BodyTooLarge(to_u64(WEBHOOK_BYTES_MAX)));
        }
        bytes.extend_from_slice(data);
    }
    Ok(bytes)
}
