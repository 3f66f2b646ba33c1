//! Upload tokens authorise the PUT of one part. MLflow clients send parts without their access token, so the part's headers
//! carry a sealed copy of it.
//!
//! A token is sealed with a key that only the host has, and bound to project, path and time. When it is used, the forge is asked
//! about the credential in it, so a revoked credential is refused. Only the host can read it: the component sees sealed text.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use http::HeaderName;

use crate::forge::Credential;
use crate::storage::ProjectId;

/// The header of an upload token, which stands in for an access token.
pub(crate) const UPLOAD_TOKEN: HeaderName = HeaderName::from_static("x-mlforge-upload-token");
/// Longest life of an upload token, in milliseconds.
pub(crate) const LIFE_MS_MAX: u64 = 24 * 3_600 * 1_000;
/// Largest step of the clock backwards, in milliseconds, that tokens survive. After a larger one, a token seems to live longer
/// than `LIFE_MS_MAX`, and is refused.
const CLOCK_SLACK_MS: u64 = 3_600 * 1_000;

/// Length of the expiry time in a token: 8 bytes, big-endian.
const TIME_BYTES: usize = 8;
/// Length of the nonce: long enough to be drawn at random for every token.
const NONCE_BYTES: usize = 24;
/// Domain separation: no other text that is sealed with the same key begins so.
const DOMAIN: &[u8] = b"mlforge upload token 2";

/// Seals and opens upload tokens.
pub(crate) struct UploadTokens {
    cipher: XChaCha20Poly1305,
}

/// The means of a running request to issue upload tokens.
pub(crate) struct TokenIssuer {
    /// The credential whose rights the tokens have.
    pub(crate) credential: Arc<Credential>,
    /// The project's address for clients, without a slash at its end.
    pub(crate) mount: String,
}

/// The request that a token authorises.
#[derive(Clone, Copy)]
pub(crate) struct TokenBinding<'a> {
    pub(crate) project: ProjectId,
    /// The path after the mount, percent-encoded as in the address.
    pub(crate) path: &'a str,
}

impl UploadTokens {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self {
            cipher: XChaCha20Poly1305::new(key.into()),
        }
    }

    /// Makes a token that is valid until `expires_ms`. `None`: the system has no random bytes.
    pub(crate) fn seal(&self, binding: TokenBinding<'_>, expires_ms: u64, credential: &Credential) -> Option<String> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).ok()?;
        let bound = binding.bound_to(expires_ms);
        let credential = credential.encode();
        let payload = Payload {
            msg: credential.as_bytes(),
            aad: &bound,
        };
        let sealed = self.cipher.encrypt(XNonce::from_slice(&nonce), payload).ok()?;
        let token = [&expires_ms.to_be_bytes()[..], &nonce, &sealed].concat();
        Some(URL_SAFE_NO_PAD.encode(token))
    }

    /// Returns the credential of a token that is valid for this request now. `None` does not say why it is invalid.
    pub(crate) fn open(&self, token: &str, binding: TokenBinding<'_>, now_ms: u64) -> Option<Credential> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (expires, rest) = bytes.split_first_chunk::<TIME_BYTES>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let expires_ms = u64::from_be_bytes(*expires);
        let bound = binding.bound_to(expires_ms);
        let payload = Payload {
            msg: sealed,
            aad: &bound,
        };
        // Compares in constant time.
        let opened = self.cipher.decrypt(XNonce::from_slice(nonce), payload).ok()?;
        let credential = Credential::decode(&String::from_utf8(opened).ok()?)?;
        let left_ms = expires_ms.checked_sub(now_ms).filter(|left| *left > 0)?;
        (left_ms <= LIFE_MS_MAX + CLOCK_SLACK_MS).then_some(credential)
    }
}

impl TokenBinding<'_> {
    /// All parts but the last have a fixed length, so no two bindings are the same bytes.
    fn bound_to(&self, expires_ms: u64) -> Vec<u8> {
        let numbers = [self.project.0.to_be_bytes(), expires_ms.to_be_bytes()].concat();
        [DOMAIN, &numbers, self.path.as_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN: TokenBinding<'static> = TokenBinding {
        project: ProjectId(1),
        path: "/a/1",
    };

    fn sealed() -> (UploadTokens, String) {
        let upload_tokens = UploadTokens::new(&[7; 32]);
        let token = upload_tokens
            .seal(DOMAIN, 1_000, &Credential::Bearer("secret".into()))
            .unwrap();
        (upload_tokens, token)
    }

    #[test]
    fn a_token_is_good_for_one_path_of_one_project_until_it_expires() {
        let (upload_tokens, token) = sealed();
        let open = |project, path, now_ms| {
            let project = ProjectId(project);
            upload_tokens.open(&token, TokenBinding { project, path }, now_ms)
        };
        assert_eq!(open(1, "/a/1", 999), Some(Credential::Bearer("secret".into())));
        assert_eq!(open(1, "/a/1", 1_000), None);
        assert_eq!(open(1, "/a/2", 0), None);
        assert_eq!(open(1, "/a/1?x", 0), None);
        assert_eq!(open(2, "/a/1", 0), None);
    }

    #[test]
    fn a_token_of_a_clock_that_was_set_back_is_refused() {
        let upload_tokens = UploadTokens::new(&[7; 32]);
        let day = 24 * 3_600 * 1_000;
        let expires_ms = 10 * day;
        let token = upload_tokens
            .seal(DOMAIN, expires_ms, &Credential::Bearer("secret".into()))
            .unwrap();
        let is_good = |now_ms| upload_tokens.open(&token, DOMAIN, now_ms).is_some();
        assert!(is_good(9 * day) && is_good(9 * day - day / 24));
        assert!(!is_good(9 * day - day / 24 - 1) && !is_good(0));
    }

    #[test]
    fn a_changed_or_foreign_token_is_refused() {
        let (upload_tokens, token) = sealed();
        assert_eq!(UploadTokens::new(&[8; 32]).open(&token, DOMAIN, 0), None);
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            assert_eq!(
                upload_tokens.open(&URL_SAFE_NO_PAD.encode(changed), DOMAIN, 0),
                None,
                "{index}"
            );
        }
        for other in ["", "?", "AAAA", &URL_SAFE_NO_PAD.encode(&bytes[..40])] {
            assert_eq!(upload_tokens.open(other, DOMAIN, 0), None);
        }
    }

    #[test]
    fn a_token_hides_its_credential_and_is_unique() {
        let (upload_tokens, token) = sealed();
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        assert!(!bytes.windows(6).any(|some| some == b"secret"));
        assert_ne!(
            upload_tokens
                .seal(DOMAIN, 1_000, &Credential::Bearer("secret".into()))
                .unwrap(),
            token
        );
    }
}
