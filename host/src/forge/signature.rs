//! Signatures of webhooks: the HMAC-SHA256 of the body under a secret that both sides know, in hexadecimal digits.

use ring::hmac::{HMAC_SHA256, Key, verify};

/// True if `hex` is the signature of this body. The comparison takes the same time wherever they differ.
pub(super) fn is_signed(secret: &str, body: &[u8], hex: &str) -> bool {
    let key = Key::new(HMAC_SHA256, secret.as_bytes());
    decode(hex).is_some_and(|signature| verify(&key, body, &signature).is_ok())
}

/// Decodes hexadecimal digits of either case. `None`: there are other characters, or an odd number of digits.
fn decode(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = hex.chars().map(|digit| digit.to_digit(16)).collect();
    let byte = |pair: &[u32]| match pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    };
    digits?.chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second test case of RFC 4231.
    const SECRET: &str = "Jefe";
    const BODY: &[u8] = b"what do ya want for nothing?";
    const SIGNATURE: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

    #[test]
    fn the_signature_is_the_hmac_of_the_body_in_digits_of_either_case() {
        assert!(is_signed(SECRET, BODY, SIGNATURE));
        assert!(is_signed(SECRET, BODY, &SIGNATURE.to_uppercase()));
    }

    #[test]
    fn another_secret_body_or_signature_is_refused() {
        assert!(!is_signed("jefe", BODY, SIGNATURE));
        assert!(!is_signed(SECRET, b"what", SIGNATURE));
        let (last, longer) = (&SIGNATURE[..63], format!("{SIGNATURE}00"));
        for bad in [
            "",
            "zz",
            last,
            &SIGNATURE[..62],
            &longer,
            &format!("{last}4"),
            &format!("{last}+"),
            "é",
        ] {
            assert!(!is_signed(SECRET, BODY, bad), "{bad}");
        }
    }
}
