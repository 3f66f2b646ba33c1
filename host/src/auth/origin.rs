//! Protection against requests that a page of another site makes a browser send (CSRF, DNS rebinding). Browsers add
//! passwords and cookies to such requests by themselves.
//!
//! - A write from a page of another origin is refused. Browsers name the page in `Sec-Fetch-Site`, older ones only in `Origin`.
//! - A password or cookie is refused under a `Host` that is none of the server's names. Otherwise a page could have its own
//!   name resolved to this server's address.
//!
//! - A write to the API with a cookie has no form token. So a page of the server must be named, and the body of a POST must be
//!   JSON, which no form can send.
//!
//! A token in a header of its own is taken under any `Host` and behind any proxy, since no browser adds it by itself.

use std::net::IpAddr;

use anyhow::ensure;
use http::HeaderName;
use http::Method;
use http::header::{CONTENT_TYPE, HOST, HeaderValue, ORIGIN};
use http::request::Parts;
use http::uri::{Authority, Scheme, Uri};

use crate::http::base_url::OwnAddress;
use crate::http::error::HttpError;
use crate::http::route_class::Intent;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// The loopback names.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];
/// A message quotes at most this many characters of a refused name.
const TOLD_CHARS_MAX: usize = 200;

/// The names and origins by which browsers know the server.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    /// Host names in lower case, without ports.
    names: Vec<String>,
    /// The origin of `--external-url`, if that is set.
    external: Option<SiteOrigin>,
}

/// Scheme, host and port of a page. The scheme's usual port counts as none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SiteOrigin {
    scheme: Scheme,
    host: String,
    port: Option<u16>,
}

impl Origins {
    /// The given names, and that of the external URL. A name with a port or a path is refused.
    pub(crate) fn new(names: &[String], external_url: Option<&str>) -> anyhow::Result<Self> {
        let external = external_url.and_then(SiteOrigin::parse);
        for name in names {
            let is_name = name.parse::<Authority>().is_ok_and(|name| name.as_str() == name.host());
            ensure!(is_name, "`{name}` is no name of a host: it has neither port nor path");
        }
        let names = names.iter().map(|name| name.to_ascii_lowercase());
        Ok(Self {
            names: names
                .chain(external.as_ref().map(|origin| origin.host.clone()))
                .collect(),
            external,
        })
    }

    /// Refuses a request that another site may have made a browser send. `is_ambient`: it has a credential that browsers add
    /// by themselves.
    pub(crate) fn check(&self, head: &Parts, intent: Intent, is_ambient: bool) -> Result<(), HttpError> {
        if intent == Intent::Write && self.is_foreign(head) {
            let origin = head.headers.get(ORIGIN).map_or("another site".into(), told);
            return Err(HttpError::ForeignOrigin(origin));
        }
        let foreign_name = |host: &&HeaderValue| !self.knows(host, head.extensions.get::<OwnAddress>());
        match head.headers.get_all(HOST).iter().find(foreign_name) {
            Some(host) if is_ambient => Err(HttpError::UnknownHost(told(host))),
            _ => Ok(()),
        }
    }

    /// Refuses a change of the API with a cookie that no script of a page of this server sends. It carries no form token, so the
    /// browser must name the page, and a form must not be able to send it: a POST is JSON, and no form has another method.
    pub(crate) fn check_script(&self, head: &Parts) -> Result<(), HttpError> {
        let names_page = head.headers.contains_key(ORIGIN) || head.headers.contains_key(SEC_FETCH_SITE);
        let is_of_form = head.method == Method::POST && !is_json(head);
        if names_page && !is_of_form && !self.is_foreign(head) {
            return Ok(());
        }
        Err(HttpError::NoScript)
    }

    /// True if a request comes from a page of another origin. Most clients are no browsers, and name no page.
    fn is_foreign(&self, head: &Parts) -> bool {
        // Pages cannot set this header. It is right even where a proxy changes `Host`.
        match head.headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
            Some(b"same-origin" | b"none") => return false,
            Some(_) => return true,
            None => {}
        }
        let Some(origin) = head.headers.get(ORIGIN) else {
            return false;
        };
        let Some(origin) = origin.to_str().ok().and_then(SiteOrigin::parse) else {
            return true;
        };
        !(self.external.as_ref() == Some(&origin) || own_origin(head, &origin.scheme) == Some(origin))
    }

    /// True if this is a name of the server. The port does not matter: it is not part of what rebinding changes.
    fn knows(&self, host: &HeaderValue, own: Option<&OwnAddress>) -> bool {
        let host: Option<Authority> = host.to_str().ok().and_then(|host| host.parse().ok());
        let Some(host) = host.filter(|host| !host.as_str().contains('@')) else {
            return false;
        };
        let name = host.host().to_ascii_lowercase();
        let is_own = |OwnAddress(own): &OwnAddress| match own.ip().to_canonical() {
            IpAddr::V4(ip) => name == ip.to_string(),
            IpAddr::V6(ip) => name == format!("[{ip}]"),
        };
        LOOPBACK.contains(&&*name) || self.names.contains(&name) || own.is_some_and(is_own)
    }
}

impl SiteOrigin {
    /// None for `null`, and for any text that is no origin.
    fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        Some(Self::of(uri.scheme()?, authority))
    }

    fn of(scheme: &Scheme, authority: &Authority) -> Self {
        let usual_port = if *scheme == Scheme::HTTPS { 443 } else { 80 };
        Self {
            scheme: scheme.clone(),
            host: authority.host().to_ascii_lowercase(),
            port: authority.port_u16().filter(|port| *port != usual_port),
        }
    }
}

/// True if the body is declared as JSON.
fn is_json(head: &Parts) -> bool {
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

/// The origin that the request was sent to. The scheme is the client's word, since a proxy may end TLS.
fn own_origin(head: &Parts, scheme: &Scheme) -> Option<SiteOrigin> {
    let host: Authority = head.headers.get(HOST)?.to_str().ok()?.parse().ok()?;
    Some(SiteOrigin::of(scheme, &host))
}

fn told(name: &HeaderValue) -> Box<str> {
    let text = String::from_utf8_lossy(name.as_bytes());
    text.chars().take(TOLD_CHARS_MAX).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&str, &str)], intent: Intent, is_ambient: bool) -> Result<(), HttpError> {
        let origins = Origins::new(&["Forge.test".to_owned()], Some("https://ml.example.org/base")).unwrap();
        let mut request = http::Request::post("/x").extension(OwnAddress("192.0.2.7:5000".parse().unwrap()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        origins.check(&request.body(()).unwrap().into_parts().0, intent, is_ambient)
    }

    fn may_write(headers: &[(&str, &str)]) -> bool {
        check(headers, Intent::Write, false).is_ok()
    }

    #[test]
    fn a_change_comes_from_a_page_of_the_server_or_from_no_page() {
        assert!(may_write(&[]));
        assert!(may_write(&[("host", "any.test")]));
        for (host, origin) in [
            ("any.test", "http://any.test"),
            ("any.test", "https://ANY.test:443"),
            ("any.test:80", "http://any.test"),
            ("any.test:5000", "http://any.test:5000"),
            ("127.0.0.1:5000", "https://ml.example.org"),
        ] {
            assert!(may_write(&[("host", host), ("origin", origin)]), "{host} {origin}");
        }
        for (host, origin) in [
            ("any.test", "https://evil.example"),
            ("any.test", "null"),
            ("any.test", ""),
            ("any.test", "http://any.test:8080"),
            ("any.test:5000", "http://any.test"),
            ("any.test", "http://any.test@evil.example"),
            ("localhost:5000", "http://localhost:8888"),
            ("localhost:5000", "http://127.0.0.1:5000"),
            ("127.0.0.1:5000", "http://ml.example.org"),
            ("127.0.0.1:5000", "https://ml.example.org:8443"),
        ] {
            let refused = check(&[("host", host), ("origin", origin)], Intent::Write, false);
            assert_eq!(refused, Err(HttpError::ForeignOrigin(origin.into())), "{host}");
            assert_eq!(
                check(&[("host", host), ("origin", origin)], Intent::Read, false),
                Ok(())
            );
        }
    }

    #[test]
    fn what_a_browser_says_of_the_page_counts_more_than_names() {
        for site in ["same-origin", "none"] {
            assert!(may_write(&[
                ("host", "127.0.0.1:5000"),
                ("origin", "https://any.test"),
                ("sec-fetch-site", site)
            ]));
        }
        for site in ["cross-site", "same-site", "other"] {
            assert!(!may_write(&[("host", "any.test"), ("sec-fetch-site", site)]), "{site}");
            assert!(
                !may_write(&[("host", "a"), ("origin", "http://a"), ("sec-fetch-site", site)]),
                "{site}"
            );
        }
    }

    #[test]
    fn a_change_of_the_api_with_a_cookie_is_json_from_a_page_of_the_server() {
        let check = |method: &str, headers: &[(&str, &str)]| {
            let mut request = http::Request::builder()
                .method(method)
                .uri("/x")
                .header("host", "ml.test");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let head = request.body(()).unwrap().into_parts().0;
            Origins::default().check_script(&head).is_ok()
        };
        let (own, json) = (
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/json; charset=utf-8"),
        );
        assert!(check("POST", &[own, json]));
        assert!(check(
            "POST",
            &[("origin", "http://ml.test"), ("content-type", "Application/JSON")]
        ));
        assert!(check("DELETE", &[own]));
        for refused in [&[json][..], &[own], &[own, ("content-type", "text/plain")]] {
            assert!(!check("POST", refused), "{refused:?}");
        }
        assert!(!check("POST", &[("sec-fetch-site", "same-site"), json]));
        assert!(!check("POST", &[("origin", "http://evil.test"), json]));
        assert!(!check(
            "POST",
            &[own, ("content-type", "multipart/form-data; x=application/json")]
        ));
        assert!(!check("PATCH", &[json]));
    }

    #[test]
    fn what_browsers_add_by_themselves_counts_under_names_of_the_server_only() {
        let ask = |host: &str, is_ambient| check(&[("host", host)], Intent::Read, is_ambient);
        for host in [
            "localhost:5000",
            "LOCALHOST",
            "127.0.0.1:5000",
            "[::1]:5000",
            "192.0.2.7:8080",
            "ml.example.org",
            "forge.test:443",
        ] {
            assert_eq!(ask(host, true), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "192.0.2.8:5000",
            "localhost.evil.example",
            "x@localhost",
            "",
            "ml.example.org.",
        ] {
            assert_eq!(ask(host, true), Err(HttpError::UnknownHost(host.into())), "{host}");
            assert_eq!(ask(host, false), Ok(()));
        }
        assert_eq!(check(&[], Intent::Read, true), Ok(()));
        let two = [("host", "localhost"), ("host", "evil.example")];
        assert!(check(&two, Intent::Read, true).is_err());
    }

    #[test]
    fn names_have_neither_port_nor_path() {
        assert!(Origins::new(&["ml.example.org".into(), "[::1]".into()], None).is_ok());
        for bad in ["ml.example.org:80", "http://ml.example.org", "a/b", "", "a@b"] {
            assert!(Origins::new(&[bad.into()], None).is_err(), "{bad}");
        }
    }
}
