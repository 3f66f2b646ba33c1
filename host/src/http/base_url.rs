//! The base URL under which clients reach the host, derived from a request.

use std::net::SocketAddr;

use http::header::{FORWARDED, HOST, VIA};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderName, Version};

/// Headers that proxies add to a request. With one of them, the client may have used another address than the
/// host sees.
const OF_PROXIES: [HeaderName; 5] = [
    FORWARDED,
    VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
];

/// The local address of the socket that a request came to. Requests without a socket have none.
#[derive(Clone, Copy)]
pub(crate) struct OwnAddress(pub(crate) SocketAddr);

/// The base URL to which a request was sent, without a path. `None`: it is unknown, or the request seems to
/// have come through a proxy, whose address clients use instead. Headers of proxies are not trusted, because
/// a client can send them, too.
pub(crate) fn of_host(head: &Parts) -> Option<String> {
    // Old proxies speak HTTP/1.0 and add no header.
    if head.version < Version::HTTP_11 || OF_PROXIES.iter().any(|name| head.headers.contains_key(name)) {
        return None;
    }
    let host: Authority = head.headers.get(HOST)?.to_str().ok()?.parse().ok()?;
    let own = head.extensions.get::<OwnAddress>();
    let is_direct = own.is_none_or(|OwnAddress(own)| host.port_u16().unwrap_or(80) == own.port());
    (is_direct && !host.as_str().contains('@')).then(|| format!("http://{host}"))
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
    fn the_base_url_comes_from_the_host_header() {
        assert_eq!(of(&[("host", "ml.test:5000")]).as_deref(), Some("http://ml.test:5000"));
        assert_eq!(of(&[("host", "[::1]:5000")]).as_deref(), Some("http://[::1]:5000"));
        for other in ["", "a b", "user@ml.test", "ml.test/x", "ml.test?x"] {
            assert_eq!(of(&[("host", other)]), None, "{other}");
        }
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_request_for_another_port_has_no_base_url() {
        let of = |host: &str| {
            let own = OwnAddress("127.0.0.1:5000".parse().unwrap());
            let request = http::Request::get("/x").header("host", host).extension(own);
            of_host(&request.body(()).unwrap().into_parts().0)
        };
        assert_eq!(of("ml.test:5000").as_deref(), Some("http://ml.test:5000"));
        for proxied in ["ml.test", "ml.test:443"] {
            assert_eq!(of(proxied), None, "{proxied}");
        }
    }

    #[test]
    fn a_request_through_a_proxy_has_no_base_url() {
        let old = http::Request::get("/x")
            .header("host", "ml.test")
            .version(Version::HTTP_10);
        assert_eq!(of_host(&old.body(()).unwrap().into_parts().0), None);
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
