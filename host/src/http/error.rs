//! Errors that the host answers itself. This is the one place that picks their status, error code and message.

use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use serde_json::json;

use super::response_body::Body;
use crate::forge::WebhookError;
use crate::limits::budget::Exhausted;
use crate::limits::rate::{RateExceeded, RateOf};
use crate::limits::refusals::Bound;

/// An error that the host answers itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HttpError {
    /// There is no credential, or the forge rejects it.
    Unauthenticated,
    /// The credential lacks these scopes, so it does not even allow reading.
    InsufficientScope(Box<str>),
    /// The credential allows reading only.
    ReadOnlyToken,
    /// The upload token is for another request, or has expired.
    BadUploadToken,
    /// A browser sent it for a page of this origin, which is foreign.
    ForeignOrigin(Box<str>),
    /// The `Host` is none of the server's names, so any page may have made a browser send the request.
    UnknownHost(Box<str>),
    /// A change of the API with a cookie does not prove that a script of a page of this server sends it.
    NoScript,
    /// The form comes from no page of the reader, or from one that is too old.
    FormExpired,
    /// The project does not exist, or the caller may not see it.
    ProjectNotFound,
    /// The caller may read the project but not write.
    WriteDenied,
    /// Only maintainers and owners of the project may do this.
    ManageDenied,
    /// Only an owner of the project may do this, and nobody changes their own role.
    OwnerDenied,
    /// Only an administrator of the server may do this.
    AdminDenied,
    /// The token may not manage: it reads only, or is limited to a project.
    TokenLimited,
    /// The webhook does not prove that the forge sent it.
    WebhookUnproven,
    /// The webhook cannot be understood; the text says why.
    WebhookMalformed(Box<str>),
    /// Nothing is served at this address.
    EndpointNotFound,
    /// The request's body has more than this many bytes.
    BodyTooLarge(u64),
    /// The project's files have reached their limit of this many bytes.
    ProjectFull(u64),
    /// The request's body did not come to its end in time.
    BodyStalled,
    /// The request's body broke off.
    BodyBroken,
    /// Too many requests, or too large ones, at the same time. The bound of all, of a project or of a caller
    /// is reached.
    NoRoom(Exhausted),
    /// The token or the project sends more requests a second than it may.
    TooOften(RateExceeded),
    /// A file was replaced again and again while it was opened.
    Unsteady,
    /// Its instance would need more memory than this many bytes.
    MemoryBound(usize),
    /// The forge does not answer. The client may ask again after this many seconds.
    ForgeDown { retry_after_s: u64 },
    /// The storage does not answer.
    StorageDown,
    /// The component took too long.
    TimedOut,
    /// The component failed.
    Internal,
}

impl HttpError {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope(_)
            | Self::ReadOnlyToken
            | Self::BadUploadToken
            | Self::WriteDenied
            | Self::ManageDenied
            | Self::WebhookUnproven
            | Self::NoScript
            | Self::FormExpired
            | Self::OwnerDenied
            | Self::AdminDenied
            | Self::TokenLimited
            | Self::ForeignOrigin(_)
            | Self::UnknownHost(_) => StatusCode::FORBIDDEN,
            Self::ProjectNotFound | Self::EndpointNotFound => StatusCode::NOT_FOUND,
            Self::BodyTooLarge(_) | Self::ProjectFull(_) | Self::MemoryBound(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyStalled => StatusCode::REQUEST_TIMEOUT,
            Self::BodyBroken | Self::WebhookMalformed(_) => StatusCode::BAD_REQUEST,
            // Caused by the caller, or by others in the same project.
            Self::NoRoom(Exhausted::Project | Exhausted::Caller) | Self::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NoRoom(Exhausted::All) | Self::Unsteady | Self::ForgeDown { .. } | Self::StorageDown => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The bound of the server that was reached. `None`: the request was refused for something else.
    pub(crate) fn bound(&self) -> Option<Bound> {
        match self {
            Self::NoRoom(exhausted) => Some((*exhausted).into()),
            Self::TooOften(exceeded) => Some(exceeded.of.into()),
            _ => None,
        }
    }

    /// Seconds after which the client may ask again.
    fn retry_after_s(&self) -> u64 {
        match self {
            Self::ForgeDown { retry_after_s } => *retry_after_s,
            // A part of a second counts as a whole one.
            Self::TooOften(exceeded) => u64::try_from(exceeded.wait.as_millis().div_ceil(1_000))
                .unwrap_or(u64::MAX)
                .max(1),
            _ => 1,
        }
    }

    /// True if the sender of the request is unknown.
    pub(crate) fn is_of_stranger(&self) -> bool {
        matches!(
            self,
            Self::Unauthenticated
                | Self::BadUploadToken
                | Self::WebhookUnproven
                | Self::WebhookMalformed(_)
                | Self::ForeignOrigin(_)
                | Self::UnknownHost(_)
                | Self::ForgeDown { .. }
        )
    }

    /// One of MLflow's error codes: its client turns the code, not the status, into an exception.
    fn error_code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::InsufficientScope(_)
            | Self::ReadOnlyToken
            | Self::BadUploadToken
            | Self::WriteDenied
            | Self::ManageDenied
            | Self::WebhookUnproven
            | Self::NoScript
            | Self::FormExpired
            | Self::OwnerDenied
            | Self::AdminDenied
            | Self::TokenLimited
            | Self::ForeignOrigin(_)
            | Self::UnknownHost(_) => "PERMISSION_DENIED",
            Self::ProjectNotFound => "RESOURCE_DOES_NOT_EXIST",
            Self::EndpointNotFound => "ENDPOINT_NOT_FOUND",
            Self::ProjectFull(_) => "RESOURCE_LIMIT_EXCEEDED",
            Self::BodyTooLarge(_) | Self::MemoryBound(_) | Self::BodyBroken | Self::WebhookMalformed(_) => {
                "INVALID_PARAMETER_VALUE"
            }
            Self::NoRoom(Exhausted::Project | Exhausted::Caller) | Self::TooOften(_) => "REQUEST_LIMIT_EXCEEDED",
            Self::NoRoom(Exhausted::All) | Self::Unsteady | Self::ForgeDown { .. } | Self::StorageDown => {
                "TEMPORARILY_UNAVAILABLE"
            }
            Self::BodyStalled | Self::TimedOut => "DEADLINE_EXCEEDED",
            Self::Internal => "INTERNAL_ERROR",
        }
    }

    /// The status of a page about this error. Somebody who is not signed in does not learn whether a page exists.
    pub(crate) fn page_status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::NOT_FOUND,
            other => other.status(),
        }
    }

    /// The text for the caller.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Unauthenticated => "401 Unauthorized: set MLFLOW_TRACKING_TOKEN to a valid access token.".into(),
            Self::InsufficientScope(required) => {
                format!("403 Forbidden: this needs a token with these scopes: {required}.")
            }
            Self::ReadOnlyToken => {
                "403 Forbidden: this needs a token with the scope `api`; this one has `read_api`.".into()
            }
            Self::BadUploadToken => {
                "403 Forbidden: this upload token is good for another request, or has expired.".into()
            }
            Self::ForeignOrigin(origin) => format!(
                "403 Forbidden: a page of {origin} may not change anything here. If that is an address of this server, start \
                 it with --external-url."
            ),
            Self::UnknownHost(host) => format!(
                "403 Forbidden: this server does not know that it is called {host}. Start it with --external-url, or send the \
                 token as a bearer token (MLFLOW_TRACKING_TOKEN)."
            ),
            Self::NoScript => {
                "403 Forbidden: a change with a browser's session must come from a page of this server and be sent as \
                 application/json. Programs send a token instead."
                    .into()
            }
            Self::FormExpired => {
                "403 Forbidden: this form is too old. Open the page again and repeat the change.".into()
            }
            Self::ProjectNotFound => "404 Project Not Found".into(),
            Self::WriteDenied => "403 Forbidden: writing needs at least the role Developer in this project.".into(),
            Self::ManageDenied => "403 Forbidden: this needs at least the role Maintainer in this project.".into(),
            Self::OwnerDenied => {
                "403 Forbidden: this needs the role Owner in this project, and nobody changes their own role.".into()
            }
            Self::AdminDenied => "403 Forbidden: this needs an administrator of the server.".into(),
            Self::TokenLimited => {
                "403 Forbidden: this needs a token with the scope `api` that is limited to no project.".into()
            }
            Self::EndpointNotFound => "404 Not Found: nothing is served at this address.".into(),
            Self::BodyTooLarge(bytes_max) => format!("The body of this request may have at most {bytes_max} bytes."),
            Self::MemoryBound(bytes_max) => format!(
                "The request needs more memory than one may have, {bytes_max} bytes. Send less at once, or ask for smaller pages."
            ),
            Self::ProjectFull(bytes_max) => {
                format!(
                    "There is no room for this file: the project keeps at most {bytes_max} bytes. Delete some files."
                )
            }
            Self::WebhookUnproven => "The signature or secret of the webhook is wrong.".into(),
            Self::WebhookMalformed(why) => format!("The webhook cannot be understood: {why}"),
            Self::BodyStalled => "The body of the request stopped, or came too slowly.".into(),
            Self::BodyBroken => "The body of the request broke off.".into(),
            Self::NoRoom(Exhausted::All) => "Too many requests at the same time. Try again in a moment.".into(),
            Self::NoRoom(Exhausted::Project) => {
                "The requests of this project take their whole part of the server. Try again in a moment.".into()
            }
            Self::NoRoom(Exhausted::Caller) => {
                "Your requests take their whole part of the server. Try again in a moment.".into()
            }
            Self::TooOften(RateExceeded { of, rate, .. }) => {
                let sender = match of {
                    RateOf::Token => "One token",
                    RateOf::Project => "All clients of one project together",
                };
                format!("{sender} may send {rate}. Try again in {} s.", self.retry_after_s())
            }
            Self::Unsteady => "The file is being replaced. Try again in a moment.".into(),
            Self::ForgeDown { .. } => "The forge does not answer. Try again in a moment.".into(),
            Self::StorageDown => "The storage does not answer. Try again in a moment.".into(),
            Self::TimedOut => "The request took too long and was stopped.".into(),
            Self::Internal => "The request failed inside. The log of the server says more.".into(),
        }
    }
}

impl From<WebhookError> for HttpError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::Unsupported => Self::EndpointNotFound,
            WebhookError::BadSignature => Self::WebhookUnproven,
            WebhookError::Malformed(why) => Self::WebhookMalformed(why.into()),
        }
    }
}

impl From<Exhausted> for HttpError {
    fn from(exhausted: Exhausted) -> Self {
        Self::NoRoom(exhausted)
    }
}

impl From<HttpError> for Response<Body> {
    fn from(refusal: HttpError) -> Self {
        let text = json!({ "error_code": refusal.error_code(), "message": refusal.message() }).to_string();
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = refusal.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if refusal == HttpError::Unauthenticated {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"mlforge\""));
        }
        if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&refusal.status()) {
            headers.insert(RETRY_AFTER, HeaderValue::from(refusal.retry_after_s()));
        }
        response
    }
}

/// The answer of `/-/health` and MLflow's `/health`: the process serves. It calls neither the storage nor the
/// forge.
pub(crate) fn health() -> Response<Body> {
    let mut response = Response::new(Body::from("OK"));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}
