//! GitLab's webhooks: system hooks of the whole instance, and hooks of groups and projects.

use http::HeaderMap;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::forge::{Event, Webhook, WebhookError};
use crate::storage::ProjectId;

const SECRET_HEADER: &str = "x-gitlab-token";

/// The secret that GitLab sends with every webhook, as a hash.
pub(super) struct Secret([u8; 32]);

#[derive(Deserialize)]
struct Body {
    /// The event. `None`: the hook tells of code, which has an `object_kind`.
    event_name: Option<String>,
    object_kind: Option<String>,
    project_id: Option<u64>,
    user_id: Option<u64>,
}

impl Secret {
    pub(super) fn new(text: &str) -> Self {
        Self(hash(text.as_bytes()))
    }

    /// Compares hashes, so the time tells nothing about the secret.
    fn is_in(&self, headers: &HeaderMap) -> bool {
        headers
            .get(SECRET_HEADER)
            .is_some_and(|value| hash(value.as_bytes()) == self.0)
    }
}

/// The changes of which a webhook tells. None: it tells of something that no decision depends on.
pub(super) fn events(webhook: Webhook<'_>, secret: Option<&Secret>) -> Result<Vec<Event>, WebhookError> {
    let secret = secret.ok_or(WebhookError::Unsupported)?;
    if !secret.is_in(webhook.headers) {
        return Err(WebhookError::BadSignature);
    }
    let body: Body =
        serde_json::from_slice(webhook.body).map_err(|error| WebhookError::Malformed(error.to_string()))?;
    match (&body.event_name, &body.object_kind) {
        (Some(name), _) => body.changes(name),
        (None, Some(_)) => Ok(Vec::new()),
        (None, None) => Err(malformed("it has neither `event_name` nor `object_kind`")),
    }
}

impl Body {
    fn changes(&self, name: &str) -> Result<Vec<Event>, WebhookError> {
        let project = || {
            self.project_id
                .map(|id| Event::Project(ProjectId(id)))
                .ok_or_else(|| malformed("it has no `project_id`"))
        };
        let user = || {
            self.user_id
                .map(|id| Event::User(id.to_string()))
                .ok_or_else(|| malformed("it has no `user_id`"))
        };
        Ok(match name {
            "project_create"
            | "project_destroy"
            | "project_rename"
            | "project_transfer"
            | "project_update"
            | "user_add_to_team"
            | "user_remove_from_team"
            | "user_update_for_team" => vec![project()?],
            "user_add_to_group" | "user_remove_from_group" | "user_update_for_group" | "user_destroy" => vec![user()?],
            // The projects below get other paths, and no hook names them.
            "group_rename" | "group_destroy" | "user_rename" => vec![Event::Everything],
            _ => Vec::new(),
        })
    }
}

fn malformed(why: &str) -> WebhookError {
    WebhookError::Malformed(why.to_owned())
}

fn hash(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}
