//! The ways in which browsers sign in, and what each of them needs.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::attempts::Attempts;
use super::cookies::Cookies;
use super::once::OnceLink;
use super::seal::{self, Key};
use super::session::Sessions;
use crate::forge::local::LocalForge;
use crate::forge::oauth::OauthClient;

/// The time that a sign-in on the forge may take, in seconds.
pub(crate) const FLOW_S: u64 = 10 * 60;
/// Domain separation of the cookie of a sign-in that is under way.
const FLOW: &[u8] = b"mlforge oauth 1";

/// The settings and state of the sign-in of browsers.
pub(crate) struct SignIn {
    pub(crate) sessions: Sessions,
    pub(crate) attempts: Attempts,
    pub(crate) once: OnceLink,
    pub(crate) cookies: Cookies,
    /// The forge's sign-in for applications. `None`: it is not set up.
    pub(crate) oauth: Option<OauthClient>,
    /// The page on which the forge itself signs in. `None`: there is none that helps here.
    pub(crate) forge_page: Option<String>,
    /// The forge of this server's own users, whose pages manage them. `None`: another one, which has pages of its own.
    pub(crate) local: Option<Arc<LocalForge>>,
    /// Seals what a browser keeps while it signs in on the forge. A restart of the server ends such a sign-in.
    pub(crate) flow_key: Key,
}

/// A sign-in on the forge that is under way. The browser keeps it, sealed, in a cookie.
#[derive(Serialize, Deserialize)]
pub(crate) struct Flow {
    /// Random text that comes back with the browser. It shows that this browser began.
    pub(crate) state: String,
    /// Random text whose hash the forge knows. It shows that this server began.
    pub(crate) verifier: String,
    /// The address to which the reader wants.
    pub(crate) next: String,
    expires_ms: u64,
}

impl Flow {
    /// `None`: the system has no random bytes.
    pub(crate) fn begin(next: &str, now_ms: u64) -> Option<Self> {
        let text = || Some(URL_SAFE_NO_PAD.encode(seal::random()?));
        Some(Self {
            state: text()?,
            verifier: text()?,
            next: next.to_owned(),
            expires_ms: now_ms.saturating_add(FLOW_S * 1_000),
        })
    }

    /// The text that the forge gets of the verifier (RFC 7636, S256).
    pub(crate) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }

    /// The value of the cookie. `None`: the system has no random bytes.
    pub(crate) fn sealed(&self, key: &Key) -> Option<String> {
        let sealed = seal::seal(key, FLOW, &serde_json::to_vec(self).ok()?)?;
        Some(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The sign-in of a cookie, if it belongs to this state. `None`: it does not, or has taken too long.
    pub(crate) fn opened(key: &Key, cookie: &str, state: &str, now_ms: u64) -> Option<Self> {
        let opened = seal::open(key, FLOW, &URL_SAFE_NO_PAD.decode(cookie).ok()?)?;
        let flow: Self = serde_json::from_slice(&opened).ok()?;
        // Hashes are compared, so that the time of the comparison tells nothing of the state.
        let is_same = Sha256::digest(flow.state.as_bytes()) == Sha256::digest(state.as_bytes());
        (is_same && now_ms < flow.expires_ms).then_some(flow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_goes_on_in_the_browser_that_began_it_and_in_time() {
        let flow = Flow::begin("/a", 0).unwrap();
        let cookie = flow.sealed(&[1; 32]).unwrap();
        let opened = |key: Key, state: &str, now_ms| Flow::opened(&key, &cookie, state, now_ms);
        assert_eq!(opened([1; 32], &flow.state, 1).unwrap().next, "/a");
        assert!(opened([2; 32], &flow.state, 1).is_none());
        assert!(opened([1; 32], "other", 1).is_none());
        assert!(opened([1; 32], &flow.state, FLOW_S * 1_000).is_none());
        assert!(!cookie.contains(&flow.verifier));
    }

    #[test]
    fn the_challenge_is_the_hash_of_the_verifier() {
        let mut flow = Flow::begin("/", 0).unwrap();
        // The example of RFC 7636, appendix B.
        flow.verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into();
        assert_eq!(flow.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
