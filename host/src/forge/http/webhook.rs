//! Webhooks of the protocol: a list of changes, signed with the secret.

use http::HeaderName;

use super::document::{EventDocument, Id, WebhookDocument};
use crate::forge::client::parse_json;
use crate::forge::signature::is_signed;
use crate::forge::{Event, Webhook, WebhookError};

const SIGNATURE: HeaderName = HeaderName::from_static("x-mlforge-signature");
const ALGORITHM: &str = "sha256=";
/// Maximum number of changes that are applied one by one. Each goes through the whole cache.
const EVENTS_MAX: usize = 100;

/// Returns the changes of a webhook; [`Event::Everything`] for more than [`EVENTS_MAX`].
pub(super) fn events(secret: &str, webhook: Webhook<'_>) -> Result<Vec<Event>, WebhookError> {
    let signature = webhook.headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
    let hex = signature.and_then(|signature| signature.strip_prefix(ALGORITHM));
    if !hex.is_some_and(|hex| is_signed(secret, webhook.body, hex)) {
        return Err(WebhookError::BadSignature);
    }
    let document: WebhookDocument = parse_json(webhook.body).map_err(WebhookError::Malformed)?;
    if document.events.len() > EVENTS_MAX {
        return Ok(vec![Event::Everything]);
    }
    Ok(document.events.into_iter().map(Event::from).collect())
}

impl From<EventDocument> for Event {
    fn from(document: EventDocument) -> Self {
        match document {
            EventDocument::Project(number) => Self::Project(number.0),
            EventDocument::User(id) => Self::User(Id::into_text(id)),
            EventDocument::Everything(_) => Self::Everything,
        }
    }
}
