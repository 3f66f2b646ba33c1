//! The words for roles, visibilities and scopes. They are the same on the command line, in lists and in the
//! file.

use std::fmt;
use std::str::FromStr;

use crate::forge::{Role, Scope, Visibility};

/// A word that is not allowed in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord {
    kind: &'static str,
    word: String,
    known: String,
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no {}: {}", self.word, self.kind, self.known)
    }
}

impl std::error::Error for UnknownWord {}

/// Implements the conversions of one type from its table of words.
macro_rules! words {
    ($type:ident, $kind:literal, $($variant:ident = $word:literal),+) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$variant => $word),+ })
            }
        }

        impl FromStr for $type {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { kind: $kind, word: word.to_owned(), known: [$($word),+].join(", ") }),
                }
            }
        }
    };
}

words!(
    Visibility,
    "visibility",
    Private = "private",
    Internal = "internal",
    Public = "public"
);
words!(Scope, "scope", Api = "api", ReadApi = "read_api");
words!(
    Role,
    "role",
    Guest = "guest",
    Reporter = "reporter",
    Developer = "developer",
    Maintainer = "maintainer",
    Owner = "owner"
);
