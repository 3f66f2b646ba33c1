//! The network address of a client, also behind proxies.

use std::net::IpAddr;

use http::HeaderName;
use http::request::Parts;

/// The header to which each proxy appends the address from which a request came to it.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the peer of a request's connection. `Host::serve` puts it among the extensions of each request; a
/// program that calls `Host::handle` itself may do so too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// The proxies whose `x-forwarded-for` is believed.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedProxies(Vec<IpAddr>);

impl TrustedProxies {
    pub(crate) fn new(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Self(addresses.into_iter().map(|address| address.to_canonical()).collect())
    }

    /// The address of the client: that of the peer, or the one that a trusted peer names. A chain of proxies is followed
    /// back as long as each is trusted. `None`: the request did not come through a socket.
    pub(crate) fn client_of(&self, head: &Parts) -> Option<IpAddr> {
        let PeerAddress(peer) = head.extensions.get()?;
        let mut address = peer.to_canonical();
        let lines = head.headers.get_all(FORWARDED_FOR);
        let lines = lines.iter().rev().filter_map(|line| line.to_str().ok());
        for hop in lines.flat_map(|line| line.rsplit(',')) {
            if !self.0.contains(&address) {
                break;
            }
            let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
            address = hop.to_canonical();
        }
        Some(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client's address as text, for a peer, trusted proxies, and lines of the header.
    fn client(peer: &str, trusted: &[&str], lines: &[&str]) -> String {
        let mut request = http::Request::get("/");
        for line in lines {
            request = request.header(FORWARDED_FOR, *line);
        }
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        head.extensions.insert(PeerAddress(peer.parse().unwrap()));
        let trusted = trusted.iter().map(|address| address.parse().unwrap());
        TrustedProxies::new(trusted).client_of(&head).unwrap().to_string()
    }

    #[test]
    fn a_header_of_a_peer_that_is_not_trusted_means_nothing() {
        assert_eq!(client("192.0.2.1", &[], &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &["192.0.2.2"], &["198.51.100.7"]), "192.0.2.1");
    }

    #[test]
    fn a_trusted_proxy_names_the_last_hop_and_no_earlier_one() {
        let through = |lines: &[&str]| client("192.0.2.1", &["192.0.2.1"], lines);
        assert_eq!(through(&["203.0.113.9, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(through(&["203.0.113.9", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(through(&["203.0.113.9, unknown"]), "192.0.2.1");
        assert_eq!(through(&[]), "192.0.2.1");
        assert_eq!(
            client("::ffff:192.0.2.1", &["192.0.2.1"], &["2001:db8::7"]),
            "2001:db8::7"
        );
    }

    #[test]
    fn a_chain_is_followed_through_trusted_proxies_only() {
        let trusted = ["192.0.2.1", "192.0.2.2"];
        let lines = ["203.0.113.9, 198.51.100.7, 192.0.2.2"];
        assert_eq!(client("192.0.2.1", &trusted, &lines), "198.51.100.7");
        assert_eq!(client("192.0.2.1", &trusted[..1], &lines), "192.0.2.2");
    }

    #[test]
    fn a_request_without_a_socket_has_no_address() {
        let (head, ()) = http::Request::get("/").body(()).unwrap().into_parts();
        assert_eq!(TrustedProxies::default().client_of(&head), None);
    }
}
