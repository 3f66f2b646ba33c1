//! Page tokens: the place of the last item of a page, so that the next page costs what the first one did.

use crate::error::{Error, Result};

/// The longest token read, in bytes: twice the longest place, that of an order by many texts.
const TOKEN_BYTES_MAX: usize = 100_000;

/// A place in an order: the bytes that its items are ordered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(Vec<u8>);

impl Place {
    /// The place of an item.
    pub fn new(bytes: Vec<u8>) -> Self {
        Place(bytes)
    }

    /// What it is made of.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As the caller gets it: hex digits, to be handed back unchanged.
    pub fn to_token(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads a token that `to_token` made; an empty one is the first page. `fits` says whether a place of these bytes
    /// can be one of this search: a token of another search is refused.
    pub fn parse(token: &str, fits: impl FnOnce(&[u8]) -> bool) -> Result<Option<Self>> {
        if token.is_empty() {
            return Ok(None);
        }
        let invalid = || {
            Error::Invalid(format!(
                "Invalid page token '{}': it is not one that a former page gave.",
                shown(token)
            ))
        };
        if token.len() > TOKEN_BYTES_MAX {
            return Err(invalid());
        }
        let (pairs, rest) = token.as_bytes().as_chunks::<2>();
        let byte = |pair: &[u8; 2]| {
            // `from_str_radix` alone would take a sign too.
            std::str::from_utf8(pair)
                .ok()
                .filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
        };
        let place: Vec<u8> = pairs.iter().map(byte).collect::<Option<_>>().ok_or_else(invalid)?;
        if !rest.is_empty() || !fits(&place) {
            return Err(invalid());
        }
        Ok(Some(Place(place)))
    }
}

/// The beginning of a token, for a message.
fn shown(token: &str) -> String {
    token.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_token_reads_back(bytes in proptest::collection::vec(any::<u8>(), 1..40)) {
            let place = Place::new(bytes.clone());
            prop_assert_eq!(Place::parse(&place.to_token(), |read| read.len() == bytes.len()), Ok(Some(place)));
        }

        #[test]
        fn any_other_text_is_refused(text in ".{1,50}") {
            prop_assert!(Place::parse(&text, |bytes| bytes.len() == 100).is_err());
        }
    }

    #[test]
    fn a_sign_is_no_digit() {
        assert!(Place::parse("+a", |_| true).is_err());
    }

    #[test]
    fn an_empty_token_is_the_first_page() {
        assert_eq!(Place::parse("", |_| false), Ok(None));
    }
}
