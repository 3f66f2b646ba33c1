//! The frame of the server's own pages, and their answers.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    SET_COOKIE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use maud::{Markup, html};
use mlforge_ui::frame::{Crumb, Frame, language_address, sign_in_address};
use mlforge_ui::{Language, Words, assets};

use crate::host::HostState;
use crate::host::page_headers::language;
use crate::http::response_body::Body;

/// The headers of every page, as the component's pages have them.
const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CONTENT_SECURITY_POLICY, assets::CONTENT_SECURITY_POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "same-origin"),
    (CACHE_CONTROL, "private, no-cache"),
    (VARY, "accept-language, cookie, authorization"),
];

/// The name of the field of the form token.
pub(crate) const FORM_TOKEN: &str = "form_token";

/// A page of the server for one reader.
pub(crate) struct View<'a> {
    pub(crate) words: &'static Words,
    /// The path of the host's address, without a slash at its end.
    pub(crate) root: &'a str,
    /// The login of the reader. `None`: nobody is signed in.
    pub(crate) reader: Option<String>,
    /// The address of this page after the host's, for links that come back.
    pub(crate) here: String,
}

impl<'a> View<'a> {
    pub(crate) fn new(state: &'a HostState, head: &Parts, reader: Option<String>) -> Self {
        // A form that was posted cannot be asked for again.
        let here = match head.method {
            Method::POST => "/".to_owned(),
            _ => head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        };
        Self {
            words: Words::of(language(&state.sign_in.cookies, &head.headers)),
            root: state.sign_in.cookies.root(),
            reader,
            here,
        }
    }

    /// The address of a page of the server.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }

    /// The address at which somebody signs in and comes back.
    pub(crate) fn sign_in_address(&self) -> String {
        sign_in_address(self.root, &self.here)
    }

    /// The page with this main part.
    pub(crate) fn answer(&self, status: StatusCode, title: &str, main: &Markup) -> Response<Body> {
        let language = |language: Language| {
            let address = language_address(self.root, language.tag(), &self.here);
            (language.name(), language.tag(), address)
        };
        let frame = Frame {
            words: self.words,
            assets: self.address("/-/assets/"),
            title: format!("{title} · mlforge"),
            root: self.address("/"),
            crumbs: Vec::<Crumb>::new(),
            tabs: Vec::new(),
            reader: self.reader.as_deref(),
            account: Some(self.address("/-/account")),
            sign_in: Some(self.sign_in_address()),
            languages: Language::ALL.map(language).to_vec(),
            refresh_s: None,
            follows_fragments: None,
        };
        let mut response = Response::new(Body::from(frame.page(main)));
        *response.status_mut() = status;
        for (name, value) in HEADERS {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// The hidden field with the reader's form token.
pub(crate) fn form_token_field(token: &str) -> Markup {
    html! { input type="hidden" name=(FORM_TOKEN) value=(token); }
}

/// Leads to another address, by a GET.
pub(crate) fn see_other(address: &str) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    // An address that no header can have does not come: each is ASCII, or made by this server.
    if let Ok(address) = HeaderValue::from_str(address) {
        headers.insert(LOCATION, address);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Adds a cookie to an answer.
pub(crate) fn with_cookie(mut response: Response<Body>, cookie: Option<HeaderValue>) -> Response<Body> {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// A time in milliseconds as the texts about times take it.
pub(crate) fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}
