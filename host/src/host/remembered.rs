//! The text that a page of the component asks a browser to remember for the next visit of this page. A cookie of the page alone
//! holds it. The component cannot set any other cookie.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request};
use mlforge_ui::link::encoded_path;

use crate::auth::Caller;
use crate::auth::cookies::{Cookies, REMEMBERED};
use crate::http::router;

/// The header of an answer that asks for it. Empty: the text is forgotten.
const ASKED: HeaderName = HeaderName::from_static("x-mlforge-remember");
/// Length of the longest text, in bytes.
const BYTES_MAX: usize = 3_200;
/// Time for which it is remembered, in seconds.
const SECONDS: u64 = 365 * 24 * 3_600;

/// The text that a request brings. Empty: there is none, or the cookie has none that a page asks for.
pub(crate) fn of_request(cookies: &Cookies, headers: &HeaderMap) -> String {
    let text = cookies.get_for_page(headers, REMEMBERED);
    text.filter(|text| is_text(text)).unwrap_or_default()
}

/// The cookie for which an answer of the component asks. `None`: it asks for none, or it is not that of a page.
pub(crate) fn cookie<B>(
    cookies: &Cookies,
    request: &Request<B>,
    caller: &Caller,
    answer: &HeaderMap,
) -> Option<HeaderValue> {
    let text = answer.get(ASKED)?.to_str().ok().filter(|text| is_text(text))?;
    let path = request.uri().path();
    if !router::is_page_of_project(path) || request.method() != Method::GET {
        return None;
    }
    let (project, _) = caller.access.project.as_ref()?;
    let page = format!("/{}{path}", encoded_path(&project.path));
    let seconds = if text.is_empty() { 0 } else { SECONDS };
    is_path(&page).then(|| cookies.set_for_page(REMEMBERED, text, &page, seconds))?
}

fn is_text(text: &str) -> bool {
    text.len() <= BYTES_MAX && text.bytes().all(|byte| is_plain(byte) || byte == b'&')
}

/// True for a path that ends no attribute of a cookie.
fn is_path(path: &str) -> bool {
    path.bytes().all(|byte| is_plain(byte) || byte == b'/')
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_text_of_bounded_length_is_remembered() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            let line = format!("mlforge-remembered={value}");
            headers.insert(http::header::COOKIE, line.parse().unwrap());
            of_request(&Cookies::new(None), &headers)
        };
        assert_eq!(of("metrics.a%20b&started"), "metrics.a%20b&started");
        let longest = "x".repeat(BYTES_MAX);
        assert_eq!(of(&longest), longest);
        for bad in [&format!("{longest}x"), "a\"b", "a=b", "a b", "a,b", "<b>", "\u{e9}"] {
            assert_eq!(of(bad), "", "{bad}");
        }
        assert!(is_path("/a/-/ml/experiments/1") && !is_path("/a;Domain=x") && !is_path("/a,b"));
    }
}
