//! A request with what the host says of its caller, in headers.

use mlforge_ui::Language;
use mlforge_ui::link::encoded_path;

use super::rights::CallerRights;
use super::route;
use crate::domain::actor::Actor;
use crate::domain::percent::decoded;
use crate::request::body::Body;
use crate::request::call::Telemetry;
use crate::request::range::RangeRequest;
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

/// The first line of a request.
pub(crate) struct RequestLine {
    /// The method, in capitals.
    pub(crate) method: String,
    /// Path and query, percent-encoded.
    pub(crate) target: String,
}

impl Incoming {
    /// A request with these headers: `header` returns the text of the one with this name, empty if it is not UTF-8. `None`: there is
    /// none.
    pub(crate) fn new(line: RequestLine, header: impl Fn(&str) -> Option<String>, body: Body) -> Self {
        let RequestLine { method, target } = line;
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let text = |name: &str| header(name).unwrap_or_default();
        Incoming {
            path: path.to_owned(),
            query: query.to_owned(),
            rights: rights(&text(RIGHTS_HEADER)),
            is_manager: is_manager(&text(ROLE_HEADER)),
            actor: actor(text),
            audit_facts: header(AUDIT_HEADER),
            id: text(REQUEST_ID_HEADER),
            accept: text("accept"),
            content_type: text("content-type"),
            site: site(&target, text),
            source_schemes: schemes(&text(SOURCE_SCHEMES_HEADER)),
            wanted: wanted(&method, text),
            telemetry: telemetry(text),
            body,
            method,
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

fn rights(word: &str) -> CallerRights {
    match word {
        "write" => CallerRights::Write,
        "replay" => CallerRights::Replay,
        "read" => CallerRights::Read,
        _ => CallerRights::None,
    }
}

fn is_manager(role: &str) -> bool {
    matches!(role, "maintainer" | "owner")
}

fn schemes(list: &str) -> Vec<String> {
    list.split(',').map(str::to_owned).collect()
}
