//! Webhooks. The forge sends them for created and deleted repositories; it tells nothing of renames and members.

use http::HeaderMap;
use serde::Deserialize;

use crate::forge::signature::is_signed;
use crate::forge::{Event, Webhook, WebhookError};
use crate::storage::ProjectId;

/// Headers with the signature. Forgejo sends all of them, and Gitea the first and the last.
const SIGNATURES: [&str; 3] = ["x-gitea-signature", "x-forgejo-signature", "x-gogs-signature"];
/// Headers with the name of the event.
const EVENTS: [&str; 3] = ["x-gitea-event", "x-forgejo-event", "x-gogs-event"];

/// The body of an event `repository`.
#[derive(Deserialize)]
struct RepositoryEvent {
    repository: RepositoryId,
}

#[derive(Deserialize)]
struct RepositoryId {
    id: u64,
}

/// Checks the signature, and returns the changes. An event that changes no decision, such as a push, has none.
pub(super) fn events(webhook: Webhook<'_>, secret: &str) -> Result<Vec<Event>, WebhookError> {
    verify(webhook, secret)?;
    match header(webhook.headers, &EVENTS) {
        Some("repository") => match serde_json::from_slice::<RepositoryEvent>(webhook.body) {
            Ok(event) => Ok(vec![Event::Project(ProjectId(event.repository.id))]),
            Err(error) => Err(WebhookError::Malformed(error.to_string())),
        },
        Some(_) => Ok(Vec::new()),
        None => Err(WebhookError::Malformed("it has no header X-Gitea-Event".to_owned())),
    }
}

/// The signature is HMAC-SHA256 of the body, in hexadecimal digits.
fn verify(webhook: Webhook<'_>, secret: &str) -> Result<(), WebhookError> {
    match header(webhook.headers, &SIGNATURES) {
        Some(signature) if is_signed(secret, webhook.body, signature) => Ok(()),
        _ => Err(WebhookError::BadSignature),
    }
}

/// The first of these headers that is present.
fn header<'a>(headers: &'a HeaderMap, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| headers.get(*name)?.to_str().ok())
}
