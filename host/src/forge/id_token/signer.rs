//! Signs ID tokens in tests, as a forge does. The keys serve nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::{Value, json};

/// A key pair of a forge, and the id under which it is published.
pub(in crate::forge) struct SigningKey {
    pub(in crate::forge) kid: &'static str,
    pair: RsaKeyPair,
}

impl SigningKey {
    /// The key that forges have at first.
    pub(in crate::forge) fn first() -> Self {
        Self::new("key-1", include_bytes!("test-key-1.pk8"))
    }

    /// The key to which forges change.
    pub(in crate::forge) fn second() -> Self {
        Self::new("key-2", include_bytes!("test-key-2.pk8"))
    }

    fn new(kid: &'static str, pkcs8: &[u8]) -> Self {
        let pair = RsaKeyPair::from_pkcs8(pkcs8).expect("a key of 2048 bits");
        Self { kid, pair }
    }

    /// The public key, as in a forge's key set.
    pub(in crate::forge) fn jwk(&self) -> Value {
        let public: RsaPublicKeyComponents<Vec<u8>> = self.pair.public().into();
        let encode = |bytes| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": encode(public.n), "e": encode(public.e)})
    }

    /// A token with these claims, signed with RS256.
    pub(in crate::forge) fn sign(&self, claims: &Value) -> String {
        self.sign_as(
            &json!({"typ": "JWT", "alg": "RS256", "kid": self.kid}),
            claims,
            &RSA_PKCS1_SHA256,
        )
    }

    /// A token that is truly signed with RS512 and says so.
    pub(in crate::forge) fn sign_rs512(&self, claims: &Value) -> String {
        self.sign_as(
            &json!({"typ": "JWT", "alg": "RS512", "kid": self.kid}),
            claims,
            &RSA_PKCS1_SHA512,
        )
    }

    /// A token with this header, signed with RS256 whatever the header says.
    pub(in crate::forge) fn sign_with_header(&self, header: &Value, claims: &Value) -> String {
        self.sign_as(header, claims, &RSA_PKCS1_SHA256)
    }

    fn sign_as(&self, header: &Value, claims: &Value, algorithm: &'static dyn RsaEncoding) -> String {
        let message = [header, claims]
            .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
            .join(".");
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(algorithm, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .expect("a signature of the modulus' length");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
