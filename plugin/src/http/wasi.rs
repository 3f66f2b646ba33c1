//! Requests and answers, whole or as streams, over `wasi:http` and over `direct`.

use mlforge_ui::Language;
use mlforge_ui::link::encoded_path;

use super::rights::CallerRights;
use super::route;
use crate::bindings::exports::mlforge::plugin::direct;
use crate::bindings::wasi::http::types::{ErrorCode, Fields, Method, Request, Response};
use crate::bindings::wit_future;
use crate::domain::actor::Actor;
use crate::domain::percent::decoded;
use crate::host::blobs::FilePart;
use crate::host::http_body::stream_of;
use crate::request::body::Body;
use crate::request::call::Telemetry;
use crate::request::range::RangeRequest;
use crate::request::response::{Answer, Contents};
use crate::request::site::Site;

/// The header with the caller's rights, set by the host.
const RIGHTS_HEADER: &str = "x-mlforge-rights";

/// The header with the caller's login, set by the host.
const ACTOR_HEADER: &str = "x-mlforge-actor";

/// The header with the caller's role in the project, set by the host.
const ROLE_HEADER: &str = "x-mlforge-role";

/// The header with facts about the caller for the audit log, set by the host if it keeps one.
const AUDIT_HEADER: &str = "x-mlforge-audit";

/// The header with the request's id, set by the host.
const REQUEST_ID_HEADER: &str = "x-mlforge-request-id";

/// The header with the caller's id, set by the host.
const ACTOR_ID_HEADER: &str = "x-mlforge-actor-id";

/// The header with the caller's display name, set by the host if there is one.
const ACTOR_NAME_HEADER: &str = "x-mlforge-actor-name";

/// The header with the schemes of sources that may lead out of the project, set by the host.
const SOURCE_SCHEMES_HEADER: &str = "x-mlforge-source-schemes";

/// The header with the host's address for browsers, set by the host for pages.
const ROOT_HEADER: &str = "x-mlforge-root";

/// The header with the project's number and its path, set by the host for pages.
const PROJECT_HEADER: &str = "x-mlforge-project";

/// The header with the reader's language, set by the host for pages.
const LANGUAGE_HEADER: &str = "x-mlforge-language";

/// The header with the token of the reader's forms, set by the host for pages.
const FORM_TOKEN_HEADER: &str = "x-mlforge-form-token";

/// The header that says whether the host has a page to sign in, set by the host for pages.
const SIGN_IN_HEADER: &str = "x-mlforge-sign-in";

/// The header with the text that the page asked the browser to remember, set by the host for pages.
const REMEMBERED_HEADER: &str = "x-mlforge-remembered";

/// A request as the routes and endpoints see it.
pub struct Incoming {
    /// The method, in capitals.
    pub method: String,
    /// The path, percent-encoded, without the query.
    pub path: String,
    /// The query without the question mark; empty when there is none.
    pub query: String,
    /// The caller's rights.
    pub rights: CallerRights,
    /// True if the caller is a maintainer or an owner of the project.
    pub is_manager: bool,
    /// The caller. Its texts are empty when the host does not say.
    pub actor: Actor,
    /// Facts about the caller for the audit log, as `AuditCaller::parse` reads them. `None`: there is no log.
    pub audit_facts: Option<String>,
    /// The request's id; empty when the host does not say.
    pub id: String,
    /// The header `Accept`; empty when there is none.
    pub accept: String,
    /// The header `Content-Type`; empty when there is none.
    pub content_type: String,
    /// The place of the project's pages, for a request of one.
    pub site: Site,
    /// Schemes by which sources of model versions may lead out of the project.
    pub source_schemes: Vec<String>,
    /// The range of a file, and conditions on it.
    pub wanted: RangeRequest,
    /// The headers of a request with spans.
    pub telemetry: Telemetry,
    /// The body.
    pub body: Body,
}

impl Incoming {
    /// Takes a request of `wasi:http`, whose body is still to be read.
    pub fn new(request: Request) -> Self {
        let method = method_name(request.get_method());
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let (path, query) = (path.to_owned(), query.to_owned());
        let headers = request.get_headers();
        let wanted = wanted(&method, |name| text(&headers, name));
        let rights = rights(&headers);
        let is_manager = is_manager(&text(&headers, ROLE_HEADER));
        let actor = actor(|name| text(&headers, name));
        let audit_facts = headers.has(AUDIT_HEADER).then(|| text(&headers, AUDIT_HEADER));
        let (id, accept) = (text(&headers, REQUEST_ID_HEADER), text(&headers, "accept"));
        let content_type = text(&headers, "content-type");
        let site = site(&target, |name| text(&headers, name));
        let source_schemes = schemes(&text(&headers, SOURCE_SCHEMES_HEADER));
        let telemetry = telemetry(|name| text(&headers, name));
        let (_, done) = wit_future::new(|| Ok(()));
        let (contents, end) = Request::consume_body(request, done);
        Incoming {
            method,
            path,
            query,
            rights,
            is_manager,
            actor,
            audit_facts,
            id,
            accept,
            content_type,
            site,
            source_schemes,
            wanted,
            telemetry,
            body: Body::Received(contents, end),
        }
    }

    /// A request without a body.
    #[cfg(test)]
    pub fn empty(method: &str, path: &str, rights: CallerRights) -> Self {
        Incoming {
            method: method.to_owned(),
            path: path.to_owned(),
            query: String::new(),
            rights,
            is_manager: false,
            actor: Actor::default(),
            audit_facts: None,
            id: String::new(),
            accept: String::new(),
            content_type: String::new(),
            site: Site::default(),
            source_schemes: Vec::new(),
            wanted: RangeRequest::default(),
            telemetry: Telemetry::default(),
            body: Body::Whole(Vec::new()),
        }
    }
}

impl From<direct::Request> for Incoming {
    fn from(request: direct::Request) -> Self {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let header = |name: &str| {
            let found = request.headers.iter().find(|(other, _)| other == name);
            found.map(|(_, value)| value.as_str())
        };
        Incoming {
            rights: rights_of(header(RIGHTS_HEADER).map(str::as_bytes)),
            is_manager: is_manager(header(ROLE_HEADER).unwrap_or_default()),
            actor: actor(|name| header(name).unwrap_or_default().to_owned()),
            audit_facts: header(AUDIT_HEADER).map(str::to_owned),
            id: header(REQUEST_ID_HEADER).unwrap_or_default().to_owned(),
            accept: header("accept").unwrap_or_default().to_owned(),
            content_type: header("content-type").unwrap_or_default().to_owned(),
            site: site(&request.target, |name| header(name).unwrap_or_default().to_owned()),
            source_schemes: schemes(header(SOURCE_SCHEMES_HEADER).unwrap_or_default()),
            path: path.to_owned(),
            query: query.to_owned(),
            wanted: RangeRequest {
                by_host: true,
                ..wanted(&request.method, |name| header(name).unwrap_or_default().to_owned())
            },
            telemetry: telemetry(|name| header(name).unwrap_or_default().to_owned()),
            body: Body::Whole(request.body),
            method: request.method,
        }
    }
}

impl From<FilePart> for direct::FilePart {
    fn from(part: FilePart) -> Self {
        Self {
            name: part.name,
            size: part.info.size,
            modified_ms: part.info.modified_ms,
            offset: part.offset,
            length: part.length,
        }
    }
}

fn wanted(method: &str, header: impl Fn(&str) -> String) -> RangeRequest {
    RangeRequest {
        range: header("range"),
        if_range: header("if-range"),
        if_none_match: header("if-none-match"),
        head_only: method == "HEAD",
        by_host: false,
    }
}

fn telemetry(header: impl Fn(&str) -> String) -> Telemetry {
    Telemetry {
        content_type: header("content-type"),
        content_encoding: header("content-encoding"),
        experiment_id: header("x-mlflow-experiment-id"),
        run_id: header("x-mlflow-run-id"),
    }
}

/// The caller in the headers, whose texts are percent-encoded.
fn actor(header: impl Fn(&str) -> String) -> Actor {
    let text = |name| {
        let text = header(name);
        if text.contains('%') { decoded(&text) } else { text }
    };
    Actor {
        id: text(ACTOR_ID_HEADER),
        login: text(ACTOR_HEADER),
        name: Some(text(ACTOR_NAME_HEADER)).filter(|name| !name.is_empty()),
    }
}

/// The place of the pages, if the request is for one.
fn site(target: &str, header: impl Fn(&str) -> String) -> Site {
    if !route::is_page(target.split_once('?').map_or(target, |(path, _)| path)) {
        return Site::default();
    }
    let project = header(PROJECT_HEADER);
    let (project_id, project) = project.split_once(' ').unwrap_or_default();
    let project = decoded(project);
    let root = header(ROOT_HEADER);
    let (origin, root) = split_origin(&root);
    Site {
        origin: origin.to_owned(),
        root: root.to_owned(),
        here: format!("/{}{target}", encoded_path(&project)),
        project,
        project_id: project_id.to_owned(),
        language: Language::of_tag(&header(LANGUAGE_HEADER)).unwrap_or_default(),
        form_token: header(FORM_TOKEN_HEADER),
        has_sign_in: !header(SIGN_IN_HEADER).is_empty(),
        remembered: header(REMEMBERED_HEADER),
    }
}

/// Splits an address into its origin and its path. Links need the path only: a reader stays on the name that led here.
fn split_origin(address: &str) -> (&str, &str) {
    let host = address.find("://").map_or(0, |at| at + 3);
    let rest = address.get(host..).unwrap_or_default();
    let end = rest.find('/').map_or(address.len(), |slash| host + slash);
    address.split_at_checked(end).unwrap_or((address, ""))
}

fn rights(headers: &Fields) -> CallerRights {
    rights_of(headers.get(RIGHTS_HEADER).first().map(Vec::as_slice))
}

fn rights_of(word: Option<&[u8]>) -> CallerRights {
    match word {
        Some(b"write") => CallerRights::Write,
        Some(b"replay") => CallerRights::Replay,
        Some(b"read") => CallerRights::Read,
        _ => CallerRights::None,
    }
}

fn is_manager(role: &str) -> bool {
    matches!(role, "maintainer" | "owner")
}

fn schemes(list: &str) -> Vec<String> {
    list.split(',').map(str::to_owned).collect()
}

/// A header's text; empty when there is none.
fn text(headers: &Fields, name: &str) -> String {
    let value = headers.get(name).into_iter().next();
    value
        .and_then(|value| String::from_utf8(value).ok())
        .unwrap_or_default()
}

fn method_name(method: Method) -> String {
    match method {
        Method::Get => "GET".to_owned(),
        Method::Head => "HEAD".to_owned(),
        Method::Post => "POST".to_owned(),
        Method::Put => "PUT".to_owned(),
        Method::Delete => "DELETE".to_owned(),
        Method::Connect => "CONNECT".to_owned(),
        Method::Options => "OPTIONS".to_owned(),
        Method::Trace => "TRACE".to_owned(),
        Method::Patch => "PATCH".to_owned(),
        Method::Other(name) => name,
    }
}

/// All headers, that of the content type first.
fn all_headers(kind: &str, headers: Vec<(&'static str, String)>) -> impl Iterator<Item = (String, String)> {
    let kind = [("content-type", kind.to_owned())];
    kind.into_iter()
        .chain(headers)
        .map(|(name, value)| (name.to_owned(), value))
}

/// The answer for `direct`.
pub async fn into_direct(answer: Answer) -> direct::Answer {
    let (mut status, body) = (answer.status, answer.body);
    let body = match body {
        Contents::Whole(bytes) => direct::Contents::Whole(bytes),
        Contents::Stream(contents) => direct::Contents::Whole(contents.collect().await),
        Contents::Filled(contents, end) => {
            let bytes = contents.collect().await;
            // A body that broke off must not look whole.
            if end.await.is_err() {
                status = 500;
            }
            direct::Contents::Whole(bytes)
        }
        Contents::File(part) => direct::Contents::File(part.into()),
    };
    direct::Answer {
        status,
        headers: all_headers(answer.kind, answer.headers).collect(),
        body,
    }
}

/// Hands the answer to the host; the body follows as the host takes it.
pub fn send(answer: Answer) -> std::result::Result<Response, ErrorCode> {
    let fields: Vec<_> = all_headers(answer.kind, answer.headers)
        .map(|(name, value)| (name, value.into_bytes()))
        .collect();
    let headers = Fields::from_list(&fields).map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;
    // An answer to HEAD may tell a length that it does not have.
    let mut end = None;
    let contents = match answer.body {
        Contents::Whole(bytes) => (!bytes.is_empty()).then(|| stream_of(bytes)),
        Contents::Stream(contents) => Some(contents),
        Contents::Filled(contents, filled) => {
            end = Some(filled);
            Some(contents)
        }
        // Only `direct` may leave a file to the host.
        Contents::File(_) => return Err(ErrorCode::InternalError(None)),
    };
    // Without an end of its own a body is whole: the default is sent when the sender is dropped.
    let end = end.unwrap_or_else(|| wit_future::new(|| Ok(None)).1);
    let (response, _) = Response::new(headers, contents, end);
    // The host refuses none of these statuses.
    let _ = response.set_status_code(answer.status);
    Ok(response)
}
