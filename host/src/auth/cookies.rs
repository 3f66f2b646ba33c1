//! The host's own cookies. A browser sends them to no other site, no script reads them, and no page of another site makes a
//! browser send them with a form.

use http::header::{COOKIE, HeaderMap, HeaderValue};

/// The cookie of a session.
pub(crate) const SESSION: &str = "mlforge-session";
/// The cookie to which the form of somebody is bound who is not signed in.
pub(crate) const FORM: &str = "mlforge-form";
/// The cookie of a sign-in that is under way on the forge.
pub(crate) const OAUTH: &str = "mlforge-oauth";
/// The cookie with the language that the reader chose.
pub(crate) const LANGUAGE: &str = "mlforge-language";
/// The cookie of one page with the text that the page asked to remember.
pub(crate) const REMEMBERED: &str = "mlforge-remembered";

/// The host's address, as far as its cookies need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cookies {
    /// The path of the external URL, without a slash at its end. Empty: the root.
    path: String,
    /// True if browsers reach the host by https.
    is_secure: bool,
}

impl Cookies {
    /// Cookies of a host at this external URL, if it has one.
    pub(crate) fn new(external_url: Option<&str>) -> Self {
        let uri: Option<http::Uri> = external_url.and_then(|url| url.parse().ok());
        let path = uri
            .as_ref()
            .map_or("", |uri| uri.path())
            .trim_end_matches('/')
            .to_owned();
        let is_secure = uri.as_ref().and_then(|uri| uri.scheme_str()) == Some("https");
        Self { path, is_secure }
    }

    /// The path of the host's address, without a slash at its end.
    pub(crate) fn root(&self) -> &str {
        &self.path
    }

    /// Sets a cookie for this many seconds; 0 removes it. The value is one of [`is_value`].
    pub(crate) fn set(&self, name: &str, value: &str, seconds: u64) -> Option<HeaderValue> {
        self.line(&self.name(name), value, "/", seconds)
    }

    /// Sets a cookie that browsers send to one page and those below it, whose path follows the host's.
    pub(crate) fn set_for_page(&self, name: &str, value: &str, page: &str, seconds: u64) -> Option<HeaderValue> {
        self.line(&self.name_for_page(name), value, page, seconds)
    }

    fn line(&self, name: &str, value: &str, below: &str, seconds: u64) -> Option<HeaderValue> {
        let path = &self.path;
        let secure = if self.is_secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path={path}{below}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::try_from(text).ok()
    }

    /// The value of a cookie. `None`: there is none, or there are two. Another host of the same domain may have set one of
    /// them, and nothing tells which.
    pub(crate) fn get(&self, headers: &HeaderMap, name: &str) -> Option<String> {
        value(headers, &self.name(name))
    }

    /// The value of a cookie of a page.
    pub(crate) fn get_for_page(&self, headers: &HeaderMap, name: &str) -> Option<String> {
        value(headers, &self.name_for_page(name))
    }

    /// The name in the browser. With a prefix browsers take the cookie from this host by https only, so that no other host of
    /// the same domain sets it.
    fn name(&self, name: &str) -> String {
        match self.is_secure && self.path.is_empty() {
            true => format!("__Host-{name}"),
            false => self.name_for_page(name),
        }
    }

    /// The name in the browser of a cookie that has a path.
    fn name_for_page(&self, name: &str) -> String {
        match self.is_secure {
            true => format!("__Secure-{name}"),
            false => name.to_owned(),
        }
    }
}

/// The value of the one cookie with a name.
fn value(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value);
    let value = values.next().filter(|value| !value.is_empty())?;
    values.next().is_none().then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn got(cookies: &Cookies, lines: &[&str]) -> Option<String> {
        let lines = lines.iter().map(|line| (COOKIE, line.parse().unwrap()));
        cookies.get(&lines.collect(), SESSION)
    }

    #[test]
    fn a_cookie_is_bound_to_the_host_and_hidden_from_scripts() {
        let set = |url: Option<&str>| Cookies::new(url).set(SESSION, "x", 60).unwrap();
        assert_eq!(
            set(None),
            "mlforge-session=x; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"
        );
        assert_eq!(
            set(Some("https://a.test")),
            "__Host-mlforge-session=x; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            set(Some("https://a.test/ml/")),
            "__Secure-mlforge-session=x; Path=/ml/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
    }

    #[test]
    fn a_cookie_of_a_page_has_its_path() {
        let set = |url: Option<&str>| {
            Cookies::new(url)
                .set_for_page(REMEMBERED, "x", "/p/-/ml/a", 60)
                .unwrap()
        };
        assert_eq!(
            set(Some("http://a.test")),
            "mlforge-remembered=x; Path=/p/-/ml/a; Max-Age=60; HttpOnly; SameSite=Lax"
        );
        // A browser takes `__Host-` for the path `/` only.
        assert_eq!(
            set(Some("https://a.test")),
            "__Secure-mlforge-remembered=x; Path=/p/-/ml/a; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            set(Some("https://a.test/ml")),
            "__Secure-mlforge-remembered=x; Path=/ml/p/-/ml/a; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
    }

    #[test]
    fn one_cookie_of_the_name_counts_and_two_do_not() {
        let plain = Cookies::new(None);
        assert_eq!(got(&plain, &["a=1; mlforge-session=x"]).as_deref(), Some("x"));
        assert_eq!(got(&plain, &["mlforge-session=x; mlforge-session=y"]), None);
        assert_eq!(got(&plain, &["mlforge-session=x", "mlforge-session=x"]), None);
        assert_eq!(got(&plain, &["mlforge-session="]), None);
        let secure = Cookies::new(Some("https://a.test"));
        assert_eq!(got(&secure, &["mlforge-session=x"]), None);
        assert_eq!(got(&secure, &["__Host-mlforge-session=x"]).as_deref(), Some("x"));
    }
}
