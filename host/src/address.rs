//! By what address clients reach the host, as far as a request tells.

use http::HeaderName;
use http::header::{FORWARDED, HOST, VIA};
use http::request::Parts;
use http::uri::Authority;

/// What a proxy adds to a request. The address that the client used may then be another one than the host sees.
const OF_PROXIES: [HeaderName; 5] = [
    FORWARDED,
    VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
];

/// The address that a request was sent to, without a path; none when it does not tell, or came by a proxy: what a proxy
/// tells is not believed, since a client could tell the same.
pub(crate) fn of_host(head: &Parts) -> Option<String> {
    if OF_PROXIES.iter().any(|name| head.headers.contains_key(name)) {
        return None;
    }
    let host: Authority = head.headers.get(HOST)?.to_str().ok()?.parse().ok()?;
    (!host.as_str().contains('@')).then(|| format!("http://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&'static str, &str)]) -> Option<String> {
        let mut request = http::Request::get("/x");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        of_host(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_request_tells_by_its_host() {
        assert_eq!(of(&[("host", "ml.test:5000")]).as_deref(), Some("http://ml.test:5000"));
        assert_eq!(of(&[("host", "[::1]:5000")]).as_deref(), Some("http://[::1]:5000"));
        for other in ["", "a b", "user@ml.test", "ml.test/x", "ml.test?x"] {
            assert_eq!(of(&[("host", other)]), None, "{other}");
        }
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_request_that_came_by_a_proxy_does_not_tell() {
        for name in [
            "forwarded",
            "via",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
        ] {
            assert_eq!(of(&[("host", "ml.test"), (name, "x")]), None, "{name}");
        }
    }
}
