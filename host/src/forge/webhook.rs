//! Webhooks: the forge tells that something changed.

use std::fmt;

use http::HeaderMap;

use crate::storage::ProjectId;

/// A request of the forge to the host.
#[derive(Clone, Copy, Debug)]
pub struct Webhook<'a> {
    /// The headers, one of which proves that the forge sent it.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
}

/// A change on the forge, after which cached decisions no longer hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A project was changed, moved or deleted, or its members changed.
    Project(ProjectId),
    /// A user was changed, blocked or deleted; the id as in [`Actor::id`](super::Actor::id).
    User(String),
    /// Any decision may have changed.
    Everything,
}

/// The reason why a webhook is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookError {
    /// The forge sends no webhooks, or no secret is configured by which they could be proven.
    Unsupported,
    /// It does not prove that the forge sent it.
    BadSignature,
    /// It is proven, but cannot be understood. The text says why.
    Malformed(String),
}

impl fmt::Display for WebhookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported => f.write_str("this server takes no webhooks"),
            Self::BadSignature => f.write_str("the webhook's signature or secret is wrong"),
            Self::Malformed(why) => write!(f, "the webhook cannot be understood: {why}"),
        }
    }
}

impl std::error::Error for WebhookError {}
