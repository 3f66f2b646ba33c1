//! The token of a reader's forms. A page of another site can make a browser post a form, but it cannot read the reader's
//! pages, so it does not know the token.

use sha2::{Digest as _, Sha256};

use crate::forge::Credential;

/// Bytes of the hash that are sent.
const TOKEN_BYTES: usize = 16;

/// The token of everyone who has this credential. It tells nothing of the credential, and needs no memory.
pub(crate) fn form_token(credential: &Credential) -> String {
    let hash = Sha256::new()
        .chain_update(b"mlforge form token\0")
        .chain_update(credential.encode())
        .finalize();
    hash.iter()
        .take(TOKEN_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// True if this is the form token of the credential. Hashes are compared, so that the time tells nothing of the token.
pub(crate) fn is_form_token(credential: &Credential, sent: &str) -> bool {
    Sha256::digest(form_token(credential)) == Sha256::digest(sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_token_belongs_to_one_credential() {
        let of = |token: &str| form_token(&Credential::Bearer(token.to_owned()));
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
        assert_ne!(of("a"), form_token(&Credential::Cookie("a".to_owned())));
        assert!(is_form_token(&Credential::Bearer("a".to_owned()), &of("a")));
        assert!(!is_form_token(&Credential::Bearer("a".to_owned()), &of("b")));
        assert_eq!(of("a").len(), 2 * TOKEN_BYTES);
    }
}
