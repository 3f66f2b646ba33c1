//! The secret of a session, and what is derived from it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Contents, Hash, Renewal};
use crate::auth::seal::{self, Key};
use crate::forge::Credential;

/// Domain separation: no other text is sealed so.
const DOMAIN: &[u8] = b"mlforge session 1";

/// The secret of a session: 256 random bits. It has no `Debug`.
#[derive(Clone)]
pub(crate) struct Secret(Key);

/// The stored form of the contents, before they are sealed.
#[derive(Serialize, Deserialize)]
struct Stored {
    credential: String,
    refresh_token: Option<String>,
    expires_ms: Option<u64>,
}

impl Secret {
    /// `None`: the system has no random bytes.
    pub(crate) fn new() -> Option<Self> {
        seal::random().map(Self)
    }

    /// The secret that a cookie has. `None`: it has none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The text of the cookie.
    pub(crate) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The hash under which the session is stored. A look-up by it tells nothing of the secret, however long it takes.
    pub(super) fn hash(&self) -> Hash {
        self.derived(b"id")
    }

    /// `None`: the system has no random bytes.
    pub(super) fn seal(&self, contents: &Contents) -> Option<Vec<u8>> {
        let renewal = contents.renewal.as_ref();
        let stored = Stored {
            credential: contents.credential.encode(),
            refresh_token: renewal.map(|renewal| renewal.refresh_token.clone()),
            expires_ms: renewal.map(|renewal| renewal.expires_ms),
        };
        seal::seal(&self.derived(b"key"), DOMAIN, &serde_json::to_vec(&stored).ok()?)
    }

    pub(super) fn open(&self, sealed: &[u8]) -> Option<Contents> {
        let opened = seal::open(&self.derived(b"key"), DOMAIN, sealed)?;
        let stored: Stored = serde_json::from_slice(&opened).ok()?;
        let renewal = stored.refresh_token.zip(stored.expires_ms);
        Some(Contents {
            credential: Credential::decode(&stored.credential)?,
            renewal: renewal.map(|(refresh_token, expires_ms)| Renewal {
                refresh_token,
                expires_ms,
            }),
        })
    }

    fn derived(&self, purpose: &[u8]) -> Key {
        Sha256::new()
            .chain_update(DOMAIN)
            .chain_update(purpose)
            .chain_update(self.0)
            .finalize()
            .into()
    }
}
