//! Headers that pass between client and component, in both directions.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, Uri};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::auth::Caller;
use crate::forge::{Actor, Role};
use crate::host::audit::AuditHeaders;
use crate::host::replay::Replay;
use crate::http::error::HttpError;
use crate::http::response_body::Body;

/// Headers of a client's request that are forwarded to the component.
const PASSED_IN: [HeaderName; 10] = [
    header::ACCEPT,
    header::CONTENT_ENCODING,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::RANGE,
    header::USER_AGENT,
    TRACED_EXPERIMENT,
    TRACED_RUN,
];
/// The experiment of the spans in a request of OpenTelemetry.
const TRACED_EXPERIMENT: HeaderName = HeaderName::from_static("x-mlflow-experiment-id");
/// The run of these spans.
const TRACED_RUN: HeaderName = HeaderName::from_static("x-mlflow-run-id");
/// Headers of the component's response that are forwarded to the client. The host itself sets lengths and connections.
const PASSED_OUT: [HeaderName; 16] = [
    header::ACCEPT_RANGES,
    header::ALLOW,
    header::CACHE_CONTROL,
    header::CONTENT_DISPOSITION,
    header::CONTENT_RANGE,
    header::CONTENT_SECURITY_POLICY,
    header::CONTENT_TYPE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::LOCATION,
    header::REFERRER_POLICY,
    header::RETRY_AFTER,
    header::VARY,
    header::X_CONTENT_TYPE_OPTIONS,
    header::X_FRAME_OPTIONS,
    NEXT_PAGE_TOKEN,
];
/// The token of the next page of an answer that is not JSON.
const NEXT_PAGE_TOKEN: HeaderName = HeaderName::from_static("x-mlforge-next-page-token");
pub(crate) const RIGHTS: HeaderName = HeaderName::from_static("x-mlforge-rights");
const ACTOR: HeaderName = HeaderName::from_static("x-mlforge-actor");
const ROLE: HeaderName = HeaderName::from_static("x-mlforge-role");
const AUDIT: HeaderName = HeaderName::from_static("x-mlforge-audit");
const AUDITED_REQUEST_ID: HeaderName = HeaderName::from_static("x-mlforge-request-id");
const ACTOR_ID: HeaderName = HeaderName::from_static("x-mlforge-actor-id");
const ACTOR_NAME: HeaderName = HeaderName::from_static("x-mlforge-actor-name");
pub(crate) const SOURCE_SCHEMES: HeaderName = HeaderName::from_static("x-mlforge-source-schemes");

/// Makes the component's request: the path after the mount with its query, the forwarded headers, the caller, and the facts
/// for the audit log, if the request is recorded there.
pub(crate) fn component_request<B>(
    head: &Parts,
    path: &str,
    caller: &Caller,
    audit: Option<AuditHeaders>,
    body: B,
) -> Result<Request<B>, HttpError> {
    let target = match head.uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut request = Request::new(body);
    // A part of a valid address is valid, so this cannot happen.
    *request.uri_mut() = Uri::try_from(target).map_err(|_| HttpError::EndpointNotFound)?;
    *request.method_mut() = head.method.clone();
    let headers = request.headers_mut();
    pass(&head.headers, headers, &PASSED_IN);
    let replay = Replay::of(head);
    let rights = match (caller.may_write, replay) {
        (false, _) => "read",
        (true, None) => "write",
        (true, Some(_)) => "replay",
    };
    headers.insert(RIGHTS, HeaderValue::from_static(rights));
    match replay {
        Some(replay) => add_actor(headers, &Actor::new("", &replay.user)),
        None => add_actor(headers, &caller.access.actor),
    }
    if let Some((_, role)) = &caller.access.project {
        headers.insert(ROLE, HeaderValue::from_static(word(*role)));
    }
    if let Some(audit) = audit {
        headers.insert(AUDIT, audit.facts);
        headers.insert(AUDITED_REQUEST_ID, audit.request_id);
    }
    Ok(request)
}

/// Adds the headers that say who the caller is. Their texts are percent-encoded, so that every text is a header's value.
fn add_actor(headers: &mut HeaderMap, actor: &Actor) {
    const ENCODED: &AsciiSet = &CONTROLS.add(b'%');
    let texts = [
        (ACTOR, Some(&actor.login)),
        (ACTOR_ID, Some(&actor.id)),
        (ACTOR_NAME, actor.name.as_ref()),
    ];
    for (name, text) in texts {
        let value = text.map(|text| HeaderValue::from_str(&utf8_percent_encode(text, ENCODED).to_string()));
        if let Some(Ok(value)) = value {
            headers.insert(name, value);
        }
    }
}

/// The client's response, with the status and headers of the component's.
pub(crate) fn response_head(head: &http::response::Parts, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    pass(&head.headers, response.headers_mut(), &PASSED_OUT);
    response
}

/// The client's response. For `HEAD` it has the length of the file that is not sent.
pub(crate) fn client_response(method: &Method, head: &http::response::Parts, body: Body) -> Response<Body> {
    let mut response = response_head(head, body);
    if let (&Method::HEAD, Some(length)) = (method, head.headers.get(header::CONTENT_LENGTH)) {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.clone());
    }
    response
}

/// The length of a request's body, as its head declares it.
pub(crate) fn declared_length(head: &Parts) -> Option<u64> {
    let length = head.headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// The role as the component reads it.
fn word(role: Role) -> &'static str {
    match role {
        Role::Guest => "guest",
        Role::Reporter => "reporter",
        Role::Developer => "developer",
        Role::Maintainer => "maintainer",
        Role::Owner => "owner",
    }
}

fn pass(from: &HeaderMap, to: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        for value in from.get_all(name) {
            to.append(name.clone(), value.clone());
        }
    }
}
