//! The base URL under which clients reach the host, as far as a request tells.

use std::net::SocketAddr;

use http::header::{FORWARDED, HOST, VIA};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderName, Version};

/// What a proxy adds to a request. The address that the client used may then be another one than the host sees.
const OF_PROXIES: [HeaderName; 5] = [
    FORWARDED,
    VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
];

/// The address of the host that a request came to, for requests that came by a socket of the host's own.
#[derive(Clone, Copy)]
pub(crate) struct OwnAddress(pub(crate) SocketAddr);

/// The address that a request was sent to, without a path; none when it does not tell, or seems to have come by a proxy,
/// behind which clients may know the host by another one. What a proxy tells is not believed: a client could tell the same.
pub(crate) fn of_host(head: &Parts) -> Option<String> {
    // Old proxies speak HTTP/1.0 and say nothing else of themselves.
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
    fn a_request_tells_by_its_host() {
        assert_eq!(of(&[("host", "ml.test:5000")]).as_deref(), Some("http://ml.test:5000"));
        assert_eq!(of(&[("host", "[::1]:5000")]).as_deref(), Some("http://[::1]:5000"));
        for other in ["", "a b", "user@ml.test", "ml.test/x", "ml.test?x"] {
            assert_eq!(of(&[("host", other)]), None, "{other}");
        }
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_request_that_names_another_port_came_by_a_proxy() {
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
    fn a_request_that_came_by_a_proxy_does_not_tell() {
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
