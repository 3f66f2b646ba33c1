//! Sealing of short texts with a key: only who has the key reads them, and a changed one is refused.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

/// Length of the nonce: long enough to be drawn at random for every text.
const NONCE_BYTES: usize = 24;

/// A key of a seal.
pub(crate) type Key = [u8; 32];

/// Random bytes of the system. `None`: it has none.
pub(crate) fn random() -> Option<Key> {
    let mut bytes = Key::default();
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes)
}

/// Seals a text. `domain` says what for: a text that was sealed for something else is refused. `None`: the system has no
/// random bytes.
pub(crate) fn seal(key: &Key, domain: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).ok()?;
    let payload = Payload { msg: text, aad: domain };
    let sealed = cipher(key).encrypt(XNonce::from_slice(&nonce), payload).ok()?;
    Some([&nonce[..], &sealed].concat())
}

/// Opens a sealed text. `None`: it was sealed with another key or for something else, or has been changed.
pub(crate) fn open(key: &Key, domain: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let payload = Payload {
        msg: sealed,
        aad: domain,
    };
    cipher(key).decrypt(XNonce::from_slice(nonce), payload).ok()
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_opens_with_its_key_and_for_its_domain_only() {
        let sealed = seal(&[1; 32], b"a", b"secret").unwrap();
        assert_eq!(open(&[1; 32], b"a", &sealed).as_deref(), Some(&b"secret"[..]));
        assert_eq!(open(&[2; 32], b"a", &sealed), None);
        assert_eq!(open(&[1; 32], b"b", &sealed), None);
        assert_eq!(open(&[1; 32], b"a", &sealed[..30]), None);
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
    }
}
