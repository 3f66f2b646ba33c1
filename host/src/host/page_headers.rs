//! Headers that tell the component what only the host knows of a page: its address, the reader's language, and the token of
//! the reader's forms.

use http::header::{ACCEPT_LANGUAGE, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use mlforge_ui::Language;
use mlforge_ui::link::encoded_path;

use crate::auth::Caller;
use crate::auth::cookies::{self, Cookies};
use crate::host::{HostState, remembered};
use crate::http::{base_url, router};

const ROOT: HeaderName = HeaderName::from_static("x-mlforge-root");
const PROJECT: HeaderName = HeaderName::from_static("x-mlforge-project");
const LANGUAGE: HeaderName = HeaderName::from_static("x-mlforge-language");
const FORM_TOKEN: HeaderName = HeaderName::from_static("x-mlforge-form-token");
/// The text that the page asked the browser to remember.
const REMEMBERED: HeaderName = HeaderName::from_static("x-mlforge-remembered");
/// Says that the host has pages to sign in, to end sessions and to choose the language.
const SIGN_IN: HeaderName = HeaderName::from_static("x-mlforge-sign-in");

impl HostState {
    /// Adds the headers of a page, if the request is for one.
    pub(crate) fn add_page_headers(
        &self,
        headers: &mut HeaderMap,
        head: &Parts,
        path: &str,
        caller: &Caller,
        form_token: String,
    ) {
        if !router::is_page(path) {
            return;
        }
        let root = self.config.external_url.clone().or_else(|| base_url::of_host(head));
        let project = caller.access.project.as_ref();
        let project = project.map(|(project, _)| format!("{} {}", project.id.0, encoded_path(&project.path)));
        let values = [
            (ROOT, root.unwrap_or_default()),
            (PROJECT, project.unwrap_or_default()),
            (
                LANGUAGE,
                language(&self.sign_in.cookies, &head.headers).tag().to_owned(),
            ),
            (FORM_TOKEN, form_token),
            (SIGN_IN, "1".to_owned()),
            (REMEMBERED, remembered::of_request(&self.sign_in.cookies, &head.headers)),
        ];
        for (name, value) in values {
            // Each is ASCII without control characters.
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
    }
}

/// The language that the reader chose, or else the one that the browser asks for.
pub(crate) fn language(cookies: &Cookies, headers: &HeaderMap) -> Language {
    let chosen = cookies
        .get(headers, cookies::LANGUAGE)
        .and_then(|tag| Language::of_tag(&tag));
    chosen.unwrap_or_else(|| {
        let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Language::of_header(accepted.unwrap_or_default())
    })
}
