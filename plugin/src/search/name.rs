//! Names in filters and orders: an entity and a key, as in `metrics.loss`.

use super::lex;

/// The name that a path stands for.
pub(super) struct Name<'a> {
    /// The entity: the part before the first dot. `None`: the path has no dot.
    pub word: Option<&'a str>,
    /// The key: the text after the first dot.
    pub key: &'a str,
}

impl<'a> Name<'a> {
    /// Reads a path. A key is quoted as a whole or not at all. MLflow would treat other quotes as part of the
    /// key.
    pub(super) fn read(path: &'a str) -> Option<Self> {
        let parts = lex::parts(path);
        let (first, rest) = parts.split_first()?;
        let word = lex::unquote(first).0;
        match rest {
            [] => Some(Name {
                word: None,
                key: unquote_twice(first),
            }),
            [key] => Some(Name {
                word: Some(word),
                key: unquote_twice(key),
            }),
            _ if rest.iter().any(|part| lex::unquote(part).1) => None,
            _ => Some(Name {
                word: Some(word),
                key: path.get(first.len() + 1..)?,
            }),
        }
    }
}

/// MLflow removes a pair of single or double quotes, then a pair of back-quotes.
fn unquote_twice(part: &str) -> &str {
    let (inner, _) = lex::unquote(part);
    let back_quoted = part.starts_with('`');
    match inner.strip_prefix('`').and_then(|key| key.strip_suffix('`')) {
        Some(key) if !back_quoted => key,
        _ => inner,
    }
}
