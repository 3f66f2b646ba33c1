//! Page tokens: the place of the last item of a page, so that the next page costs what the first one did, and the search that the
//! place is one of.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::error::{Error, Result};

/// The longest token read, in bytes: twice the longest place, that of an order by many texts.
const TOKEN_BYTES_MAX: usize = 100_000;

/// The hex digits with which a token says which search it belongs to.
const SEARCH_DIGITS: usize = 16;

/// The pages of one search. A token of another search is refused: its place means nothing here, or something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages {
    search: u64,
}

impl Pages {
    /// Those of the search that has these parameters. How many items a page has is none of them, and may change.
    pub fn of(search: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        search.hash(&mut hasher);
        Pages {
            search: hasher.finish(),
        }
    }

    /// The token of the page behind a place.
    pub fn token(self, last: &Cursor) -> String {
        format!("{:0SEARCH_DIGITS$x}{}", self.search, last.to_token())
    }

    /// Reads a token that `token` made; an empty one is the first page. `fits` is as in `Place::parse`.
    pub fn after(self, token: &str, fits: impl FnOnce(&[u8]) -> bool) -> Result<Option<Cursor>> {
        if token.is_empty() {
            return Ok(None);
        }
        let parts = token
            .split_at_checked(SEARCH_DIGITS)
            .filter(|(_, cursor)| !cursor.is_empty());
        let (search, cursor) = parts.ok_or_else(|| invalid(token))?;
        let search = hex(search).and_then(|bytes| bytes.try_into().ok());
        let search = search.map(u64::from_be_bytes).ok_or_else(|| invalid(token))?;
        if search != self.search {
            return Err(Error::Invalid(format!(
                "Invalid page token '{}': it belongs to another search. All parameters but max_results must be those of the \
                 page before.",
                shown(token)
            )));
        }
        Cursor::parse(cursor, fits).map_err(|_| invalid(token))
    }
}

/// A place in an order: the bytes that its items are ordered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(Vec<u8>);

impl Cursor {
    /// The place of an item.
    pub fn new(bytes: Vec<u8>) -> Self {
        Cursor(bytes)
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
        let cursor = hex(token).filter(|cursor| fits(cursor)).ok_or_else(|| invalid(token))?;
        Ok(Some(Cursor(cursor)))
    }
}

/// The bytes that hex digits stand for; none for any other text, and for one that is too long.
fn hex(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| {
        // `from_str_radix` alone would take a sign too.
        std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
    };
    let is_short = digits.len() <= TOKEN_BYTES_MAX;
    (is_short && rest.is_empty()).then(|| pairs.iter().map(byte).collect())?
}

fn invalid(token: &str) -> Error {
    Error::Invalid(format!(
        "Invalid page token '{}': it is not one that a former page gave.",
        shown(token)
    ))
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
            let cursor = Cursor::new(bytes.clone());
            prop_assert_eq!(Cursor::parse(&cursor.to_token(), |read| read.len() == bytes.len()), Ok(Some(cursor)));
        }

        #[test]
        fn any_other_text_is_refused(text in ".{1,50}") {
            prop_assert!(Cursor::parse(&text, |bytes| bytes.len() == 100).is_err());
            prop_assert!(Pages::of("a").after(&text, |bytes| bytes.len() == 100).is_err());
        }

        #[test]
        fn a_token_goes_on_with_its_own_search_alone(bytes in proptest::collection::vec(any::<u8>(), 1..40), one in any::<(String, bool)>(), other in any::<(String, bool)>()) {
            let cursor = Cursor::new(bytes);
            let token = Pages::of(&one).token(&cursor);
            prop_assert_eq!(Pages::of(&one).after(&token, |_| true), Ok(Some(cursor)));
            prop_assert_eq!(Pages::of(&other).after(&token, |_| true).is_ok(), one == other);
            prop_assert!(Pages::of(&one).after(&token, |_| false).is_err());
        }
    }

    #[test]
    fn a_sign_is_no_digit() {
        assert!(Cursor::parse("+a", |_| true).is_err());
    }

    #[test]
    fn an_empty_token_is_the_first_page() {
        assert_eq!(Cursor::parse("", |_| false), Ok(None));
        assert_eq!(Pages::of("a").after("", |_| false), Ok(None));
    }
}
