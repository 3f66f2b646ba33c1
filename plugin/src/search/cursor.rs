//! Page tokens. A token holds the cursor of the last item of a page and a hash of the search. The cursor
//! makes the next page as cheap as the first one. The hash ties the token to its search.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::error::{Error, Result};

/// The longest token read, in bytes: twice the longest cursor, which is one of an order by many texts.
const TOKEN_BYTES_MAX: usize = 100_000;

/// Number of hex digits at the beginning of a token that identify its search.
const SEARCH_DIGITS: usize = 16;

/// The pages of one search. A token of another search is refused: its cursor would mean nothing here, or
/// something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages {
    search: u64,
}

impl Pages {
    /// The pages of a search with these parameters. The page size is not one of them, since a caller may
    /// change it between two pages.
    pub fn of(search: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        search.hash(&mut hasher);
        Pages {
            search: hasher.finish(),
        }
    }

    /// The token of the page after a cursor.
    pub fn token(self, last: &Cursor) -> String {
        format!("{:0SEARCH_DIGITS$x}{}", self.search, last.to_token())
    }

    /// Reads a token that `token` made. `None`: the token is empty, which is the first page. `fits` is as in
    /// `Cursor::parse`.
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

/// A position in an order, as bytes that sort in that order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(Vec<u8>);

impl Cursor {
    /// The cursor with these bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Cursor(bytes)
    }

    /// The bytes of the cursor.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The cursor as hex digits. The caller sends them back unchanged.
    pub fn to_token(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads a token that `to_token` made. `None`: the token is empty, which is the first page. `fits` says
    /// whether these bytes can be a cursor of this search; others are refused.
    pub fn parse(token: &str, fits: impl FnOnce(&[u8]) -> bool) -> Result<Option<Self>> {
        if token.is_empty() {
            return Ok(None);
        }
        let cursor = hex(token).filter(|cursor| fits(cursor)).ok_or_else(|| invalid(token))?;
        Ok(Some(Cursor(cursor)))
    }
}

/// Decodes hex digits. `None`: the text is no hex or is too long.
fn hex(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| {
        // `from_str_radix` alone would accept a sign too.
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
        fn a_token_is_valid_only_for_its_own_search(bytes in proptest::collection::vec(any::<u8>(), 1..40), one in any::<(String, bool)>(), other in any::<(String, bool)>()) {
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
