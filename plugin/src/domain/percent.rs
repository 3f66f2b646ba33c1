//! Percent-decoding of URLs, also of texts that are encoded several times.

/// The maximum number of nested encodings. MLflow's clients and server refuse more.
pub const ENCODINGS_MAX: usize = 10;

/// Removes one level of encoding. A percent sign without two hex digits after it is kept, as is a plus.
pub fn decoded_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let decoded = after
            .split_at_checked(2)
            .filter(|_| *byte == b'%')
            .and_then(|(digits, _)| {
                let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
                u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
            });
        bytes.push(decoded.unwrap_or(*byte));
        rest = after.get(if decoded.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    bytes
}

/// Removes one level of encoding and returns text. Bytes that are not UTF-8 become U+FFFD, as in MLflow's
/// clients and server.
pub fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&decoded_bytes(text)).into_owned()
}

/// The text, then the result of each further decoding until nothing changes. After more than `ENCODINGS_MAX`
/// levels the last item is `None`.
pub fn levels(text: &str) -> impl Iterator<Item = Option<String>> {
    let mut count = 0;
    std::iter::successors(Some(Some(text.to_owned())), move |level| {
        let level = level.as_ref()?;
        let next = decoded(level);
        count += 1;
        (next != *level).then_some((count <= ENCODINGS_MAX).then_some(next))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_percent_sign_without_hex_digits_stands_for_itself() {
        for (text, expected) in [
            ("a%20b%zz%4", "a b%zz%4"),
            ("%E6%A8%A1+", "模+"),
            ("é%A9%99", "é\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(decoded(text), expected);
        }
    }

    #[test]
    fn encodings_are_counted() {
        let nested = |depth: usize| format!("%{}41", "25".repeat(depth));
        let last = |depth| levels(&nested(depth)).last();
        assert_eq!(last(0), Some(Some("A".to_owned())));
        assert_eq!(last(ENCODINGS_MAX - 1), Some(Some("A".to_owned())));
        assert_eq!(last(ENCODINGS_MAX), Some(None));
    }

    proptest! {
        #[test]
        fn decoding_reverses_encoding(text in ".{0,30}") {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(decoded(&encoded), text);
        }
    }
}
